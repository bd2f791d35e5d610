"""Grid values through a real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest

from carbon_scaler.application.ports import IntensityStore
from carbon_scaler.application.terms import UnstorableError
from carbon_scaler.domain.intensity import (
    DEFAULT_USABLE_FOR,
    Basis,
    Factors,
    Kind,
    Reading,
    RenewableShare,
    Signal,
)
from carbon_scaler.storage.intensities import (
    READINGS_AT_ONCE,
    PostgresIntensityStore,
)
from carbon_scaler.storage.pool import (
    DatabaseRefusedError,
    DatabaseUnreachableError,
    Pool,
    open_pool,
)
from carbon_scaler.storage.series import MOST_ROWS

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
READING = Reading(
    region="us-east-1",
    observed_at=NOW.replace(minute=0),
    grams_per_kwh=412.5,
    renewable=RenewableShare(at_least=31.25, at_most=31.25),
    source="example",
    kind=Kind.MEASURED,
    basis=Basis(),
    fetched_at=NOW,
    usable_for=timedelta(hours=2),
)


@pytest.fixture
def store(pool: Pool) -> IntensityStore:
    return PostgresIntensityStore(pool)


def hours(count: int, region: str = "us-east-1") -> list[Reading]:
    return [
        replace(
            READING,
            region=region,
            observed_at=READING.observed_at - n * HOUR,
            grams_per_kwh=300.0 + n,
        )
        for n in reversed(range(count))
    ]


async def loaded(store: IntensityStore, now: datetime = NOW) -> dict[str, list[Reading]]:
    series = await store.load(None, now=now)
    return {
        region: [found.reading(index) for index in range(len(found.starts))]
        for region, found in series.items()
    }


@BOTH_VERSIONS
async def test_values_come_back_as_they_were_stored(store: IntensityStore):
    readings = [
        *hours(200),
        replace(READING, region="eu-west-1", kind=Kind.ESTIMATED, usable_for=timedelta(minutes=95)),
        replace(
            READING, region="eu-west-2", renewable=RenewableShare(at_least=12.5, at_most=80.25)
        ),
        replace(READING, region="eu-south-2", renewable=RenewableShare(at_least=0, at_most=100)),
        replace(READING, region="eu-north-1", renewable=RenewableShare(at_least=0, at_most=0)),
    ]

    assert await store.store(readings) == len(readings)

    found = await loaded(store)
    assert {region: len(rows) for region, rows in found.items()} == {
        "us-east-1": 192,  # the last 8 days
        "eu-west-1": 1,
        "eu-west-2": 1,
        "eu-south-2": 1,
        "eu-north-1": 1,
    }
    assert found["us-east-1"] == readings[8:200]
    for reading in readings[200:]:
        assert found[reading.region] == [reading]


@BOTH_VERSIONS
async def test_storing_the_same_again_changes_nothing(store: IntensityStore, pool: Pool):
    await store.store(hours(3))
    before = await pool.fetch("SELECT * FROM co2e_emissions ORDER BY timestamp")

    later = [replace(reading, fetched_at=NOW + HOUR) for reading in hours(3)]

    assert await store.store(later) == 0
    assert await pool.fetch("SELECT * FROM co2e_emissions ORDER BY timestamp") == before


@BOTH_VERSIONS
async def test_a_corrected_value_replaces_the_former_one_and_keeps_it(
    store: IntensityStore, pool: Pool
):
    await store.store(hours(3))
    corrected = replace(READING, grams_per_kwh=290.0, fetched_at=NOW + HOUR)

    assert await store.store([*hours(3)[:2], corrected]) == 1

    assert (await loaded(store))["us-east-1"][-1] == corrected
    former = await pool.fetch("SELECT gco2_per_kwh, replaced_at FROM co2e_emissions_revisions")
    assert [row["gco2_per_kwh"] for row in former] == [300]


async def test_more_values_than_fit_one_statement_are_stored_together(store: IntensityStore):
    readings = [replace(READING, region=f"region-{n}") for n in range(READINGS_AT_ONCE * 2 + 1)]

    assert await store.store(readings) == len(readings)
    assert len(await loaded(store)) == len(readings)


async def test_of_two_values_for_one_row_the_last_counts(store: IntensityStore):
    assert await store.store([READING, replace(READING, grams_per_kwh=500.0)]) == 1

    assert [row.grams_per_kwh for row in (await loaded(store))["us-east-1"]] == [500.0]


async def test_nothing_to_store_is_no_change(store: IntensityStore):
    assert await store.store([]) == 0


async def test_two_that_store_the_same_in_another_order_do_not_wait_for_each_other(
    store: IntensityStore,
):
    readings = [replace(READING, region=f"region-{n}") for n in range(READINGS_AT_ONCE * 2)]

    async with asyncio.timeout(20):
        counts = await asyncio.gather(store.store(readings), store.store(readings[::-1]))

    assert sorted(counts) == [0, len(readings)]


async def test_absurd_values_are_kept_but_not_served_and_do_not_cost_the_others(
    store: IntensityStore, pool: Pool
):
    absurd = [
        replace(READING, region=f"absurd-{grams}", grams_per_kwh=grams)
        for grams in (nan, inf, -inf, 1e9, -1e9, -5.0, 0.0, 2500.0)
    ]

    assert await store.store([*absurd, READING]) == len(absurd) + 1

    assert list(await loaded(store)) == ["us-east-1"]
    assert await pool.fetchval("SELECT count(flagged) FROM co2e_emissions") == len(absurd)


async def test_an_impossible_renewable_share_is_an_unknown_one(store: IntensityStore):
    for at_least, at_most in ((nan, nan), (101.0, 101.0), (-1.0, 50.0), (60.0, 40.0)):
        share = RenewableShare(at_least=at_least, at_most=at_most)
        await store.store([replace(READING, renewable=share)])

        ((row,),) = (await loaded(store)).values()
        assert row.renewable == RenewableShare(at_least=0.0, at_most=100.0), share


async def test_what_was_not_observed_is_refused(store: IntensityStore):
    for kind in (Kind.FORECAST, Kind.STATIC):
        with pytest.raises(UnstorableError, match=f"a {kind} value for eu-west-1"):
            await store.store([READING, replace(READING, region="eu-west-1", kind=kind)])

    assert await loaded(store) == {}


UNUSABLE = {
    "flagged": replace(READING, grams_per_kwh=-1.0),
    "marginal": replace(READING, basis=Basis(signal=Signal.MARGINAL)),
    "direct": replace(READING, basis=Basis(factors=Factors.DIRECT)),
    "future": replace(READING, observed_at=NOW + timedelta(minutes=61)),
    "old": replace(READING, observed_at=NOW - timedelta(days=8, minutes=1)),
}


async def test_a_region_without_a_usable_value_is_absent(store: IntensityStore):
    await store.store([replace(reading, region=name) for name, reading in UNUSABLE.items()])

    assert await store.load([*UNUSABLE, "nowhere-1"], now=NOW) == {}
    assert await store.load(None, now=NOW) == {}


async def test_a_value_that_is_flagged_later_disappears(store: IntensityStore, pool: Pool):
    await store.store([READING])

    await pool.execute("UPDATE co2e_emissions SET flagged = 'broken meter'")

    assert await store.load(["us-east-1"], now=NOW) == {}


async def test_static_averages_typed_in_are_not_served(store: IntensityStore, pool: Pool):
    await store.store([READING])

    await pool.execute("UPDATE co2e_emissions SET kind = 'static'")

    assert await loaded(store) == {}


async def test_the_next_hour_is_loaded_before_it_begins(store: IntensityStore):
    coming = replace(READING, observed_at=READING.observed_at + HOUR)
    await store.store([READING, coming])

    series = (await store.load(None, now=NOW))["us-east-1"]

    assert series.reading_at(NOW) == READING
    assert series.next_start_after(NOW) == coming.observed_at


async def test_of_two_sources_the_one_fetched_last_counts_for_each_instant(store: IntensityStore):
    old = replace(READING, observed_at=READING.observed_at - HOUR)
    newer_old = replace(old, source="other", fetched_at=NOW - timedelta(minutes=1))
    await store.store(
        [
            replace(old, fetched_at=NOW - timedelta(minutes=2)),
            newer_old,
            READING,
            replace(READING, source="other", fetched_at=NOW - timedelta(minutes=1)),
        ]
    )

    assert (await loaded(store))["us-east-1"] == [newer_old, READING]


async def test_the_first_value_may_be_older_than_those_loaded(store: IntensityStore):
    first = replace(READING, observed_at=datetime(2025, 1, 1, tzinfo=UTC))
    before_it = datetime(2024, 1, 1, tzinfo=UTC)
    await store.store([READING, first, replace(first, observed_at=before_it, grams_per_kwh=-1.0)])

    series = (await store.load(["us-east-1"], now=NOW))["us-east-1"]

    assert series.first_at == first.observed_at
    assert len(series.starts) == 1


async def test_only_the_regions_asked_for_are_loaded(store: IntensityStore):
    await store.store([replace(READING, region=f"region-{n}") for n in range(5)])

    assert set(await store.load({"region-1", "region-3"}, now=NOW)) == {"region-1", "region-3"}
    assert await store.load([], now=NOW) == {}


async def test_values_that_are_too_dense_reach_back_less_far(store: IntensityStore, pool: Pool):
    await pool.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh)
        SELECT 'us-east-1', $1::timestamptz - seconds * interval '1 second', 300
        FROM generate_series(0, $2::integer + 9) AS seconds
        """,
        NOW,
        MOST_ROWS,
    )

    series = (await store.load(None, now=NOW))["us-east-1"]

    assert len(series.starts) == MOST_ROWS
    assert series.starts[-1] == NOW.timestamp()


