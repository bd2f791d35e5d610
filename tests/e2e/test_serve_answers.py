"""`carbon-scaler serve` at work: what KEDA, Prometheus and an operator get to see."""

import http.client
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from carbon_scaler import __version__
from carbon_scaler.protocol import externalscaler_pb2 as pb
from carbon_scaler.protocol import externalscaler_pb2_grpc as rpc
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import started
from tests.e2e.serving import Client, a_ref, grid_value, metric, serving, wait_until
from tests.peers.neso import NesoPeer
from tests.peers.server import Peer

ROOT = Path(__file__).resolve().parents[2]
BACKLOGS = """
backlogs:
  q2q:
    kind: postgres
    url_env: QUEUE_DATABASE_URL
    query: SELECT enqueued_at, deadline_at, started_at FROM queue
    refresh: 1s
"""
# One in progress, two past any latest start, three fresh ones.
QUEUE = """
CREATE TABLE queue AS
SELECT now() - age AS enqueued_at, NULL::timestamptz AS deadline_at,
  CASE WHEN in_progress THEN now() END AS started_at
FROM (VALUES
  (interval '3 days', true), ('2 days', false), ('2 days', false),
  ('1 s', false), ('1 s', false), ('1 s', false)
) AS items (age, in_progress)
"""
BRAKE = {"region": "us-west-1", "workloadClass": "standard", "mode": "brake"}
WAITING = {"region": "us-west-1", "workloadClass": "deferrable", "backlog": "q2q"}


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture(scope="module")
def url(postgres: Postgres) -> str:
    """A dirty us-west-1, a clean eu-west-1 with yesterday's values too, and a queue.

    The value of us-east-1 is too old to decide; the pulses of its brakes are counted from it,
    not from the epoch, so that no test meets one by accident.
    """
    made = postgres.database()
    postgres.execute(
        made,
        QUEUE,
        grid_value(900),
        grid_value(40, region="eu-west-1"),
        grid_value(60, region="eu-west-1", at="now() - interval '1 day'"),
        grid_value(900, region="us-east-1", at="now() - interval '5 hours'"),
    )
    return made


