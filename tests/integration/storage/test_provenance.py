"""Where a value comes from is kept with it, and what is no change stays none."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf, nan

import asyncpg
import pytest

from carbon_scaler.domain.intensity import (
    UNKNOWN_SHARE,
    Basis,
    Kind,
    Provenance,
    Reading,
    RenewableShare,
)
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.pool import Pool

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
MIX = {"solar": 10.0, "wind": 20.5, "hydro": 5.0, "gas": 64.5}
PROVENANCE = Provenance(
    provider_zone="US-MIDA-PJM",
    licence_class="restricted",
    accounting="consumption",
    method="TIME_SLICER_AVERAGE",
    lasts=HOUR,
    generated_at=NOW - timedelta(minutes=20),
    updated_at=NOW - timedelta(minutes=10),
    confidence=0.85,
    mix=MIX,
    remarks={"warnings": ["early estimate"]},
)
READING = Reading(
    region="us-east-1",
    observed_at=NOW.replace(minute=0),
    grams_per_kwh=412.5,
    renewable=RenewableShare(at_least=35.5, at_most=35.5),
    source="electricity_maps",
    kind=Kind.ESTIMATED,
    basis=Basis(),
    fetched_at=NOW,
    usable_for=timedelta(hours=2),
    provenance=PROVENANCE,
)


@pytest.fixture
def store(pool: Pool) -> PostgresIntensityStore:
    return PostgresIntensityStore(pool)


async def row_of(pool: Pool) -> asyncpg.Record:
    (row,) = await pool.fetch("SELECT * FROM co2e_emissions")
    return row


def told(**changed: object) -> Reading:
    return replace(READING, provenance=replace(PROVENANCE, **changed))  # type: ignore[arg-type]


@BOTH_VERSIONS
async def test_all_that_is_told_of_a_value_is_kept(store: PostgresIntensityStore, pool: Pool):
    await store.store([READING])

    row = await row_of(pool)
    assert row["provider_zone"] == "US-MIDA-PJM"
    assert row["licence_class"] == "restricted"
    assert row["accounting"] == "consumption"
    assert row["method"] == "TIME_SLICER_AVERAGE"
    assert row["lasts"] == HOUR
    assert row["generated_at"] == NOW - timedelta(minutes=20)
    assert row["provider_updated_at"] == NOW - timedelta(minutes=10)
    assert float(row["confidence_score"]) == 0.85
    assert json.loads(row["metadata"]) == {"warnings": ["early estimate"]}
    assert (row["kind"], row["data_quality"]) == ("estimated", "estimated")
    mix = {name[11:]: value for name, value in row.items() if name.startswith("energy_mix_")}
    assert {kind: float(value) for kind, value in mix.items() if value is not None} == MIX


async def test_other_clocks_of_the_provider_are_no_change(
    store: PostgresIntensityStore, pool: Pool
):
    await store.store([READING])
    before = await row_of(pool)
    again = replace(told(generated_at=NOW + HOUR, updated_at=NOW + HOUR), fetched_at=NOW + HOUR)

    assert await store.store([again]) == 0
    assert await row_of(pool) == before
    assert await pool.fetchval("SELECT count(*) FROM co2e_emissions_revisions") == 0


async def test_a_revised_value_takes_its_clocks_along_and_keeps_the_former_ones(
    store: PostgresIntensityStore, pool: Pool
):
    await store.store([READING])
    revised = replace(
        told(generated_at=NOW + HOUR, lasts=HOUR / 2, method=None),
        grams_per_kwh=390.0,
        kind=Kind.MEASURED,
        fetched_at=NOW + HOUR,
    )

    assert await store.store([revised]) == 1

    row = await row_of(pool)
    assert (row["generated_at"], row["fetched_at"]) == (NOW + HOUR, NOW + HOUR)
    assert (row["lasts"], row["method"], row["data_quality"]) == (HOUR / 2, None, "real_time")
    (former,) = await pool.fetch("SELECT * FROM co2e_emissions_revisions")
    assert (former["generated_at"], former["lasts"]) == (PROVENANCE.generated_at, HOUR)
    assert former["licence_class"] == "restricted"


async def test_what_was_known_then_has_its_provenance(store: PostgresIntensityStore, pool: Pool):
    await store.store([READING])
    between = await pool.fetchval("SELECT clock_timestamp()")
    await store.store([replace(told(licence_class="open"), grams_per_kwh=1.0)])

    (then,) = await pool.fetch("SELECT * FROM co2e_known_at($1)", between)
    (now,) = await pool.fetch("SELECT * FROM co2e_known_at(now())")

    assert (then["licence_class"], then["gco2_per_kwh"]) == ("restricted", READING.grams_per_kwh)
    assert (now["licence_class"], now["gco2_per_kwh"]) == ("open", 1)


async def test_who_tells_nothing_takes_nothing_away(store: PostgresIntensityStore, pool: Pool):
    await store.store([READING])

    assert await store.store([replace(READING, provenance=None)]) == 0
    assert await store.store([replace(READING, provenance=None, grams_per_kwh=400.0)]) == 1

    row = await row_of(pool)
    assert (row["method"], float(row["energy_mix_wind"])) == ("TIME_SLICER_AVERAGE", 20.5)


async def test_from_a_mix_that_is_not_to_be_trusted_no_share_is_derived(
    store: PostgresIntensityStore,
):
    for share in (UNKNOWN_SHARE, RenewableShare(at_least=nan, at_most=nan)):
        await store.store([replace(READING, renewable=share)])

        (series,) = (await store.load(None, now=NOW)).values()
        assert series.reading(0).renewable == UNKNOWN_SHARE


async def test_a_part_of_the_mix_that_is_no_percentage_is_not_known(
    store: PostgresIntensityStore, pool: Pool
):
    await store.store([told(mix={"solar": nan, "wind": -1.0, "hydro": 101.0, "gas": 100.001})])

    row = await row_of(pool)
    assert (row["energy_mix_solar"], row["energy_mix_wind"], row["energy_mix_hydro"]) == (None,) * 3
    assert row["energy_mix_gas"] == 100


@BOTH_VERSIONS
async def test_words_that_the_server_would_refuse_do_not_cost_the_value(
    store: PostgresIntensityStore, pool: Pool
):
    remarks = {"nul\0": ["a\0b", "\ud800", inf, {"at": NOW}], "plain": None, "n": 1}
    hostile = told(method="a\0b\ud800", confidence=nan, lasts=-HOUR, remarks=remarks)

    assert await store.store([hostile]) == 1

    row = await row_of(pool)
    assert (row["method"], row["confidence_score"], row["lasts"]) == ("ab?", None, None)
    assert json.loads(row["metadata"]) == {
        "nul": ["ab", "?", "inf", {"at": str(NOW)}],
        "plain": None,
        "n": 1,
    }


async def test_what_ingest_suspects_is_flagged_until_it_does_no_more(
    store: PostgresIntensityStore, pool: Pool
):
    await store.store([told(flagged="future")])
    assert (await row_of(pool))["flagged"] == "future"
    assert await store.load(None, now=NOW) == {}

    assert await store.store([told(flagged="future")]) == 0

    assert await store.store([READING]) == 1
    assert (await row_of(pool))["flagged"] is None
    assert len(await store.load(None, now=NOW)) == 1

    assert await store.store([told(flagged="jump")]) == 1
    assert (await row_of(pool))["flagged"] == "jump"


async def test_another_value_for_the_same_suspicion_is_suspected_too(
    store: PostgresIntensityStore, pool: Pool
):
    await store.store([told(flagged="jump")])
    await store.store([replace(told(flagged="jump"), grams_per_kwh=500.0)])

    assert (await row_of(pool))["flagged"] == "jump"


async def test_the_reason_of_the_database_comes_before_a_suspicion(
    store: PostgresIntensityStore, pool: Pool
):
    await store.store([replace(told(flagged="jump"), grams_per_kwh=-5.0)])
    assert (await row_of(pool))["flagged"] == "negative"

    await store.store([READING])
    assert (await row_of(pool))["flagged"] is None


async def test_what_somebody_ruled_by_hand_outlasts_the_next_fetch(
    store: PostgresIntensityStore, pool: Pool
):
    await store.store([READING])
    await pool.execute("UPDATE co2e_emissions SET flagged = 'broken meter'")
    await store.store([READING])
    assert (await row_of(pool))["flagged"] == "broken meter"

    await store.store([replace(told(flagged="jump"), grams_per_kwh=500.0)])
    assert (await row_of(pool))["flagged"] == "jump", "the ruling was about another value"
    await pool.execute("UPDATE co2e_emissions SET flagged = NULL")
    await store.store([replace(told(flagged="jump"), grams_per_kwh=500.0)])
    assert (await row_of(pool))["flagged"] is None
