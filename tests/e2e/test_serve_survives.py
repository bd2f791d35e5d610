"""`carbon-scaler serve` when the database is not there yet, goes away, or is another version's."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished
from tests.e2e.serving import Client, grid_value, serving, wait_until

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
READINESS = ("server.ready", "server.not_ready")

BRAKE = {"region": "us-west-1", "workloadClass": "standard", "mode": "brake"}
# Waits for up to a day, so that only deadlines and a clean grid start anything.
QUEUE = {
    "region": "us-west-1",
    "workloadClass": "deferrable",
    "backlog": "q2q",
    "maxDelay": "1d",
    "lead": "0s",
}
BACKLOGS = """
backlogs:
  q2q:
    kind: postgres
    url_env: QUEUE_DATABASE_URL
    query: SELECT enqueued_at, deadline_at, duration, started_at FROM queue
    refresh: 1s
    timeout: 2s
    max_age: 7s
"""
QUEUE_TABLE = """
CREATE TABLE queue (
  enqueued_at timestamptz NOT NULL DEFAULT now(), deadline_at timestamptz, duration interval,
  started_at timestamptz
)
"""

OVERDUE = "INSERT INTO queue (enqueued_at) VALUES (now() - interval '2 days')"
DUE_IN_SIX_SECONDS = (
    "INSERT INTO queue (deadline_at, duration) VALUES (now() + interval '6 seconds', '1 second')"
)
NEWER_SCHEMA = (
    "INSERT INTO carbon_scaler_migrations (version, name, kind, checksum, minimum_reader) "
    "VALUES (99, 'later', 'post', 'x', 99)"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def postgres(server: Postgres) -> Postgres:
    """The server, running again whatever the last test did to it."""
    server.start()
    return server


@pytest.fixture(scope="module")
def policy_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("policy")
    (directory / "backlogs.yaml").write_text(BACKLOGS)
    return directory


def settings_of(url: str, policy_dir: Path | None = None) -> dict[str, str]:
    if policy_dir is None:
        return {"DATABASE_URL": url}
    return {
        "DATABASE_URL": url,
        "QUEUE_DATABASE_URL": url,
        "CARBON_SCALER_POLICY_DIR": str(policy_dir),
    }


# The database at start


def test_postgres_or_its_schema_is_missing_at_start_and_serve_becomes_ready_by_itself(
    postgres: Postgres,
):
    url = postgres.database(migrated=False)
    postgres.stop()
    with serving(settings_of(url)) as client:
        wait_until(lambda: "does not answer" in str(client.readyz()[1]))
        assert client.readyz()[0] == 503
        assert client.program.get("/livez") == {"status": "alive"}
        assert client.health("liveness") == SERVING
        assert client.health("readiness") == NOT_SERVING
        assert client.samples()["carbon_scaler_database_up",] == 0
        assert not client.is_active(BRAKE), "blind, and class standard opens then"

        postgres.start()
        wait_until(lambda: "run carbon-scaler migrate up" in str(client.readyz()[1]))
        assert client.readyz()[0] == 503

        done = finished("migrate", "up", settings=settings_of(url))
        assert done.returncode == 0, done.stderr
        client.program.wait_ready()
        assert client.readyz() == (200, [])
        assert client.health("readiness") == SERVING
        # It listens too: what comes now is seen.
        postgres.execute(url, grid_value(900))
        wait_until(lambda: client.is_active(BRAKE))
        wait_until(lambda: client.samples()["carbon_scaler_database_up",] == 1)


def test_a_newer_schema_is_refused_with_what_to_do_unless_it_only_adds(postgres: Postgres):
    url = postgres.database()
    postgres.execute(url, NEWER_SCHEMA)
    with serving(settings_of(url)) as client:
        wait_until(lambda: "upgrade carbon-scaler" in str(client.readyz()[1]))
        assert client.readyz()[0] == 503
        assert "minimum reader is 99" in str(client.readyz()[1])

        postgres.execute(url, "UPDATE carbon_scaler_migrations SET minimum_reader = 1")
        client.program.wait_ready()


# The database goes and comes back


def test_postgres_is_gone_and_answers_go_on_until_it_is_back_and_all_is_read_again(
    postgres: Postgres, policy_dir: Path
):
    url = postgres.database()
    postgres.execute(url, QUEUE_TABLE, grid_value(900), OVERDUE)
    with serving(settings_of(url, policy_dir)) as client:
        client.program.wait_ready()
        assert client.value(QUEUE) == 1.0
        assert client.is_active(BRAKE)

        # It takes one second, so it has to start in five, and by then the database is away.
        postgres.execute(url, DUE_IN_SIX_SECONDS)
        wait_until(lambda: client.program.get("/status")["backlogs"]["q2q"]["waiting"] == 2)
        assert client.value(QUEUE) == 1.0
        postgres.stop()
        wait_until(lambda: client.value(QUEUE) == 2.0)
        says_that_the_database_is_away(client)
        assert client.is_active(BRAKE)
        assert client.is_active(BRAKE, name="never-seen-before")

        wait_until(lambda: client.refusal(QUEUE))
        code, text = client.refusal(QUEUE) or (None, "")
        assert code is grpc.StatusCode.UNAVAILABLE
        assert text.startswith('backlog "q2q" is unknown: last read ')
        assert client.is_active(BRAKE)
        assert client.readyz() == (200, [])
        assert client.health("readiness") == SERVING

        postgres.start()
        postgres.execute(url, grid_value(42))
        wait_until(lambda: not client.is_active(BRAKE))
        wait_until(lambda: client.refusal(QUEUE) is None)
        assert client.value(QUEUE) == 2.0
        wait_until(lambda: client.program.get("/status")["database"]["up"])
        assert client.samples()["carbon_scaler_database_up",] == 1
        assert readiness_told(client) == ["server.ready"]


def says_that_the_database_is_away(client: Client) -> None:
    samples = client.samples()
    database = client.program.get("/status")["database"]
    assert samples["carbon_scaler_database_up",] == 0
    assert samples["carbon_scaler_backlog_failures_total", "q2q"] > 0
    assert database["up"] is False
    assert "the database at " in database["failure"]


def readiness_told(client: Client) -> list[str]:
    """What the log says of readiness once it was ready."""
    told = [line["event"] for line in client.program.log if line["event"] in READINESS]
    return told[told.index("server.ready") :]
