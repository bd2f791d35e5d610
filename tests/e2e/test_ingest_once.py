"""`carbon-scaler ingest --once`, as a CronJob runs it."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests.e2e.ingesting import (
    DATABASE,
    DONE,
    NO_DATA,
    REGION,
    ROWS,
    WRONG,
    electricity_maps,
    is_whole,
    one_cycle,
    provider,
    settings_of,
)
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import started
from tests.peers.electricity_maps import LATEST
from tests.peers.server import Peer, Reply, Request

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


# Exit 0


def test_a_cycle_fills_the_database_and_a_second_one_changes_nothing(postgres: Postgres, url: str):
    with provider() as peer:
        code, document, log = one_cycle(settings_of(url, peer))
        rows = postgres.value(url, ROWS)
        again_code, again, _ = one_cycle(settings_of(url, peer))

    assert code == again_code == DONE, log
    # The document alone is on stdout, and the log on stderr.
    assert set(document) == {"sources", "usable_regions", "leader"}
    assert "ingest.started" in [json.loads(line)["event"] for line in log.splitlines()]
    assert document["usable_regions"] == again["usable_regions"] == [REGION]
    assert document["sources"][0]["changed"] == rows > 24
    assert again["sources"][0]["changed"] == 0
    assert postgres.value(url, ROWS) == rows
    assert postgres.value(url, "SELECT count(*) FROM co2e_emissions_revisions") == 0
    forecasts = "SELECT count(*) FROM carbon_intensity_forecasts WHERE source"
    assert postgres.value(url, f"{forecasts} = 'electricity_maps'") > 0
    assert postgres.value(url, f"{forecasts} = 'own'") > 0
    assert is_whole(postgres, url)


def test_while_a_loop_leads_one_cycle_asks_nothing_and_says_who_leads(url: str):
    with provider() as peer, started("ingest", settings=settings_of(url, peer)) as loop:
        loop.wait_event("ingest.history_loaded", seconds=60)
        asked = len(peer.requests)
        code, document, log = one_cycle(settings_of(url, peer))

        assert code == DONE, log
        assert f":{loop.process.pid}" in document["leader"]
        assert document["usable_regions"] == [REGION]
        assert document["sources"] == []
        assert len(peer.requests) == asked


def test_while_a_loop_that_leads_has_no_value_yet_one_cycle_waits_for_it(url: str):
    allowed, faithful = threading.Event(), electricity_maps()

    def held_back(request: Request) -> Reply:
        assert allowed.wait(60)
        return faithful(request)

    with provider(held_back) as peer:
        settings = settings_of(url, peer)
        with started("ingest", settings=settings) as loop:
            loop.wait_event("ingest.term_began")
            with started("ingest", "--once", settings=settings) as once:
                told = once.wait_event("ingest.waits_for_values")
                allowed.set()
                code = once.process.wait(60)

            assert code == DONE, once.log
            assert f":{loop.process.pid}" in told["cause"]
            assert f":{loop.process.pid}; the work is left to it" in "".join(once.output)


# Exit 1: what is known without asking anybody


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"ELECTRICITY_MAPS_API_KEY": ""},
            ["CARBON_SCALER_SOURCES names electricity_maps", "needs ELECTRICITY_MAPS_API_KEY"],
        ),
        (
            {"CARBON_SCALER_SOURCES": "electricty_maps"},
            ['"electricty_maps" is not known', "electricity_maps"],
        ),
        ({"CARBON_SCALER_REGIONS": "us-wset-1"}, ['"us-wset-1"', "did you mean", "us-west-1"]),
        (
            {"CARBON_SCALER_SOURCES": "neso", "CARBON_SCALER_REGIONS": "us-east-1"},
            ["us-east-1", "neso"],
        ),
        (
            {"ELECTRICITY_MAPS_QUOTA_PER_DAY": "10"},
            ["ELECTRICITY_MAPS_QUOTA_PER_DAY allows 10"],
        ),
    ],
    ids=["missing key", "unknown source", "unknown region", "region unserved", "quota too small"],
)
def test_what_is_wrongly_configured_is_one_line_and_no_request(
    url: str, change: dict[str, str], said: list[str]
):
    with provider() as peer:
        settings = settings_of(url, peer, CARBON_SCALER_NESO_URL=peer.url, **change)
        code, document, told = one_cycle(settings)

        assert code == WRONG, told
        assert document is None
        assert told.count("\n") == 1
        assert all(part in told for part in said), told
        assert peer.requests == []


# Exit 2: nobody gave a usable value


def test_a_refused_key_is_not_tried_again_and_exit_2(postgres: Postgres, url: str):
    with provider() as peer:
        code, document, told = one_cycle(
            settings_of(url, peer, ELECTRICITY_MAPS_API_KEY="a-key-that-nobody-knows")
        )
        asked = [path for path in peer.paths if path.endswith(LATEST)]

    assert code == NO_DATA
    assert document["usable_regions"] == []
    assert document["sources"][0]["failure_kind"] == "key"
    assert "no region got a usable value" in told
    assert "electricity_maps" in told
    assert "a-key-that-nobody-knows" not in told
    assert len(asked) <= 1
    assert postgres.value(url, ROWS) == 0


def test_a_provider_that_is_down_is_asked_three_times_and_exit_2(postgres: Postgres, url: str):
    with provider(lambda _: Reply(status=503, body={"error": "down"})) as peer:
        code, document, told = one_cycle(settings_of(url, peer))
        times = {path: peer.paths.count(path) for path in peer.paths}

    assert code == NO_DATA
    assert max(times.values()) == 3, times
    assert document["sources"][0]["failure_kind"] == "server"
    assert "electricity_maps: answered status 503" in told
    assert postgres.value(url, ROWS) == 0


def test_yearly_averages_alone_are_exit_2_and_the_reason_is_said(postgres: Postgres, url: str):
    settings = settings_of(url, NOWHERE, CARBON_SCALER_SOURCES="static")
    code, document, told = one_cycle(settings)

    assert code == NO_DATA
    assert document["usable_regions"] == []
    assert "yearly averages only, which never decide" in told
    assert postgres.value(url, ROWS) == 0


def test_a_failed_cycle_is_told_once_and_not_again_by_the_next(url: str):
    with Peer(lambda _: Reply(body="ok")) as slack, provider(lambda _: Reply(status=401)) as peer:
        settings = settings_of(url, peer, SLACK_WEBHOOK_URL=f"{slack.url}/services/T0/B0/hook")
        first, _, _ = one_cycle(settings)
        told = [json.loads(request.body)["text"] for request in slack.requests]
        second, _, _ = one_cycle(settings)

        assert first == second == NO_DATA
        assert len(told) == 1
        assert "electricity_maps" in told[0]
        assert len(slack.requests) == 1


# Exit 3


def test_postgres_is_missing_at_start_which_is_exit_3_and_no_request():
    with provider() as peer:
        code, document, told = one_cycle(settings_of("postgresql://someone@127.0.0.1:1/x", peer))

        assert (code, document) == (DATABASE, None)
        assert "does not answer" in told
        assert peer.requests == []


def test_the_schema_is_missing_at_start_which_is_exit_3_with_what_to_do(postgres: Postgres):
    with provider() as peer:
        code, document, told = one_cycle(settings_of(postgres.database(migrated=False), peer))

        assert (code, document) == (DATABASE, None)
        assert "carbon-scaler migrate up" in told
        assert peer.requests == []


def test_a_usable_value_of_one_region_is_enough_and_the_others_failure_is_told(url: str):
    handler = electricity_maps()
    handler.overrides[LATEST] = lambda request: (
        Reply(status=500) if request.query["zone"] == "DE" else handler.faithful(request)
    )
    with provider(handler) as peer:
        regions = f"{REGION},eu-central-1"
        code, document, _ = one_cycle(settings_of(url, peer, CARBON_SCALER_REGIONS=regions))

    assert code == DONE
    assert REGION in document["usable_regions"]
    assert "DE" in document["sources"][0]["failure"]
