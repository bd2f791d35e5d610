"""Every command block of the README is executed, as written."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.keda.metadata import parse_trigger
from tests.e2e.program import PROGRAM, Program, environment

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = [block.strip() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]
START, TEST, *POKES = BLOCKS
PORTS = re.compile(r"127\.0\.0\.1:(6000|8080)")


def go_binaries() -> Path:
    return Path(os.environ.get("GOPATH", Path.home() / "go")) / "bin"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Program]:
    """What `make run` starts, on free ports."""
    assert START == "make run"
    process = subprocess.Popen(
        ["make", "run", f"VENV={PROGRAM.parents[1]}"],
        cwd=ROOT,
        env=environment(CARBON_SCALER_DATA_DIR=str(data_dir)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    program = Program(process)
    try:
        yield program.wait_ready()
    finally:
        # As Ctrl-C does: to make and to the program.
        os.killpg(process.pid, signal.SIGINT)
        program.stop(signal.SIGCONT)


def as_written(block: str, running: Program, data_dir: Path) -> subprocess.CompletedProcess[str]:
    """The block in a shell; only the ports are those of this run, and `.venv` this environment."""
    addresses = {"6000": running.grpc_address, "8080": running.http_address.removeprefix("http://")}
    script = PORTS.sub(lambda match: addresses[match[1]], block)
    script = script.replace(".venv/bin/carbon-scaler", str(PROGRAM))
    if "grpcurl" in script and shutil.which("grpcurl", path=search_path()) is None:
        pytest.skip("grpcurl is not installed")
    return subprocess.run(
        ["bash", "-euc", script],
        cwd=data_dir,
        env={**environment(CARBON_SCALER_DATA_DIR=str(data_dir)), "PATH": search_path()},
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )


def search_path() -> str:
    return f"{os.environ['PATH']}:{go_binaries()}"


def poke(words: str) -> str:
    return next(block for block in POKES if words in block)


def test_the_test_command_is_the_one_that_ci_runs():
    assert TEST == "make test"
    assert f"/^{TEST}$/" in (ROOT / ".ci" / "run").read_text()


def test_every_block_is_known_to_a_test_here():
    words = ("IsActive", "explain", "INSERT", "GetMetrics", "doctor", "override", "advise")

    assert sorted(POKES) == sorted(poke(word) for word in words)


def test_is_active_is_answered(running: Program, data_dir: Path):
    done = as_written(poke("IsActive"), running, data_dir)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) in ({"result": True}, {})


def test_explain_tells_the_rules(running: Program, data_dir: Path):
    done = as_written(poke("explain"), running, data_dir)

    assert done.returncode == 0, done.stderr
    assert "rules" in done.stdout
    assert "KEDA gets" in done.stdout


def test_the_insert_is_stored(running: Program, data_dir: Path):
    done = as_written(poke("INSERT"), running, data_dir)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "INSERT 0 1"


def test_the_typo_is_answered_with_what_is_allowed(running: Program, data_dir: Path):
    done = as_written(poke("GetMetrics"), running, data_dir)

    assert done.returncode != 0
    assert "InvalidArgument" in done.stderr
    assert "us-west-1" in done.stderr


def test_status_and_doctor_answer(running: Program, data_dir: Path):
    done = as_written(poke("doctor"), running, data_dir)

    assert done.returncode == 0, done.stderr
    assert "not live" in done.stdout
    assert "schema" in done.stdout


def test_the_rules_are_written_checked_and_overridden(running: Program, data_dir: Path):
    done = as_written(poke("override"), running, data_dir)

    assert done.returncode == 0, done.stderr
    assert "grid emergency" in done.stdout
    assert "not now" in done.stdout
    assert (data_dir / "my-policy" / "workload-policies.yaml").exists()


def test_windows_are_ranked_and_settings_are_advised(running: Program, data_dir: Path):
    done = as_written(poke("advise"), running, data_dir)

    assert done.returncode == 0, done.stderr
    assert "us-west-1" in done.stdout
    assert "forecast" in done.stdout


def test_the_scaled_job_to_copy_resolves():
    manifest = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0])
    metadata = manifest["spec"]["triggers"][0]["metadata"]
    around = Surroundings(
        default_region=None,
        catalog={},
        stored_regions={metadata["region"]},
        backlogs={metadata["backlog"]: None},
    )

    plan = resolve(parse_trigger("teei-platform", "copied", metadata), BUILT_IN_POLICY, around)

    assert isinstance(plan, Plan)
    assert not plan.warnings


def test_every_page_that_the_readme_links_is_there():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
