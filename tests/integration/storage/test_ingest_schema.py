"""What the database itself does for ingest, whoever writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest

from carbon_scaler.storage.migrate import check_schema, known_migrations, migrate_up
from carbon_scaler.storage.pool import Connection, Pool, open_connection

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
INSERT = "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh) VALUES ($1, now(), 300)"
MARGINAL = """
INSERT INTO grid_regions (region, signal, factors, chain)
VALUES ('us-east-1', 'marginal', 'direct', ARRAY['first', 'second', 'third', 'fourth'])
"""
# As the program before this schema stores values.
OLDER_UPSERT = """
INSERT INTO co2e_emissions (
  region, timestamp, gco2_per_kwh, renewable_percent, source, kind, signal, factors, fetched_at,
  usable_for
)
VALUES ('us-east-1', '2026-03-10 12:00Z', $1, 30, 'replay', 'measured', 'average', 'lifecycle',
  now(), '2 hours')
ON CONFLICT (region, timestamp, source, signal, factors) DO UPDATE SET
  gco2_per_kwh = excluded.gco2_per_kwh,
  renewable_percent = excluded.renewable_percent,
  kind = excluded.kind,
  fetched_at = excluded.fetched_at,
  usable_for = excluded.usable_for
"""


async def row_of(pool: Pool) -> asyncpg.Record:
    (row,) = await pool.fetch("SELECT * FROM co2e_emissions")
    return row


@asynccontextmanager
async def connection_as(url: str, role: str) -> AsyncIterator[Connection]:
    async with open_connection(url) as connection:
        await connection.execute(f"SET ROLE {role}")
        yield connection


@BOTH_VERSIONS
async def test_a_row_that_states_no_basis_takes_that_of_its_region(pool: Pool):
    await pool.execute(MARGINAL)
    await pool.execute(INSERT, "us-east-1")
    await pool.execute(INSERT, "eu-west-1")

    rows = await pool.fetch("SELECT region, signal, factors FROM co2e_emissions")

    assert {tuple(row) for row in rows} == {
        ("us-east-1", "marginal", "direct"),
        ("eu-west-1", "average", "lifecycle"),
    }


async def test_a_row_that_states_half_of_its_basis_takes_the_other_half(pool: Pool):
    await pool.execute(MARGINAL)
    await pool.execute(
        "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, signal)"
        " VALUES ('us-east-1', now(), 300, 'average')"
    )

    row = await row_of(pool)
    assert (row["signal"], row["factors"]) == ("average", "direct")


async def test_the_same_row_typed_twice_is_one_in_the_regions_basis(pool: Pool):
    await pool.execute(MARGINAL)
    for grams in (300, 310):
        await pool.execute(
            """
            INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh)
            VALUES ('us-east-1', '2026-03-10 12:00Z', $1)
            ON CONFLICT (region, timestamp, source, signal, factors)
            DO UPDATE SET gco2_per_kwh = excluded.gco2_per_kwh
            """,
            grams,
        )

    assert (await row_of(pool))["gco2_per_kwh"] == 310


@BOTH_VERSIONS
async def test_whoever_may_only_write_values_gets_the_basis_all_the_same(
    database_url: str, pool: Pool
):
    await pool.execute(MARGINAL)
    await pool.execute(
        """
        GRANT INSERT ON co2e_emissions TO carbon_scaler_serve;
        REVOKE SELECT ON grid_regions FROM carbon_scaler_serve
        """
    )
    async with connection_as(database_url, "carbon_scaler_serve") as connection:
        await connection.execute("SET search_path = pg_catalog")
        await connection.execute(INSERT.replace("co2e_", "public.co2e_"), "us-east-1")

    assert (await row_of(pool))["signal"] == "marginal"


async def test_a_temporary_table_does_not_divert_the_basis(database_url: str, pool: Pool):
    await pool.execute(MARGINAL)
    async with connection_as(database_url, "carbon_scaler_ingest") as connection:
        await connection.execute("CREATE TEMPORARY TABLE grid_regions (LIKE grid_regions)")
        await connection.execute(INSERT, "us-east-1")

    assert (await row_of(pool))["signal"] == "marginal"


@BOTH_VERSIONS
async def test_the_older_program_goes_on_beside_this_schema(empty_database_url: str):
    older, *newer = known_migrations()
    await migrate_up(empty_database_url, [older])
    async with open_connection(empty_database_url) as connection:
        await connection.execute(OLDER_UPSERT, 300)
        await connection.execute(OLDER_UPSERT, 310)
        before = await connection.fetchrow("SELECT * FROM co2e_emissions")
        between = await connection.fetchval("SELECT clock_timestamp()")
        assert before is not None

        assert await migrate_up(connection, [older, *newer]) == newer

        await check_schema(connection, [older])
        after = await connection.fetchrow("SELECT * FROM co2e_emissions")
        assert after is not None
        assert {name: after[name] for name in dict(before)} == dict(before)
        assert await connection.execute(OLDER_UPSERT, 310) == "INSERT 0 0"
        assert await connection.execute(OLDER_UPSERT, 320) == "INSERT 0 1"
        known = await connection.fetch("SELECT * FROM co2e_known_at($1)", between)
        assert [row["gco2_per_kwh"] for row in known] == [310]
        assert await connection.fetchval("SELECT count(*) FROM co2e_emissions_revisions") == 2


async def test_views_show_each_region_in_its_basis(pool: Pool):
    await pool.execute(MARGINAL)
    await pool.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, signal, factors)
        VALUES
          ('us-east-1', now(), 300, 'average', 'lifecycle'),
          ('us-east-1', now(), 700, 'marginal', 'direct'),
          ('eu-west-1', now(), 200, 'average', 'lifecycle'),
          ('eu-west-1', now(), 800, 'marginal', 'direct')
        """
    )

    latest = await pool.fetch("SELECT region, gco2_per_kwh FROM v_latest_co2e_by_region")
    means = await pool.fetch("SELECT region, avg_gco2_per_kwh FROM v_co2e_24h_hourly_avg")
    hourly = await pool.fetch("SELECT DISTINCT region, gco2_per_kwh FROM v_co2e_hourly")

    for rows in (latest, means, hourly):
        assert {tuple(row) for row in rows} == {("us-east-1", 700), ("eu-west-1", 200)}


