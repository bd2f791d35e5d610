"""What was known at an instant can be had again."""

from datetime import UTC, datetime, timedelta

import asyncpg

from carbon_scaler.storage.intensities import PostgresIntensityStore

HOUR = timedelta(hours=1)


async def insert(
    connection: asyncpg.Connection, grams: float, fetched_at: datetime, slot: datetime
):
    await connection.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source, fetched_at)
        VALUES ('us-west-1', $1, $2, 'manual', $3)
        ON CONFLICT (region, timestamp, source, signal, factors)
        DO UPDATE SET gco2_per_kwh = EXCLUDED.gco2_per_kwh, fetched_at = EXCLUDED.fetched_at
        """,
        slot,
        grams,
        fetched_at,
    )


async def test_a_corrected_value_is_seen_as_it_was_before_the_correction(pool: asyncpg.Pool):
    store = PostgresIntensityStore(pool)
    slot = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    async with pool.acquire() as connection:
        await insert(connection, 300, slot + HOUR / 2, slot)
        between = await connection.fetchval("SELECT clock_timestamp()")
        await insert(connection, 200, between + timedelta(seconds=1), slot)

    then = await store.load(["us-west-1"], now=slot + HOUR, known_at=between)
    now = await store.load(["us-west-1"], now=slot + HOUR)

    assert list(then["us-west-1"].grams_per_kwh) == [300]
    assert list(now["us-west-1"].grams_per_kwh) == [200]


async def test_a_value_that_was_fetched_later_is_not_known_yet(pool: asyncpg.Pool):
    store = PostgresIntensityStore(pool)
    slot = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    async with pool.acquire() as connection:
        await insert(connection, 300, slot + HOUR, slot)

    before = await store.load(["us-west-1"], now=slot + HOUR / 2, known_at=slot + HOUR / 2)
    after = await store.load(["us-west-1"], now=slot + HOUR, known_at=slot + HOUR)

    assert before == {}
    assert list(after["us-west-1"].grams_per_kwh) == [300]
