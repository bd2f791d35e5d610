"""`carbon-scaler explain` as people and scripts run it: why, until when, and what would change it."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import PROGRAM, environment, finished
from tests.e2e.serving import grid_value

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"
GATE = ("region=us-west-1", "mode=gate", "workloadClass=deferrable")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    """A dirty us-west-1 and a clean us-east-1."""
    made = postgres.database()
    postgres.execute(made, grid_value(900), grid_value(40, region="us-east-1"))
    return made


def told(url: str, *arguments: str, code: int = 0, **settings: str) -> dict[str, Any]:
    done = finished("explain", *arguments, "--json", settings={"DATABASE_URL": url, **settings})
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def shown(url: str, *arguments: str, **settings: str) -> str:
    done = finished("explain", *arguments, settings={"DATABASE_URL": url, **settings})
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(url: str, *arguments: str) -> str:
    done = finished("explain", *arguments, settings={"DATABASE_URL": url})
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    return line


def written(directory: Path, text: str) -> str:
    file = directory / "job.yaml"
    file.write_text(text)
    return str(file)


def test_a_closed_gate_says_why_until_when_and_what_would_change_it(url: str):
    document = told(url, *GATE)

    assert document["why"].startswith("900 g/kWh is not below the limit of 250")
    assert document["blocked_by"] == "threshold"
    asked, *ahead = document["would_change"]
    assert asked["at"] is None
    assert "250 g/kWh" in asked["what"]
    assert document["until"] == ahead[0]["at"]
    assert ahead[0]["what"].startswith("the pulse begins")
    assert ahead[0]["verdict"] == "open"
    assert document["keda"]["is_active"] is False
    assert document["keda"]["says"].startswith("the formula in scalingModifiers gets 0")


def test_a_person_reads_it_from_top_to_bottom_without_a_terminal_s_codes(url: str):
    text = shown(url, *GATE)

    lines = text.splitlines()
    assert lines[0].startswith("closed (above_threshold): 900 g/kWh is not below the limit of 250")
    order = ["until ", "what would change it", "rules", "grid 900 g/kWh", "settings", "KEDA gets"]
    places = [next(i for i, line in enumerate(lines) if start in line) for start in order]
    assert places == sorted(places)
    assert "\x1b[" not in text
    assert "from class deferrable: " in text
    assert "✗ threshold closed: 900 g/kWh" in text


def test_on_a_terminal_of_80_columns_no_line_is_longer(url: str):
    terminal = {"FORCE_COLOR": "1", "COLUMNS": "80", "TERM": "xterm"}

    coloured = shown(url, *GATE, **terminal)

    assert "\x1b[" in coloured
    lines = re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) > len(shown(url, *GATE).splitlines())


def test_the_manifest_is_examined_on_the_way(url: str, tmp_path: Path):
    file = written(
        tmp_path,
        """
kind: ScaledJob
metadata: {name: nightly, namespace: batch}
spec:
  polingInterval: 30
  triggers:
    - type: external
      metadata: {scalerAddress: "a:6000", region: us-west-1, mode: brake, treshold: "3"}
""",
    )

    document = told(url, "--scaledjob", file)

    assert [(each["severity"], each["key"]) for each in document["manifest"]] == [
        ("error", "spec.scalingStrategy.multipleScalersCalculation"),
        ("error", "spec.triggers"),
        ("warning", "spec.polingInterval"),
    ]
    assert document["warnings"] == ['treshold: unknown key; did you mean "threshold"?']
    text = shown(url, "--scaledjob", file)
    assert "error spec.triggers: a brake alone never starts a Job" in text


def test_a_manifest_with_wrong_metadata_is_examined_as_well(url: str, tmp_path: Path):
    file = written(
        tmp_path,
        """
kind: ScaledJob
spec:
  triggers: [{type: external, metadata: {scalerAddress: "a:6000", region: us-wset-1}}]
  minReplicaCount: 1
