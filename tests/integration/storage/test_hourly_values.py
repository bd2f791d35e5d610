"""A region's past hour by hour, as forecasts are learned from it."""

from datetime import UTC, datetime

from carbon_scaler.storage.hourly_values import PostgresHourlyValues
from carbon_scaler.storage.pool import Pool
from tests.builders import HOUR, MINUTE

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
INSERT = """
INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source, lasts)
VALUES ($1, $2, $3, 'meter', $4)
"""


async def store(pool: Pool, *values: tuple[str, datetime, float], lasts: object = HOUR) -> None:
    await pool.executemany(INSERT, [(*value, lasts) for value in values])


async def test_hours_come_ascending_and_only_those_of_the_region_and_the_time(pool: Pool):
    await store(
        pool,
        ("us-west-1", BEGAN + HOUR, 200.0),
        ("us-west-1", BEGAN, 100.0),
        ("us-west-1", BEGAN - HOUR, 50.0),
        ("us-west-1", BEGAN + 2 * HOUR, 300.0),
        ("eu-west-1", BEGAN, 900.0),
    )

    starts, grams, covered = await PostgresHourlyValues(pool).read(
        "us-west-1", since=BEGAN, until=BEGAN + 2 * HOUR
    )

    assert starts.tolist() == [BEGAN.timestamp(), (BEGAN + HOUR).timestamp()]
    assert grams.tolist() == [100, 200]
    assert covered.tolist() == [3600, 3600]


async def test_parts_of_an_hour_are_averaged_and_what_is_missing_is_told(pool: Pool):
    quarter = 15 * MINUTE
    await store(
        pool,
        ("us-west-1", BEGAN, 100.0),
        ("us-west-1", BEGAN + quarter, 300.0),
        lasts=quarter,
    )

    _, grams, covered = await PostgresHourlyValues(pool).read(
        "us-west-1", since=BEGAN, until=BEGAN + HOUR
    )

    assert grams.tolist() == [200]
    assert covered.tolist() == [1800]


async def test_of_nothing_nothing_comes(pool: Pool):
    columns = await PostgresHourlyValues(pool).read("us-west-1", since=BEGAN, until=BEGAN + HOUR)

    assert [len(column) for column in columns] == [0, 0, 0]
