"""`carbon-scaler check` as a pipeline runs it: one line, and a code to go by."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import PROGRAM, environment, finished
from tests.e2e.serving import grid_value

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "deploy" / "examples"
PAGE = (ROOT / "docs" / "check.md").read_text()
SNIPPETS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
MANIFESTS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
CLEAN, DIRTY, UNKNOWN = "us-east-1", "us-west-1", "eu-west-1"
NOBODY = "postgresql://user:secret@127.0.0.1:1/carbon"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    made = postgres.database()
    postgres.execute(made, grid_value(900, region=DIRTY), grid_value(40, region=CLEAN))
    return made


def checked(url: str, *arguments: str, **settings: str) -> tuple[int, str]:
    """The code, and what was said on stdout."""
    done = finished("check", *arguments, settings={"DATABASE_URL": url, **settings})
    assert done.stderr == "", done.stderr
    return done.returncode, done.stdout


def test_on_a_clean_grid_it_goes(url: str):
    code, line = checked(url, f"region={CLEAN}")

    assert code == 0
    assert line.startswith("go: 40 g/kWh is below the limit of 400")


def test_on_a_dirty_grid_it_waits_until_time_alone_opens(url: str):
    code, line = checked(url, f"region={DIRTY}", "workloadClass=deferrable")

    assert code == 75
    assert re.fullmatch(
        r"wait until \S+Z at the latest because 900 g/kWh is not below the limit of 250.*\n", line
    )


def test_without_data_it_is_told_apart_from_waiting(url: str):
    code, line = checked(url, f"region={UNKNOWN}", "whenBlind=closed", "maxDelay=366d")

    assert code == 69
    assert line.startswith(f"no data: no usable data for {UNKNOWN}: none stored")


def test_without_data_a_class_that_opens_then_goes(url: str):
    assert checked(url, f"region={UNKNOWN}", "whenBlind=open", "maxDelay=366d")[0] == 0


def test_a_tenant_that_may_not_run_there_is_denied(url: str):
    code, line = checked(url, f"region={CLEAN}", "tenant=nobody")

    assert code == 77
    assert line.startswith('denied: tenant "nobody" may run nowhere')


def test_wrong_metadata_are_an_error_and_not_a_wait(url: str):
    code, line = checked(url, "region=us-wset-1")

    assert code == 1
    assert line.startswith('error: region: "us-wset-1" is not allowed; did you mean "us-west-1"?')


def test_no_database_is_code_3():
    done = finished("check", f"region={CLEAN}", settings={"DATABASE_URL": NOBODY})

    assert (done.returncode, done.stdout) == (3, "")
    assert "secret" not in done.stderr


@pytest.mark.parametrize(("region", "code"), [(CLEAN, 0), (DIRTY, 75)])
def test_quietly_only_the_code_tells(url: str, region: str, code: int):
    assert checked(url, f"region={region}", "workloadClass=deferrable", "--quiet") == (code, "")


def test_machines_get_the_whole_explanation_with_the_answer(url: str):
    code, text = checked(url, f"region={DIRTY}", "workloadClass=deferrable", "--json")

    document = json.loads(text)
    assert code == 75
    assert document["check"] == {"answer": "wait", "exit_code": 75}
    assert document["trigger"]["mode"] == "gate"
    assert document["reason"] == "above_threshold"


def test_the_trigger_of_a_manifest_is_checked_in_its_own_mode(url: str):
    code, text = checked(
        url,
        "--scaledjob",
        str(EXAMPLES / "scaledjob-brake.yaml"),
        "--json",
    )

    document = json.loads(text)
    assert (code, document["trigger"]["mode"]) == (0, "brake")


def test_of_an_earlier_instant_it_says_what_was_known_then(url: str):
    code, line = checked(
        url, f"region={CLEAN}", "whenBlind=closed", "maxDelay=366d", "--at", "2020-03-01T12:00Z"
    )

    assert code == 69
    assert "none stored" in line


# The page's samples, run as written


def run_snippet(snippet: str, url: str, directory: Path, **variables: str) -> Any:
    search = f"{PROGRAM.parent}:{directory}:{os.environ['PATH']}"
    for worker in ("run-report", "train-model"):
        script = directory / worker
        script.write_text(f"#!/bin/sh\necho {worker} runs\n")
        script.chmod(0o755)
    return subprocess.run(
        ["sh", "-euc", snippet],
        cwd=directory,
        env={**environment(DATABASE_URL=url, **variables), "PATH": search},
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_the_page_has_a_shell_sample():
    assert len(SNIPPETS) == 2


@pytest.mark.parametrize(("region", "code"), [(CLEAN, 0), (DIRTY, 75)])
def test_the_one_liner_runs_the_work_when_it_may(url: str, tmp_path: Path, region: str, code: int):
    done = run_snippet(SNIPPETS[0].replace("us-east-1", region), url, tmp_path)

    assert done.returncode == code, done.stderr
    assert ("run-report runs" in done.stdout) is (code == 0)


@pytest.mark.parametrize(
    ("trigger", "ends"),
    [
        (CLEAN, (0, "train-model runs")),
        (f"{UNKNOWN} maxDelay=366d", (0, "no data for long: going on without")),
        (f"{CLEAN} tenant=nobody", (77, "not here")),
        ("us-wset-1", (1, "error: region")),
    ],
)
def test_the_loop_waits_goes_and_gives_up_by_the_code(
    url: str, tmp_path: Path, trigger: str, ends: tuple[int, str]
):
    snippet = SNIPPETS[1].replace("us-east-1", trigger)

    done = run_snippet(snippet, url, tmp_path, CHECK_EVERY_SECONDS="0", CHECK_TIMES="1")

    assert done.returncode == ends[0], done.stderr
    assert ends[1] in done.stdout + done.stderr


def test_the_loop_goes_on_at_its_own_deadline(url: str, tmp_path: Path):
    snippet = SNIPPETS[1].replace("us-east-1", DIRTY)

    done = run_snippet(snippet, url, tmp_path, CHECK_EVERY_SECONDS="0", CHECK_TIMES="2")

    assert done.stdout.count("wait until ") == 2
    assert "train-model runs" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("text", MANIFESTS)
def test_the_pipelines_of_the_page_are_well_formed_and_call_check(text: str):
    assert list(yaml.safe_load_all(text))
    assert re.search(r"carbon-scaler,? check", text)
