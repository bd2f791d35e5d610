"""Replayed data have a database of their own."""

from urllib.parse import urlsplit

import pytest

from carbon_scaler.storage.databases import (
    MixedDataError,
    ensure_database,
    refuse_real_data,
    refuse_replayed_data,
    with_database,
)
from carbon_scaler.storage.pool import Pool, open_connection


@pytest.mark.parametrize(
    ("url", "other"),
    [
        ("postgresql://u:p@h:5432/a?sslmode=require", "postgresql://u:p@h:5432/b?sslmode=require"),
        ("postgresql:///a?host=/run/postgresql", "postgresql:///b?host=/run/postgresql"),
        ("postgresql://u@/a?host=/tmp/x&port=1", "postgresql://u@/b?host=/tmp/x&port=1"),
        ("postgresql://h", "postgresql://h/b"),
    ],
)
def test_another_database_of_the_same_server_has_the_rest_of_the_url(url: str, other: str):
    assert with_database(url, "b") == other


async def test_a_database_is_made_once(database_url: str):
    made = await ensure_database(database_url, "made-by-a-test")
    again = await ensure_database(database_url, "made-by-a-test")

    async with open_connection(made) as connection:
        name = await connection.fetchval("SELECT current_database()")
    assert made == again
    assert name == "made-by-a-test"
    assert urlsplit(made).query == urlsplit(database_url).query


async def test_replay_goes_beside_typed_values_and_never_beside_real_ones(pool: Pool):
    insert = "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source) VALUES "
    async with pool.acquire() as connection:
        await connection.execute(insert + "('us-east-1', now(), 300, 'manual')")
        await refuse_real_data(connection)
        await connection.execute(insert + "('us-east-1', now(), 300, 'electricity_maps')")

        with pytest.raises(MixedDataError, match="electricity_maps"):
            await refuse_real_data(connection)


async def test_real_values_go_beside_typed_ones_and_never_beside_replayed_ones(pool: Pool):
    insert = "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source) VALUES "
    async with pool.acquire() as connection:
        await connection.execute(insert + "('us-east-1', now(), 300, 'manual')")
        await connection.execute(insert + "('us-east-1', now(), 300, 'neso')")
        await refuse_replayed_data(connection)
        await connection.execute(insert + "('us-east-1', now(), 300, 'replay')")

        with pytest.raises(MixedDataError, match="holds replayed values"):
            await refuse_replayed_data(connection)