""",
    )

    document = told(url, "--scaledjob", file, code=1)

    assert document["blocked_by"] == "metadata"
    assert [each["key"] for each in document["manifest"]] == ["spec.minReplicaCount"]


def test_the_strategy_is_held_against_the_columns_of_the_backlog(
    url: str, postgres: Postgres, tmp_path: Path
):
    queue = postgres.database(migrated=False)
    postgres.execute(
        queue,
        (EXAMPLES / "worker" / "queue.sql").read_text(),
        "CREATE TABLE analytics_backfill_queue (enqueued_at timestamptz)",
    )
    swapped = (EXAMPLES / "scaledjob-queue.yaml").read_text()
    file = written(tmp_path, swapped.replace("strategy: default", "strategy: accurate"))
    settings = {
        "CARBON_SCALER_POLICY_DIR": str(EXAMPLES / "policy"),
        "QUEUE_DATABASE_URL": queue,
    }

    good = told(url, "--scaledjob", str(EXAMPLES / "scaledjob-queue.yaml"), **settings)
    bad = told(url, "--scaledjob", file, **settings)

    assert good["manifest"] == []
    assert good["blocked_by"] == "no_demand"
    (finding,) = bad["manifest"]
    assert finding["key"] == "spec.scalingStrategy.strategy"
    assert finding["text"].endswith("write default")


RECORD = """
INSERT INTO decisions (decided_at, answered_by, namespace, name, region, mode, workload_class,
  verdict, reason, level, admitted, metric_value, target, active, policy_version, trigger, document)
VALUES ('2026-03-02T12:00Z', 'serve-1', 'batch', 'nightly', 'us-west-1', 'gate', 'deferrable',
  'closed', 'above_threshold', 0, 0, 0, 1, false, 'built-in', '{"mode": "gate"}', '%s')
"""


@pytest.fixture(scope="module")
def recorded(url: str, postgres: Postgres) -> dict[str, Any]:
    """An answer of that day, as a server writes it down."""
    document = told(url, *GATE)
    document["why"] = "it was as dirty then"
    document["decided_at"] = "2026-03-02T12:00:00Z"
    postgres.execute(url, RECORD % json.dumps(document).replace("'", "''"))
    return document


def test_what_was_answered_is_shown_as_it_was_written_down(url: str, recorded: dict[str, Any]):
    named = ("--recorded", "--namespace", "batch", "--name", "nightly", "--at", "2026-03-02T13:00Z")

    document = told(url, *named)

    assert document.items() >= recorded.items()
    assert document["recorded"] == {
        "decided_at": "2026-03-02T12:00:00Z",
        "answered_by": "serve-1",
        "trigger": {"mode": "gate"},
    }
    text = shown(url, *named)
    assert text.startswith("closed (above_threshold): it was as dirty then")
    assert "answered at 2026-03-02T12:00:00Z by serve-1" in text


@pytest.mark.usefixtures("recorded")
def test_a_manifest_names_the_object_whose_answer_is_shown(url: str, tmp_path: Path):
    file = written(
        tmp_path,
        "{kind: ScaledJob, metadata: {name: nightly, namespace: batch},"
        " spec: {triggers: [{type: external}]}}",
    )

    assert told(url, "--recorded", "--scaledjob", file)["recorded"]["answered_by"] == "serve-1"


@pytest.mark.usefixtures("recorded")
def test_where_nothing_was_answered_that_is_one_line_and_exit_1(url: str):
    line = refused(
        url, "--recorded", "--namespace", "batch", "--name", "nightly", "--at", "2026-03-02T11:00Z"
    )

    assert "no answer is recorded for batch/nightly up to 2026-03-02T11:00:00+00:00" in line


@pytest.mark.parametrize("arguments", [(), GATE])
def test_what_is_recorded_is_asked_for_by_name(url: str, arguments: tuple[str, ...]):
    assert "name the object with --namespace and --name" in refused(url, "--recorded", *arguments)


def test_pairs_and_a_manifest_are_not_given_together(url: str):
    line = refused(url, *GATE, "--scaledjob", str(EXAMPLES / "scaledjob-queue.yaml"))

    assert "give key=value pairs or --scaledjob, not both" in line


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "explain.md").read_text()
SNIPPETS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)


def run_snippet(snippet: str, url: str, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-euc", snippet],
        cwd=directory,
        env={
            **environment(DATABASE_URL=url),
            "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )


def test_the_page_s_first_command_runs_as_written(url: str, tmp_path: Path):
    done = run_snippet(SNIPPETS[0], url, tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("closed (above_threshold): ")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize(("calculation", "passes"), [("min", True), ("max", False)])
def test_the_page_s_test_of_a_manifest_tells_good_from_bad(
    url: str, tmp_path: Path, calculation: str, passes: bool
):
    text = (EXAMPLES / "scaledjob-brake.yaml").read_text()
    (tmp_path / "scaledjob.yaml").write_text(text.replace(": min", f": {calculation}"))

    done = run_snippet(SNIPPETS[1], url, tmp_path)

    assert (done.returncode == 0) is passes, done.stderr
