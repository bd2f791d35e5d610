"""What is promised for missing things, shown by the installed program.

docs/degradation.md names for each row the test that shows it, here or elsewhere.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.ingesting import (
    DONE,
    NO_DATA,
    REGION,
    ROWS,
    electricity_maps,
    one_cycle,
    provider,
    settings_of,
)
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished
from tests.e2e.serving import Client, grid_value, serving, wait_until
from tests.peers.electricity_maps import LATEST, ElectricityMapsPeer, hour_of
from tests.peers.server import Peer, Reply

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "degradation.md"

# A blind brake of this class is on; the other one's opens when blind.
BRAKE = {
    "region": REGION,
    "mode": "brake",
    "workloadClass": "deferrable",
    "threshold": "200",
    "minRenewablePercent": "0",
}
OPENS_WHEN_BLIND = {**BRAKE, "workloadClass": "standard"}
QUEUE = {"region": REGION, "workloadClass": "deferrable", "backlog": "q2q", "maxDelay": "1d"}
BACKLOGS = """
backlogs:
  q2q: {kind: postgres, url_env: DATABASE_URL, query: SELECT enqueued_at FROM queue}
"""
QUEUE_OF_TWO = (
    "CREATE TABLE queue (enqueued_at timestamptz NOT NULL)",
    "INSERT INTO queue VALUES (now()), (now() - interval '2 days')",
)
SPARE = """
sources:
  spare:
    url: "{url}/{{zone}}"
    zones: {{{region}: here}}
    value: /grams
    time: /hour
    unit: g_per_kwh
    interval: 1h
    lag: 1h
"""
SPARE_GRAMS = 150.0
FED_BY_ELECTRICITY_MAPS = (
    "INSERT INTO grid_regions (region, signal, factors, chain) "
    f"VALUES ('{REGION}', 'average', 'lifecycle', '{{electricity_maps}}')"
)
EXPECTED_CLEAN = f"""
INSERT INTO carbon_intensity_forecasts (region, source, issued_at, target_at, gco2_per_kwh)
SELECT '{REGION}', 'electricity_maps', now() - interval '5 hours',
  date_trunc('hour', now()) + hours * interval '1 hour', 90
