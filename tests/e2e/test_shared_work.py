"""Three servers in three regions on one database: where shared work runs, all say alike."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished
from tests.e2e.serving import Client, grid_value, metric, serving, wait_until

REGIONS = ("us-east-1", "us-west-1", "eu-central-1")
LISTED = "us-east-1|us-west-1|eu-central-1"
# What the issue calls "at once"; a test only times out.
AT_ONCE_SECONDS = 10.0
BACKLOGS = """
backlogs:
  orders:
    kind: postgres
    url_env: DATABASE_URL
    query: SELECT enqueued_at FROM work
    refresh: 1s
"""
PLACE = """
INSERT INTO backlog_places (backlog, region, chosen_at, begins_at, chosen_by, reason)
VALUES ('orders', '{region}', now(), now(), 'the test', 'first')
ON CONFLICT (backlog) DO UPDATE
SET region = excluded.region, chosen_at = now(), begins_at = now()
"""


def trigger(region: str) -> dict[str, str]:
    return {
        "region": region,
        "regions": LISTED,
        "backlog": "orders",
        "workloadClass": "standard",
        "maxDelay": "7d",
        "lead": "5m",
    }


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as running:
        running.start()
        yield running


@pytest.fixture(scope="module")
def settings(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    url, policy = server.database(), tmp_path_factory.mktemp("policy")
    (policy / "backlogs.yaml").write_text(BACKLOGS)
    server.execute(
        url, "CREATE TABLE work AS SELECT now() AS enqueued_at FROM generate_series(1, 3)"
    )
    for region in REGIONS:
        server.execute(url, grid_value(100, region=region))
    return {"DATABASE_URL": url, "CARBON_SCALER_POLICY_DIR": str(policy)}


@pytest.fixture(scope="module")
def clients(settings: dict[str, str]) -> Iterator[dict[str, Client]]:
    with ExitStack() as stack:
        clients = {
            region: stack.enter_context(serving({**settings, "CARBON_SCALER_REGION": region}))
            for region in REGIONS
        }
        for client in clients.values():
            client.program.wait_ready()
        yield clients


def started(clients: dict[str, Client]) -> dict[str, float]:
    return {region: client.value(trigger(region)) for region, client in clients.items()}


def only(region: str) -> dict[str, float]:
    return {each: 3.0 if each == region else 0.0 for each in REGIONS}


def test_one_region_starts_and_all_follow_when_the_place_moves(
    clients: dict[str, Client], settings: dict[str, str], server: Postgres
):
    url = settings["DATABASE_URL"]
    server.execute(url, "DELETE FROM backlog_places")
    # The first listed, until one is chosen.
    wait_until(lambda: started(clients) == only("us-east-1"), seconds=AT_ONCE_SECONDS)
    heard = "SELECT count(DISTINCT region) FROM place_heartbeats WHERE backlog = 'orders'"
    wait_until(lambda: server.value(url, heard) == len(REGIONS), seconds=AT_ONCE_SECONDS)

    for region in ("eu-central-1", "us-west-1"):
        server.execute(url, PLACE.format(region=region))
        wait_until(lambda: started(clients) == only(region), seconds=AT_ONCE_SECONDS)  # noqa: B023
        for client in clients.values():
            assert client.samples()[metric("carbon_scaler_places", region=region)] == 1


def test_explain_says_where_the_work_runs_and_what_each_region_counts(
    clients: dict[str, Client], settings: dict[str, str], server: Postgres
):
    server.execute(settings["DATABASE_URL"], PLACE.format(region="eu-central-1"))
    wait_until(lambda: started(clients) == only("eu-central-1"), seconds=AT_ONCE_SECONDS)

    said = [f"{key}={value}" for key, value in trigger("us-west-1").items()]
    done = finished("explain", "--json", *said, settings=settings)

    told = json.loads(done.stdout)
    assert (told["verdict"], told["reason"], told["blocked_by"]) == (
        "closed",
        "place_elsewhere",
        "place",
    )
    assert told["place"]["place"] == "eu-central-1"
    assert told["place"]["ladder"] == ["eu-central-1", "us-east-1", "us-west-1"]
    assert [each["score"] for each in told["place"]["regions"]] == [1.0, 1.0, 1.0]
    drawn = finished("explain", *said, settings=settings).stdout
    assert "orders runs in eu-central-1" in drawn


def test_a_list_without_the_trigger_s_own_region_is_refused_in_words(settings: dict[str, str]):
    done = finished(
        "explain",
        "region=us-west-1",
        "regions=us-east-1|eu-central-1",
        "mode=brake",
        settings=settings,
    )

    assert done.returncode == 1
    assert "it must name us-west-1 too" in done.stdout + done.stderr
