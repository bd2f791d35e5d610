"""What regions are compared by, as it is stored."""

from datetime import UTC, datetime, timedelta

import pytest

from carbon_scaler.application.region_ranking import StoredFigures
from carbon_scaler.domain.intensity import Basis, Factors
from carbon_scaler.storage.pool import Pool
from carbon_scaler.storage.region_figures import PostgresRegionFigures
from tests.builders import HOUR, MINUTE

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
INSERT = """
INSERT INTO co2e_emissions (
  region, timestamp, gco2_per_kwh, source, lasts,
  energy_mix_solar, energy_mix_wind, energy_mix_hydro, energy_mix_nuclear
) VALUES ($1, $2, $3, 'meter', $4, $5, $6, $7, $8)
"""
UNKNOWN = (None, None, None, None)
Kinds = tuple[float | None, float | None, float | None, float | None]


async def store(
    pool: Pool,
    hour: float,
    grams: float,
    mix: Kinds = UNKNOWN,
    *,
    lasts: timedelta = HOUR,
    region: str = "us-west-1",
) -> None:
    await pool.execute(INSERT, region, BEGAN + hour * HOUR, grams, lasts, *mix)


async def read(pool: Pool, basis: Basis = Basis()) -> StoredFigures | None:  # noqa: B008
    return await PostgresRegionFigures(pool).read(
        "us-west-1", basis, since=BEGAN, until=BEGAN + 24 * HOUR
    )


async def test_every_hour_counts_for_as_long_as_it_is_known(pool: Pool):
    await store(pool, 0, 100)
    await store(pool, 1, 400, lasts=30 * MINUTE)
    await store(pool, 30, 900)

    found = await read(pool)

    assert found is not None
    assert found.grams_per_kwh == pytest.approx((100 + 400 / 2) / 1.5)
    assert found.hours_covered == pytest.approx(1.5)


async def test_a_share_that_nobody_knows_is_none_and_not_nought(pool: Pool):
    await store(pool, 0, 100)
    await store(pool, 1, 100, (10, None, 5, 20))

    found = await read(pool)

    assert found is not None
    assert (found.renewable_percent, found.fossil_free_percent) == (None, None)
    assert found.renewable_hours == 0


async def test_renewable_and_fossil_free_are_two_shares(pool: Pool):
    await store(pool, 0, 100, (10, 20, 30, 25))
    await store(pool, 1, 100, (0, 0, 20, None))
    await store(pool, 2, 100)

    found = await read(pool)

    assert found is not None
    assert found.renewable_percent == pytest.approx(40)
    assert found.fossil_free_percent == pytest.approx(85)
    assert found.renewable_hours == 2


async def test_a_dense_hour_counts_no_more_than_another(pool: Pool):
    for quarter in range(4):
        await store(pool, quarter / 4, 100, (80, 0, 0, 0), lasts=15 * MINUTE)
    await store(pool, 1, 100, (20, 0, 0, 0))

    found = await read(pool)

    assert found is not None
    assert found.renewable_percent == pytest.approx(50)


async def test_of_a_time_without_values_there_are_no_figures(pool: Pool):
    await store(pool, 48, 100)

    assert await read(pool) is None


async def test_every_stored_and_configured_region_has_its_basis(pool: Pool):
    await store(pool, 0, 100, region="us-west-1")
    await pool.execute(
        "INSERT INTO grid_regions (region, signal, factors, chain) "
        "VALUES ('eu-west-2', 'average', 'direct', '{neso}')"
    )

    bases = await PostgresRegionFigures(pool).bases()

    assert bases == {"eu-west-2": Basis(factors=Factors.DIRECT), "us-west-1": Basis()}