MIXES: list[tuple[dict[str, int], tuple[int, int]]] = [
    ({}, (0, 100)),
    ({"renewable_percent": 44, "energy_mix_solar": 90}, (44, 44)),
    ({"energy_mix_solar": 10, "energy_mix_wind": 20, "energy_mix_hydro": 5}, (35, 35)),
    (
        {
            "energy_mix_solar": 10,
            "energy_mix_wind": 20,
            "energy_mix_hydro": 5,
            "energy_mix_biomass": 2,
            "energy_mix_geothermal": 1,
        },
        (38, 38),
    ),
    ({"energy_mix_solar": 30, "energy_mix_wind": 40}, (70, 100)),
    ({"energy_mix_biomass": 7}, (7, 100)),
    ({"energy_mix_solar": 60, "energy_mix_wind": 60, "energy_mix_hydro": 0}, (100, 100)),
    ({"renewable_at_least": 20, "renewable_at_most": 60, "energy_mix_solar": 5}, (20, 60)),
]


@BOTH_VERSIONS
async def test_the_renewable_share_follows_from_what_is_known_of_the_mix(
    store: IntensityStore, pool: Pool
):
    for number, (mix, _) in enumerate(MIXES):
        names = "".join(f", {name}" for name in mix)
        values = "".join(f", {value}" for value in mix.values())
        await pool.execute(
            f"INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh{names}) "
            f"VALUES ('mix-{number}', $1, 300{values})",
            NOW,
        )

    found = await loaded(store)

    shares = [found[f"mix-{number}"][0].renewable for number in range(len(MIXES))]
    assert [(share.at_least, share.at_most) for share in shares] == [
        expected for _, expected in MIXES
    ]


