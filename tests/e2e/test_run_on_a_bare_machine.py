"""`carbon-scaler run` as a user starts it: nothing but a directory."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from carbon_scaler.protocol import externalscaler_pb2 as pb
from carbon_scaler.protocol import externalscaler_pb2_grpc as rpc
from tests.e2e.program import Program, finished, started

BRAKE = {"region": "us-west-1", "workloadClass": "deferrable", "mode": "brake"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[Program]:
    with started("run", settings={"CARBON_SCALER_DATA_DIR": str(data_dir)}, cwd=data_dir) as run:
        yield run.wait_ready()


def is_braked(program: Program, **more: str) -> bool:
    with grpc.insecure_channel(program.grpc_address) as channel:
        stub = rpc.ExternalScalerStub(channel)
        ref = pb.ScaledObjectRef(
            name="nightly", namespace="default", scalerMetadata={**BRAKE, **more}
        )
        return bool(stub.IsActive(ref, timeout=10).result)


def test_it_prints_what_it_is_where_it_listens_which_data_and_what_to_try(running: Program):
    banner = running.wait_output("/status")

    assert "KEDA external scaler" in banner
    assert running.grpc_address in banner
    assert "replayed data, not live" in banner
    assert "grpcurl -plaintext" in banner
    assert "carbon-scaler explain" in banner


def test_status_says_that_the_data_are_replayed(running: Program):
    status = running.get("/status")

    assert "not live" in status["replay"]
    assert status["sources"] == ["replay"]
    assert set(status["regions"]) == {
        "us-east-1",
        "us-west-1",
        "eu-central-1",
        "eu-west-1",
        "eu-west-2",
        "eu-south-2",
    }
    assert status["regions"]["us-west-1"]["source"] == "replay"
    assert running.get("/readyz")["status"] == "ready"


def test_a_row_typed_into_psql_changes_the_next_answer(running: Program, data_dir: Path):
    settings = {"CARBON_SCALER_DATA_DIR": str(data_dir)}
    # A region of its own: the tests come in any order.
    limit = {"region": "eu-south-2", "threshold": "10", "minRenewablePercent": "0"}
    assert is_braked(running, **limit)

    insert = (
        "INSERT INTO co2e_emissions (region, timestamp, gCO2_per_kWh, energy_mix_solar, "
        "energy_mix_wind, source, data_quality, confidence_score) "
        "VALUES ('eu-south-2', NOW(), 5.0, 30.0, 40.0, 'manual', 'real_time', 1.0)"
    )
    done = finished("db", "psql", "-c", insert, settings=settings)

    assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 5
    while is_braked(running, **limit):
        assert time.monotonic() < deadline, "the typed row is not seen"


def test_explain_agrees_with_what_grpc_answers(running: Program, data_dir: Path):
    settings = {"CARBON_SCALER_DATA_DIR": str(data_dir)}
    # The first forecast may come between the two answers; a limit does not look at it.
    by_limit = {"strategy": "threshold"}
    arguments = [f"{key}={value}" for key, value in {**BRAKE, **by_limit}.items()]

    done = finished("explain", *arguments, "--json", settings=settings)
    document = json.loads(done.stdout)

    assert done.returncode == 0
    assert (document["verdict"] == "closed") == is_braked(running, **by_limit)
    assert document["metric_value"] == 0.001
    assert document["target"] == 0
    assert [rule["rule"] for rule in document["rules"]][:2] == ["class", "deadline"]
    assert document["settings"]["threshold"] == {"value": 250.0, "origin": "class deferrable"}


def test_doctor_lists_what_it_found(running: Program, data_dir: Path):
    done = finished("doctor", "--json", settings={"CARBON_SCALER_DATA_DIR": str(data_dir)})

    findings = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}

    assert done.returncode == 0, done.stderr
    assert findings["database"]["state"] == "good"
    assert findings["schema"]["state"] == "good"
    assert findings["data us-west-1"]["state"] == "good"
    assert "CARBON_SCALER_POLICY_DIR" in findings["backlogs"]["text"]


def test_a_second_run_in_the_same_directory_is_refused_by_name(running: Program, data_dir: Path):
    done = finished("run", settings={"CARBON_SCALER_DATA_DIR": str(data_dir)})

    assert done.returncode == 3
    assert str(running.process.pid) in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("which", ["GRPC", "HTTP"])
def test_a_port_in_use_is_one_clear_line(tmp_path: Path, which: str):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = finished(
            "run",
            settings={
                "CARBON_SCALER_DATA_DIR": str(tmp_path),
                f"CARBON_SCALER_{which}_PORT": str(port),
            },
        )

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert f"port {port}" in done.stderr
    assert f"CARBON_SCALER_{which}_PORT" in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://nobody:secret@127.0.0.1:1/x", "does not answer"),
        ("mysql://localhost/x", "is not a PostgreSQL URL"),
    ],
)
def test_a_database_that_is_not_there_is_one_clear_line(tmp_path: Path, url: str, said: str):
    done = finished("run", settings={"DATABASE_URL": url}, cwd=tmp_path)

    assert done.returncode in {1, 3}
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_everything_within_five_seconds_and_the_data_survive(tmp_path: Path):
    settings = {"CARBON_SCALER_DATA_DIR": str(tmp_path)}
    with started("run", settings=settings) as first:
        first.wait_ready()
        before = time.monotonic()
        code = first.stop(signal.SIGINT)
        took = time.monotonic() - before
    with started("run", settings=settings) as second:
        second.wait_ready()
        counted = finished(
            "db", "psql", "-Atc", "SELECT count(*) FROM co2e_emissions", settings=settings
        )

    assert code == 0
    assert took < 5
    assert int(counted.stdout) > 0


def test_a_killed_parent_leaves_nothing_that_the_next_start_cannot_clean_up(tmp_path: Path):
    settings = {"CARBON_SCALER_DATA_DIR": str(tmp_path)}
    with started("run", settings=settings) as first:
        first.wait_ready()
        first.stop(signal.SIGKILL)

    with started("run", settings=settings) as second:
        assert second.wait_ready().get("/readyz")["status"] == "ready"