FROM generate_series(-5, 5) AS hours
"""
# Every statement of the database then sees a clock that is ahead, typed defaults too.
CLOCK_AHEAD = (
    "CREATE SCHEMA ahead",
    "CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
    "RETURN pg_catalog.clock_timestamp() + interval '10 minutes'",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = ahead, pg_catalog, public', "
    "current_database()); END $$",
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


def test_every_row_of_the_page_names_a_test_that_is_there():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][1:]
    named = [row.rstrip(" |").rpartition("|")[2].strip(" `") for row in rows]
    code = "".join(path.read_text() for path in TESTS.rglob("test_*.py"))

    assert len(rows) >= 14
    assert [name for name in named if f"def {name}(" not in code] == []


def shown(client: Client) -> Any:
    return client.program.get("/status")["regions"][REGION]


def explained(url: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    pairs = [f"{key}={value}" for key, value in metadata.items()]
    done = finished("explain", *pairs, "--json", settings={"DATABASE_URL": url})
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def failures_measured(client: Client) -> dict[str, float]:
    """Failed cycles in a row by source, once ingest's state was read."""
    wait_until(lambda: client.program.get("/status")["feeds"])
    families = text_string_to_metric_families(client.program.text("/metrics"))
    return {
        sample.labels["source"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "carbon_scaler_ingest_failures"
    }


def test_a_provider_is_gone_and_the_next_of_the_chain_serves_until_it_is_back(
    url: str, tmp_path: Path
):
    first = electricity_maps()
    first.overrides[LATEST] = Reply(status=500)
    hour = hour_of(datetime.now(UTC)).isoformat()
    with (
        provider(first) as peer,
        Peer(lambda _: Reply(body={"grams": SPARE_GRAMS, "hour": hour})) as spare,
    ):
        (tmp_path / "sources.yaml").write_text(SPARE.format(url=spare.url, region=REGION))
        settings = settings_of(
            url,
            peer,
            CARBON_SCALER_SOURCES="electricity_maps,spare",
            CARBON_SCALER_POLICY_DIR=str(tmp_path),
        )
        code, document, log = one_cycle(settings)
        assert code == DONE, log
        failures = {each["source"]: each["failure_kind"] for each in document["sources"]}
        assert failures == {"electricity_maps": "server", "spare": None}

        with serving({"DATABASE_URL": url}) as client:
            client.program.wait_ready()
            assert not client.is_active(BRAKE)
            assert shown(client)["source"] == "spare"
            assert shown(client)["grams_per_kwh"] == SPARE_GRAMS
            feeds = {each["source"]: each for each in client.program.get("/status")["feeds"]}
            assert "answered status 500" in feeds["electricity_maps"]["failure"]
            assert feeds["spare"]["failure"] is None
            assert failures_measured(client) == {"electricity_maps": 1.0, "spare": 0.0}

            first.overrides.clear()
            assert one_cycle(settings)[0] == DONE
            changed = client.program.wait_event("intensity.source_changed")
            assert (changed["former"], changed["present"]) == ("spare", "electricity_maps")
            assert shown(client)["source"] == "electricity_maps"


def test_all_providers_are_gone_for_hours_and_what_is_known_decides_then_when_blind(
    postgres: Postgres, url: str, tmp_path: Path
):
    (tmp_path / "backlogs.yaml").write_text(BACKLOGS)
    old = grid_value(900, at="now() - interval '5 hours'", region=REGION)
    postgres.execute(url, *QUEUE_OF_TWO, FED_BY_ELECTRICITY_MAPS, old, EXPECTED_CLEAN)
    settings = {"DATABASE_URL": url, "CARBON_SCALER_POLICY_DIR": str(tmp_path)}
    with serving(settings) as client:
        client.program.wait_ready()
        assert not client.is_active(BRAKE), "the forecast is clean"
        assert (shown(client)["kind"], shown(client)["usable"]) == ("forecast", True)
        assert client.value(QUEUE) == 2.0

        postgres.execute(url, "DELETE FROM carbon_intensity_forecasts")
        # A forecast's end is told by no value; this wakes the server.
        postgres.execute(url, grid_value(901, at="now() - interval '6 hours'", region=REGION))
        wait_until(lambda: client.is_active(BRAKE))
        assert not client.is_active(OPENS_WHEN_BLIND)
        assert shown(client)["usable"] is False
        # One item is past its latest start.
        assert client.value(QUEUE) == 1.0
        assert client.samples()["carbon_scaler_data_age_seconds", REGION] > 4 * 3600
        text = json.dumps(explained(url, BRAKE)["rules"])
        assert "the newest value, from manual, is 5h" in text
        assert "(static), does not decide" in text


def test_clocks_that_differ_at_the_provider_bring_no_value_of_the_future(
    postgres: Postgres, url: str
):
    ahead = ElectricityMapsPeer(now=lambda: datetime.now(UTC) + timedelta(hours=3))
    with provider(ahead) as peer:
        code, document, told = one_cycle(settings_of(url, peer))

    assert code == NO_DATA
    assert document["usable_regions"] == []
    assert "has only values of the future for US-CAL-CISO; check our clock" in told
    assert postgres.value(url, ROWS) == 0


def test_clocks_that_differ_make_a_typed_value_of_the_future_wait(postgres: Postgres, url: str):
    postgres.execute(url, grid_value(90, at="now() - interval '1 minute'", region=REGION))
    postgres.execute(url, grid_value(900, at="now() + interval '10 minutes'", region=REGION))
    assert postgres.value(url, ROWS) == 2
    with serving({"DATABASE_URL": url}) as client:
        client.program.wait_ready()
        assert not client.is_active(BRAKE)
        assert shown(client)["grams_per_kwh"] == 90


def test_clocks_that_differ_between_database_and_server_are_measured_and_told(
    postgres: Postgres, url: str
):
    postgres.execute(url, *CLOCK_AHEAD)
    with serving({"DATABASE_URL": url}) as client:
        client.program.wait_ready()
        told = client.program.wait_event("database.clock_differs")
        assert 590 < told["seconds"] < 610
        offset = client.samples()["carbon_scaler_database_clock_offset_seconds",]
        assert 590 < offset < 610
    done = finished("doctor", "--json", settings={"DATABASE_URL": url})
    assert "the database's clock differs by +6" in done.stdout