async def test_bounds_of_a_share_keep_a_mix_out_of_the_hourly_averages(pool: Pool):
    await pool.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, renewable_at_least,
          renewable_at_most, energy_mix_solar, energy_mix_wind, energy_mix_hydro)
        VALUES ('us-east-1', now(), 300, 0, 100, 90, 90, 90)
        """
    )

    assert await pool.fetchval("SELECT avg_renewable_pct FROM v_co2e_24h_hourly_avg") is None


HOURLY = """
INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, lasts, source, signal, factors)
SELECT 'us-east-1', timestamptz '2026-03-29 00:00Z' + minutes * interval '1 minute', grams,
  lasts * interval '1 minute', source, 'marginal', 'direct'
FROM unnest($1::integer[], $2::float8[], $3::integer[], $4::text[])
  AS row (minutes, grams, lasts, source)
"""


async def hourly(
    pool: Pool, *rows: tuple[int, float, int | None, str]
) -> list[tuple[int, float, timedelta]]:
    """Values as minute, grams, length and source → hour, mean, how much of it is known."""
    await pool.execute(MARGINAL)
    await pool.execute(HOURLY, *([row[column] for row in rows] for column in range(4)))
    found = await pool.fetch("SELECT * FROM v_co2e_hourly ORDER BY hour")
    return [
        (row["hour"].hour, round(float(row["gco2_per_kwh"]), 3), row["covered"]) for row in found
    ]


HOUR = timedelta(hours=1)


@BOTH_VERSIONS
async def test_five_minute_and_half_hour_values_come_to_hours(pool: Pool):
    fives = [(minute, 100.0 + minute, 5, "first") for minute in range(0, 60, 5)]
    halves = [(60, 200.0, 30, "first"), (90, 300.0, 30, "first")]

    found = await hourly(pool, *fives, *halves, (120, 400.0, None, "first"))

    assert found == [(0, 127.5, HOUR), (1, 250.0, HOUR), (2, 400.0, HOUR)]
    assert await pool.fetchval("SELECT count(*) FROM co2e_emissions") == 15


async def test_a_value_weighs_as_long_as_it_lasts_in_each_hour_that_it_touches(pool: Pool):
    found = await hourly(pool, (0, 100.0, 15, "first"), (45, 400.0, 30, "first"))

    assert found == [(0, 250.0, HOUR / 2), (1, 400.0, HOUR / 4)]


async def test_hours_are_of_the_chains_first_source_that_has_them(pool: Pool):
    found = await hourly(
        pool,
        (0, 100.0, 60, "first"),
        *((minute, 900.0, 5, "second") for minute in range(0, 60, 5)),
        (60, 200.0, 60, "second"),
        (70, 900.0, 60, "fourth"),
        (120, 300.0, 60, "fourth"),
        (130, 500.0, 10, "manual"),
    )

    assert found == [(0, 100.0, HOUR), (1, 200.0, HOUR), (2, 400.0, HOUR / 3)]


async def test_the_regions_settings_and_forecasts_wake_readers(database_url: str, pool: Pool):
    told: list[object] = []
    forecast = (
        "INSERT INTO carbon_intensity_forecasts"
        " (region, source, issued_at, target_at, gco2_per_kwh)"
        " SELECT 'r-' || n, 'first', now(), now(), 300 FROM generate_series(1, $1::integer) AS n"
    )
    async with open_connection(database_url) as listener:
        await listener.add_listener("carbon_scaler_intensity", lambda *word: told.append(word[-1]))
        for statement, *arguments in (
            (MARGINAL,),
            ("UPDATE grid_regions SET chain = '{}'",),
            ("UPDATE grid_regions SET chain = '{}' WHERE region = 'nowhere-1'",),
            ("DELETE FROM grid_regions",),
            (forecast, 1),
            ("TRUNCATE carbon_intensity_forecasts",),
            (forecast, 51),
        ):
            await pool.execute(statement, *arguments)
        await listener.execute("SELECT 1")

    assert told == ["us-east-1", "us-east-1", "us-east-1", "r-1", "", ""]


async def test_ingest_writes_what_it_remembers_and_removes_none_of_it(database_url: str):
    async with connection_as(database_url, "carbon_scaler_ingest") as connection:
        await connection.execute(MARGINAL)
        await connection.execute(
            """
            UPDATE ingest_leadership SET token = token + 1, holder = 'me';
            INSERT INTO ingest_calls VALUES ('neso', '2026-03-10', 1);
            INSERT INTO ingest_feeds (source, zone, regions) VALUES ('neso', 'GB', '{}');
            INSERT INTO ingest_zones VALUES ('neso', 'eu-west-2', 'GB', now());
            INSERT INTO carbon_intensity_forecasts
              (region, source, issued_at, target_at, gco2_per_kwh)
            VALUES ('eu-west-2', 'neso', now(), now(), 100)
            """
        )
        for statement in (
            "DELETE FROM carbon_intensity_forecasts",
            "DELETE FROM ingest_calls",
            "DELETE FROM ingest_leadership",
            "INSERT INTO ingest_leadership VALUES (false, 1, '', now())",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)

    async with connection_as(database_url, "carbon_scaler_maintain") as connection:
        await connection.execute(
            "DELETE FROM carbon_intensity_forecasts; DELETE FROM ingest_calls;"
            " DELETE FROM ingest_feeds"
        )


async def test_serve_reads_what_ingest_writes_and_changes_none_of_it(database_url: str):
    async with connection_as(database_url, "carbon_scaler_serve") as connection:
        for table in (
            "grid_regions",
            "carbon_intensity_forecasts",
            "ingest_leadership",
            "ingest_calls",
            "ingest_feeds",
            "ingest_zones",
            "v_co2e_hourly",
            "v_carbon_forecast_24h",
        ):
            await connection.execute(f"SELECT FROM {table}")
        for statement in (
            "UPDATE ingest_leadership SET token = token + 1",
            "UPDATE grid_regions SET chain = '{}'",
            "DELETE FROM carbon_intensity_forecasts",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