@pytest.fixture(scope="module")
def settings(url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    policy = tmp_path_factory.mktemp("policy")
    (policy / "backlogs.yaml").write_text(BACKLOGS)
    return {
        "DATABASE_URL": url,
        "QUEUE_DATABASE_URL": url,
        "CARBON_SCALER_POLICY_DIR": str(policy),
        "CARBON_SCALER_REGION": "us-west-1",
    }


@pytest.fixture(scope="module")
def client(settings: dict[str, str]) -> Iterator[Client]:
    with serving(settings) as server:
        server.program.wait_ready()
        yield server


# Answers


def test_two_replicas_on_one_database_answer_in_the_same_bytes(
    client: Client, settings: dict[str, str]
):
    triggers = [
        {"mode": mode, "backlog": "q2q", "region": region, "workloadClass": kind, **more}
        for mode in ("queue", "brake")
        for region in ("us-west-1", "eu-west-1", "us-east-1")
        for kind in ("standard", "deferrable")
        for more in ({}, {"maxJobs": "2", "itemsPerJob": "2"}, {"threshold": "50"})
    ]

    def told(by: Client) -> list[bytes]:
        answers = []
        for number, metadata in enumerate(triggers):
            ref = a_ref(metadata, f"object-{number}")
            asked = pb.GetMetricsRequest(scaledObjectRef=ref, metricName="s0-carbon-scaler")
            answers += [by.raw(call, ref.SerializeToString()) for call in ("IsActive", SPEC)]
            answers.append(by.raw("GetMetrics", asked.SerializeToString()))
        return answers

    with serving(settings) as other:
        other.program.wait_ready()
        first, second = told(client), told(other)

    assert first == second
    assert len(set(first)) > 5, "these triggers are told different things"


SPEC = "GetMetricSpec"


def test_a_typed_insert_is_seen_within_a_second(client: Client, postgres: Postgres, url: str):
    postgres.execute(url, grid_value(900, region="ca-central-1"))
    metadata = {**BRAKE, "region": "ca-central-1"}
    wait_until(lambda: client.is_active(metadata))

    postgres.execute(url, grid_value(42, region="ca-central-1"))

    wait_until(lambda: not client.is_active(metadata), seconds=1)


def test_items_past_their_latest_start_are_released_on_a_dirty_grid(client: Client):
    assert client.value(WAITING) == 3.0, "one in progress, two overdue"
    assert client.value({**WAITING, "region": "eu-west-1"}) == 6.0, "clean there"


# HTTP


def test_ready_means_that_nothing_is_missing(client: Client):
    assert client.program.get("/readyz") == {"status": "ready", "reasons": []}
    assert client.program.get("/livez") == {"status": "alive"}


def test_status_tells_what_the_server_knows(client: Client, url: str):
    status = client.program.get("/status")

    assert status["version"] == __version__
    assert (status["ready"], status["not_ready_because"]) == (True, [])
    assert status["listening"] == {
        "grpc_port": int(client.program.grpc_address.rpartition(":")[2]),
        "http_port": int(client.program.http_address.rpartition(":")[2]),
    }
    assert (status["sources"], status["replay"], status["leader"]) == ([], None, None)
    policy = status["policy"]
    assert (policy["version"], policy["failure"]) == ("built-in", None)
    assert policy["documents"] == ["backlogs.yaml"]
    assert policy["classes"] == ["deferrable", "standard", "urgent"]
    assert (status["database"]["up"], status["database"]["failure"]) == (True, None)
    assert status["database"]["url"] == url
    assert status["database"]["snapshot_loaded_at"] >= status["started_at"]


def test_status_tells_each_regions_newest_value_with_all_it_must_say(client: Client):
    region = client.program.get("/status")["regions"]["eu-west-1"]

    assert 0 <= region.pop("age_seconds") < 120
    assert region.pop("observed_at").endswith("Z")
    assert region == {
        "grams_per_kwh": 40.0,
        "renewable_percent": None,
        "source": "manual",
        "signal": "average",
        "factors": "lifecycle",
        "kind": "manual",
        "usable": True,
        "forecast": None,
    }


def test_status_tells_of_the_backlogs(client: Client):
    (backlog,) = client.program.get("/status")["backlogs"].values()

    assert backlog.pop("read_at").endswith("Z")
    assert backlog == {"usable": True, "waiting": 5, "in_progress": 1, "failure": None}


def test_the_routes_describe_themselves_and_others_are_not_there(client: Client):
    paths = client.program.get("/openapi.json")["paths"]

    assert set(paths) == {"/livez", "/readyz", "/metrics", "/status"}
    with pytest.raises(Exception, match="404"):
        client.program.get("/docs")


# Metrics


@pytest.fixture(scope="module")
def fed(postgres: Postgres, settings: dict[str, str]) -> Iterator[Client]:
    """A server on a database that an `ingest` beside it fills, forecasts and all."""
    made = postgres.database()
    postgres.execute(made, grid_value(900))
    with Peer(NesoPeer()) as neso:
        of_ingest = {
            "DATABASE_URL": made,
            "CARBON_SCALER_NESO_URL": neso.url,
            "CARBON_SCALER_REGIONS": "eu-west-2",
        }
        with started("ingest", settings=of_ingest) as ingest:
            ingest.wait_event("ingest.cycle_finished")
            forecasts = "SELECT count(*) FROM carbon_intensity_forecasts"
            wait_until(lambda: postgres.value(made, forecasts))
            with serving({**settings, "DATABASE_URL": made}) as server:
                server.program.wait_ready()
                yield server


def test_every_documented_metric_is_there(fed: Client):
    fed.is_active(BRAKE)
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(carbon_scaler_\w+)`", page, re.MULTILINE))
    wait_until(lambda: any("ingest_leader" in key[0] for key in fed.samples()))

    # A family is there before its first sample, and after midnight when it counts the day's calls.
    families = set(re.findall(r"^# TYPE (\w+)", fed.program.text("/metrics"), re.MULTILINE))

    assert documented
    assert {name for name in families if name.startswith("carbon_scaler_")} == documented
    assert "process_cpu_seconds_total" in families


def decisions(mode: str, verdict: str, reason: str) -> tuple[str, ...]:
    return metric("carbon_scaler_decisions_total", mode=mode, verdict=verdict, reason=reason)


def test_decisions_are_counted_by_reason(client: Client):
    told = {
        ("brake", "closed", "above_threshold"): {**BRAKE, "maxDelay": "3h"},
        ("brake", "open", "below_threshold"): {**BRAKE, "region": "eu-west-1"},
        ("brake", "open", "blind_open"): {**BRAKE, "region": "us-east-1", "maxDelay": "12h"},
        ("queue", "open", "deadline"): WAITING,
    }
    before = client.samples()
    for metadata in told.values():
        client.is_active(metadata)
        client.value(metadata)
    client.refusal({"mode": "nonsense"})
    after = client.samples()

    for labels in told:
        name = decisions(*labels)
        assert after[name] - before.get(name, 0) == 2, labels
    bad = decisions("none", "error", "bad_metadata")
    assert after[bad] - before.get(bad, 0) == 1


def test_calls_are_counted_and_timed(client: Client):
    before = client.samples()
    client.is_active(BRAKE)
    client.refusal({"mode": "nonsense"})
    after = client.samples()

    for method, code in (("IsActive", "OK"), ("GetMetrics", "INVALID_ARGUMENT")):
        name = metric("carbon_scaler_grpc_requests_total", method=method, code=code)
        assert after[name] - before.get(name, 0) == 1
    count = metric("carbon_scaler_grpc_latency_seconds_count", method="IsActive")
    bucket = "carbon_scaler_grpc_latency_seconds_bucket"
    buckets = [
        value for name, value in after.items() if name[0] == bucket and name[2] == "IsActive"
    ]
    assert after[count] - before.get(count, 0) == 1
    assert buckets == sorted(buckets)
    assert buckets[-1] == after[count]


def test_seconds_since_poll_grow_until_an_object_is_asked_for_again(client: Client):
    name = metric("carbon_scaler_seconds_since_poll", namespace="batch", name="polled-once")
    assert name not in client.samples()

    client.is_active(BRAKE, name="polled-once")
    at_first = client.samples()[name]
    wait_until(lambda: client.samples()[name] > at_first + 0.05)
    client.is_active(BRAKE, name="polled-once")
    again = client.samples()[name]

    assert 0 <= at_first < 5
    assert again < 5


def test_the_queue_and_the_grid_are_measured(client: Client):
    client.value(WAITING)
    samples = client.samples()

    assert samples["carbon_scaler_build_info", __version__] == 1
    assert samples["carbon_scaler_backlog_items", "q2q", "waiting"] == 5
    assert samples["carbon_scaler_backlog_items", "q2q", "in_progress"] == 1
    assert samples["carbon_scaler_overdue_items", "q2q"] == 2
    assert 0 <= samples["carbon_scaler_backlog_age_seconds", "q2q"] < 10
    assert samples["carbon_scaler_backlog_failures_total", "q2q"] == 0
    assert samples["carbon_scaler_intensity_grams_per_kwh", "eu-west-1", "manual"] == 40
    assert 0 <= samples["carbon_scaler_data_age_seconds", "eu-west-1"] < 120
    assert 0 <= samples["carbon_scaler_snapshot_age_seconds",] < 120
    assert samples["carbon_scaler_database_up",] == 1
    assert samples["carbon_scaler_objects",] >= 1
    assert samples["carbon_scaler_loop_lag_seconds", "worst"] >= 0


# The end


def test_a_signal_drains_everything_within_five_seconds(settings: dict[str, str]):
    with serving(settings) as client:
        client.program.wait_ready()
        stub = rpc.ExternalScalerStub(client.channel)
        stream: Any = stub.StreamIsActive(a_ref(BRAKE, "streamed"))
        next(stream)
        host, _, port = client.program.http_address.removeprefix("http://").partition(":")
        idle = http.client.HTTPConnection(host, int(port), timeout=10)
        idle.request("GET", "/livez")
        idle.getresponse().read()
        polls = Polls(client)
        wait_until(lambda: polls.answered)

        before = time.monotonic()
        code = client.program.stop(signal.SIGTERM)
        took = time.monotonic() - before

        polls.join()
        idle.close()
        with pytest.raises(grpc.RpcError):
            next(stream)
    assert code == 0
    assert took < 5
    assert client.program.log[-1]["event"] == "server.stopped"
    assert polls.codes <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}


class Polls:
    """Somebody who goes on asking until nobody answers."""

    def __init__(self, client: Client) -> None:
        self.answered = 0
        self.codes: set[grpc.StatusCode] = set()
        self._client = client
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def join(self) -> None:
        self._thread.join(20)

    def _ask(self) -> None:
        while not self.codes:
            try:
                self._client.is_active(BRAKE)
                self.answered += 1
            except grpc.RpcError as error:
                self.codes.add(error.code())
