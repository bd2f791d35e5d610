"""What readers are told of ingest, and of where a value comes from."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_state import GridState
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Provenance, Reading, RenewableShare
from carbon_scaler.storage.call_counts import PostgresCallCounts
from carbon_scaler.storage.feeds import PostgresFeedLedger
from carbon_scaler.storage.grid_state import PostgresGridState
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.leadership import PostgresElections
from carbon_scaler.storage.pool import DatabaseError, Pool
from tests.builders import HOME, HOUR, MINUTE, NOW, SECOND

BAD = FeedRecord(
    source="electricity_maps",
    zone="US-CAL-CISO",
    regions=(HOME, "us-west-9"),
    asked_at=NOW,
    failures=3,
    failure="the token was refused",
    failure_kind="key",
    results={"ok": 7, "key": 3},
)
GOOD = FeedRecord(
    source="neso",
    zone="GB",
    regions=("eu-west-2",),
    asked_at=NOW,
    answered_at=NOW + MINUTE,
    newest_at=NOW - HOUR,
    history_until=NOW - HOUR,
    history_asked_at=NOW - 2 * HOUR,
    forecast_asked_at=NOW - 3 * HOUR,
    results={"ok": 12},
)
READING = Reading(
    region=HOME,
    observed_at=NOW,
    grams_per_kwh=321.5,
    renewable=RenewableShare(at_least=40.0, at_most=40.0),
    source="electricity_maps",
    kind=Kind.ESTIMATED,
    basis=Basis(),
    fetched_at=NOW + 3 * MINUTE,
    usable_for=2 * HOUR,
    provenance=Provenance(
        provider_zone="US-CAL-CISO",
        licence_class="restricted",
        accounting="consumption",
        method="TIME_SLICER_AVERAGE",
        lasts=HOUR,
        generated_at=NOW + MINUTE,
        updated_at=NOW + 2 * MINUTE,
        confidence=0.5,
    ),
)


async def test_before_any_ingest_there_is_nothing_to_tell(pool: Pool):
    state = await PostgresGridState(pool).read(datetime.now(UTC))

    assert state == GridState(database_ahead=state.database_ahead)


async def test_it_is_told_how_far_the_databases_clock_is_ahead(pool: Pool):
    began = datetime.now(UTC)

    ahead = (await PostgresGridState(pool).read(began - 5 * MINUTE)).database_ahead

    assert ahead is not None
    # The answer may have been made at any instant of the asking.
    assert abs(ahead - 5 * MINUTE) <= datetime.now(UTC) - began


async def test_every_feed_is_told_as_it_was_kept(pool: Pool):
    await PostgresFeedLedger(pool).keep_feeds([GOOD, BAD])

    assert (await PostgresGridState(pool).read(NOW)).feeds == (BAD, GOOD)


async def test_only_the_calls_of_the_utc_day_by_our_clock_are_told(pool: Pool):
    counts, midnight = PostgresCallCounts(pool), NOW.replace(hour=0, minute=0)
    before = midnight - SECOND
    for source, when in (("neso", midnight), ("neso", midnight), ("watttime", before)):
        await counts.spend(source, when, limit=None)
    state = PostgresGridState(pool)

    assert (await state.read(midnight)).calls_today == {"neso": 2}
    assert (await state.read(before)).calls_today == {"watttime": 1}


async def test_the_leader_is_told_while_it_leads(pool: Pool, database_url: str):
    state = PostgresGridState(pool)
    elections = PostgresElections(database_url, holder="ingest-0")

    async with elections.term() as term:
        leader = (await state.read(NOW)).leader
        assert (leader.holder, leader.token) == ("ingest-0", term.token)
        assert leader.since.tzinfo is not None

    assert (await state.read(NOW)).leader is None


async def test_a_leader_without_feeds_and_feeds_without_a_leader_are_told(
    pool: Pool, database_url: str
):
    state = PostgresGridState(pool)
    async with PostgresElections(database_url, holder="ingest-0").term():
        assert (await state.read(NOW)).feeds == ()
    await PostgresFeedLedger(pool).keep_feeds([GOOD])

    read = await state.read(NOW)

    assert (read.leader, read.feeds) == (None, (GOOD,))


async def test_a_database_that_is_away_is_an_error_of_ours(pool: Pool):
    await pool.execute("ALTER TABLE ingest_feeds RENAME TO gone")

    with pytest.raises(DatabaseError):
        await PostgresGridState(pool).read(NOW)


# Where a value comes from


async def test_a_stored_value_tells_where_it_comes_from(pool: Pool):
    await PostgresIntensityStore(pool).store([READING])

    told = await PostgresGridState(pool).provenance_of(HOME, NOW, "electricity_maps", Basis())

    assert told == {
        "zone": "US-CAL-CISO",
        "method": "TIME_SLICER_AVERAGE",
        "accounting": "consumption",
        "licence": "restricted",
        "confidence": 0.5,
        "lasts": HOUR,
        "generated_at": NOW + MINUTE,
        "updated_at": NOW + 2 * MINUTE,
        "fetched_at": NOW + 3 * MINUTE,
    }


async def test_a_value_of_another_instant_source_or_basis_is_another_value(pool: Pool):
    await PostgresIntensityStore(pool).store([READING])
    state = PostgresGridState(pool)

    assert await state.provenance_of(HOME, NOW - HOUR, READING.source, Basis()) is None
    assert await state.provenance_of(HOME, NOW, "neso", Basis()) is None
    direct = replace(Basis(), factors=Factors.DIRECT)
    assert await state.provenance_of(HOME, NOW, READING.source, direct) is None
