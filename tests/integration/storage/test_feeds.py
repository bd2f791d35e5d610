"""What ingest remembers across restarts."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.ports import CallCounts, FeedLedger, ZoneDirectory
from carbon_scaler.application.terms import SupersededError
from carbon_scaler.domain.intensity import Basis, Signal
from carbon_scaler.domain.regions import CloudRegion, RegionGrid
from carbon_scaler.storage.call_counts import PostgresCallCounts
from carbon_scaler.storage.feeds import PostgresFeedLedger
from carbon_scaler.storage.pool import Pool
from carbon_scaler.storage.zone_directory import PostgresZoneDirectory

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
FULL = FeedRecord(
    source="electricity_maps",
    zone="US-MIDA-PJM",
    regions=("us-east-1", "azure:eastus"),
    asked_at=NOW,
    answered_at=NOW - HOUR,
    newest_at=NOW - 2 * HOUR,
    history_until=NOW - 3 * HOUR,
    history_asked_at=NOW - 4 * HOUR,
    forecast_asked_at=NOW - 5 * HOUR,
    failures=3,
    failure="HTTP 500",
    failure_kind="server",
    results={"ok": 7, "server": 3},
)
BARE = FeedRecord(source="neso", zone="GB", regions=("eu-west-2",))
REGION = CloudRegion(
    name="us-east-1",
    provider="aws",
    country="US",
    zone="US-MIDA-PJM",
    latitude=38.9,
    longitude=-77.4,
    eu_eea="no",
)
GRID = RegionGrid(region=REGION, basis=Basis(), chain=("first", "second"))


@pytest.fixture
def ledger(pool: Pool) -> FeedLedger:
    return PostgresFeedLedger(pool)


@BOTH_VERSIONS
async def test_feeds_come_back_as_they_were_kept(ledger: FeedLedger):
    assert list(await ledger.feeds()) == []

    await ledger.keep_feeds([BARE, FULL])

    assert list(await ledger.feeds()) == [FULL, BARE]


async def test_a_feed_is_kept_in_place_of_what_was_known_of_it(ledger: FeedLedger):
    await ledger.keep_feeds([FULL, BARE])
    recovered = replace(FULL, regions=("us-east-1",), failures=0, failure=None, failure_kind=None)

    await ledger.keep_feeds([recovered])

    assert list(await ledger.feeds()) == [recovered, BARE]


async def test_a_term_that_is_over_keeps_nothing(ledger: FeedLedger, pool: Pool):
    with pytest.raises(SupersededError):
        await ledger.keep_feeds([FULL], term=7)
    with pytest.raises(SupersededError):
        await ledger.keep_grids([GRID], term=7)

    assert list(await ledger.feeds()) == []
    assert await pool.fetch("SELECT FROM grid_regions") == []


async def test_a_present_term_keeps(ledger: FeedLedger, pool: Pool):
    await ledger.keep_feeds([FULL], term=0)
    await ledger.keep_grids([GRID], term=0)

    assert list(await ledger.feeds()) == [FULL]
    assert len(await pool.fetch("SELECT FROM grid_regions")) == 1


@BOTH_VERSIONS
async def test_readers_are_told_of_regions_that_changed_and_of_no_others(
    ledger: FeedLedger, pool: Pool
):
    told: asyncio.Queue[object] = asyncio.Queue()
    west = replace(GRID, region=replace(REGION, name="us-west-1"))
    async with pool.acquire() as listener:
        await listener.add_listener(
            "carbon_scaler_intensity", lambda *word: told.put_nowait(word[-1])
        )
        await ledger.keep_grids([west, GRID])
        await ledger.keep_grids([west, GRID])
        marginal = Basis(signal=Signal.MARGINAL)
        await ledger.keep_grids([west, replace(GRID, chain=("second",), stand_ins=(marginal,))])
        async with asyncio.timeout(10):
            words = [await told.get() for _ in range(3)]
        await listener.execute("SELECT 1")
        await listener.reset()

    assert sorted(map(str, words)) == ["us-east-1", "us-east-1", "us-west-1"]
    assert told.empty()
    row = await pool.fetchrow("SELECT * FROM grid_regions WHERE region = 'us-east-1'")
    assert row is not None
    assert (row["chain"], row["stand_ins"]) == (["second"], ["marginal/lifecycle"])


@pytest.fixture
def counts(pool: Pool) -> PostgresCallCounts:
    return PostgresCallCounts(pool)


@BOTH_VERSIONS
async def test_requests_are_counted_up_to_their_limit(counts: PostgresCallCounts):
    port: CallCounts = counts

    spent = [await port.spend("electricity_maps", NOW, limit=2) for _ in range(4)]

    assert spent == [1, 2, None, None]
    assert await counts.calls_today(NOW) == {"electricity_maps": 2}
    assert await port.spend("electricity_maps", NOW, limit=None) == 3
    assert await port.spend("watttime", NOW, limit=0) is None
    assert await counts.calls_today(NOW) == {"electricity_maps": 3}


async def test_a_day_is_one_of_utc(counts: PostgresCallCounts):
    midnight = datetime.fromisoformat("2026-03-11T00:00:00+00:00")
    before_midnight = datetime.fromisoformat("2026-03-11T00:59:59+01:00")
    await counts.spend("neso", before_midnight, limit=1)

    assert await counts.spend("neso", midnight, limit=1) == 1
    assert await counts.calls_today(midnight) == {"neso": 1}


async def test_many_at_once_never_spend_more_than_the_limit(counts: PostgresCallCounts):
    spent: Sequence[int | None] = await asyncio.gather(
        *(counts.spend("neso", NOW, limit=10) for _ in range(25))
    )

    assert sorted(number for number in spent if number is not None) == list(range(1, 11))


@BOTH_VERSIONS
async def test_a_zone_that_was_looked_up_is_known(pool: Pool):
    directory: ZoneDirectory = PostgresZoneDirectory(pool)
    assert await directory.known("watttime", "us-east-1") is None

    await directory.keep("watttime", "us-east-1", "PJM_ROANOKE", NOW)
    await directory.keep("watttime", "us-east-1", "PJM_DC", NOW + HOUR)
    await directory.keep("watttime", "us-west-1", "CAISO_NORTH", NOW)

    assert await directory.known("watttime", "us-east-1") == ("PJM_DC", NOW + HOUR)