async def test_a_row_typed_by_hand_takes_the_defaults(store: IntensityStore, pool: Pool):
    await pool.execute(
        "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, fetched_at)"
        " VALUES ('us-east-1', $1, 250.0, $1)",
        NOW,
    )

    assert (await loaded(store))["us-east-1"] == [
        Reading(
            region="us-east-1",
            observed_at=NOW,
            grams_per_kwh=250.0,
            renewable=RenewableShare(at_least=0.0, at_most=100.0),
            source="manual",
            kind=Kind.MANUAL,
            basis=Basis(),
            fetched_at=NOW,
            usable_for=DEFAULT_USABLE_FOR,
        )
    ]


async def test_without_the_schema_the_error_names_the_command(empty_database_url: str):
    async with open_pool(empty_database_url) as pool:
        with pytest.raises(DatabaseRefusedError, match="run carbon-scaler migrate up"):
            await PostgresIntensityStore(pool).load(None, now=NOW)


async def test_a_lost_connection_is_one_clear_line_and_the_next_try_works(pool: Pool):
    store = PostgresIntensityStore(pool, server="db.example:5432")
    async with pool.acquire() as blocker:
        await blocker.execute("BEGIN; LOCK TABLE co2e_emissions")
        storing = asyncio.create_task(store.store([READING]))
        async with asyncio.timeout(10):
            while not await pool.fetchval(TERMINATE_WAITING):
                pass
        with pytest.raises(DatabaseUnreachableError, match=r"^the database at db\.example:5432 "):
            await storing
        await blocker.execute("ROLLBACK")

    assert await store.store([READING]) == 1


TERMINATE_WAITING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' LIMIT 1
"""
