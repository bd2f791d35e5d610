"""The SQL that triggers, runbooks and dashboards of older platforms send, word for word."""

import asyncpg
import pytest

from carbon_scaler.storage.pool import Pool

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)

GATE = """
SELECT CASE
  WHEN gCO2_per_kWh < 300 THEN 1
  ELSE 0
END as should_scale
FROM co2e_emissions
WHERE region = 'us-east-1'  -- or dynamic based on tenant
ORDER BY timestamp DESC
LIMIT 1;
"""

STRICT_GATE = """
SELECT CASE
  WHEN gCO2_per_kWh < 250
  AND (energy_mix_solar + energy_mix_wind + energy_mix_hydro) > 30
  THEN 1
  ELSE 0
END as should_scale
FROM co2e_emissions
WHERE region = 'us-east-1'
ORDER BY timestamp DESC
LIMIT 1;
"""

INSERT = """
-- Insert test data with low carbon intensity
INSERT INTO co2e_emissions (
  region, timestamp, gCO2_per_kWh,
  energy_mix_solar, energy_mix_wind,
  source, data_quality, confidence_score
) VALUES (
  'us-east-1', NOW(), 250.0,  -- Clean energy!
  30.0, 40.0,
  'manual', 'real_time', 1.0
);
"""

LATEST = """
-- View latest carbon intensity per region
SELECT * FROM v_latest_co2e_by_region;
"""

LAST_DAY = """
-- View all ingested data (last 24 hours)
SELECT region, timestamp, gCO2_per_kWh,
       energy_mix_solar, energy_mix_wind, energy_mix_coal
FROM co2e_emissions
WHERE timestamp >= NOW() - INTERVAL '24 hours'
ORDER BY timestamp DESC;
"""

COUNTS = """
-- Count records per region
SELECT region, COUNT(*) as record_count
FROM co2e_emissions
GROUP BY region;
"""

FRESHNESS = """
SELECT region,
       MAX(timestamp) as latest_data,
       NOW() - MAX(timestamp) as data_age
FROM co2e_emissions
GROUP BY region;
"""

GAPS = """
-- Find missing hourly data points (last 7 days)
SELECT region,
       DATE_TRUNC('hour', timestamp) as hour,
       COUNT(*) as samples
FROM co2e_emissions
WHERE timestamp >= NOW() - INTERVAL '7 days'
GROUP BY region, DATE_TRUNC('hour', timestamp)
HAVING COUNT(*) = 0
ORDER BY hour DESC;
"""

HOURLY = """
INSERT INTO co2e_emissions
  (region, timestamp, gco2_per_kwh, energy_mix_solar, energy_mix_wind, energy_mix_hydro, source)
SELECT region, now() - hours * interval '1 hour', 300 + hours % 100, 10, 15, 5, 'example'
FROM unnest($1::text[]) AS region, generate_series(0, $2::integer - 1) AS hours
"""


async def one_row(pool: Pool, query: str) -> asyncpg.Record:
    (row,) = await pool.fetch(query)
    return row


@BOTH_VERSIONS
async def test_a_row_typed_by_the_runbook_opens_the_gate_and_is_labelled_manual(pool: Pool):
    assert await pool.fetch(GATE) == []

    assert await pool.execute(INSERT) == "INSERT 0 1"

    assert await pool.fetchval(GATE) == 1
    row = await one_row(pool, "SELECT * FROM co2e_emissions")
    assert (row["source"], row["kind"], row["data_quality"]) == ("manual", "manual", "real_time")
    assert (row["signal"], row["factors"], row["flagged"]) == ("average", "lifecycle", None)


@BOTH_VERSIONS
async def test_the_strict_gate_needs_every_part_of_the_mix(pool: Pool):
    await pool.execute(INSERT)
    assert await pool.fetchval(STRICT_GATE) == 0

    await pool.execute("UPDATE co2e_emissions SET gCO2_per_kWh = 240.0")
    assert await pool.fetchval(STRICT_GATE) == 0, "hydro is not known"

    await pool.execute("UPDATE co2e_emissions SET energy_mix_hydro = 0")
    assert await pool.fetchval(STRICT_GATE) == 1


@BOTH_VERSIONS
async def test_the_gate_stays_shut_above_its_threshold(pool: Pool):
    await pool.execute(HOURLY, ["us-east-1"], 48)

    assert await pool.fetchval(GATE) == 0


@BOTH_VERSIONS
async def test_the_runbooks_queries_answer(pool: Pool):
    await pool.execute(HOURLY, ["us-east-1", "eu-west-1"], 48)
    await pool.execute(INSERT)

    latest = {row["region"]: row for row in await pool.fetch(LATEST)}
    assert set(latest) == {"us-east-1", "eu-west-1"}
    assert latest["us-east-1"]["gco2_per_kwh"] == 250
    assert latest["us-east-1"]["energy_mix_coal"] is None
    assert latest["us-east-1"]["age"].total_seconds() < 60
    assert len(await pool.fetch(LAST_DAY)) == 2 * 24 + 1
    assert {tuple(row) for row in await pool.fetch(COUNTS)} == {
        ("us-east-1", 49),
        ("eu-west-1", 48),
    }
    assert {row["region"] for row in await pool.fetch(FRESHNESS)} == set(latest)
    assert await pool.fetch(GAPS) == []


async def test_the_latest_value_is_neither_flagged_nor_of_another_basis_nor_of_the_future(
    pool: Pool,
):
    await pool.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source, signal, factors)
        VALUES
          ('us-east-1', now() + interval '1 hour', 301, 'a', 'average', 'lifecycle'),
          ('us-east-1', now() - interval '1 minute', -5, 'a', 'average', 'lifecycle'),
          ('us-east-1', now() - interval '2 minutes', 302, 'a', 'marginal', 'lifecycle'),
          ('us-east-1', now() - interval '3 minutes', 303, 'a', 'average', 'direct'),
          ('us-east-1', now() - interval '4 minutes', 304, 'a', 'average', 'lifecycle'),
          ('us-east-1', now() - interval '5 minutes', 305, 'a', 'average', 'lifecycle'),
          ('eu-west-1', now(), 306, 'a', 'marginal', 'lifecycle')
        """
    )

    row = await one_row(pool, LATEST)

    assert (row["region"], row["gco2_per_kwh"]) == ("us-east-1", 304)


async def test_of_two_sources_for_one_instant_the_one_fetched_last_is_the_latest(pool: Pool):
    await pool.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source, fetched_at)
        VALUES
          ('us-east-1', now(), 301, 'a', now() - interval '2 minutes'),
          ('us-east-1', now(), 302, 'b', now() - interval '1 minute'),
          ('us-east-1', now(), 303, 'c', now() - interval '3 minutes')
        """
    )

    assert (await one_row(pool, LATEST))["source"] == "b"


async def test_hourly_averages_have_at_most_24_hours_in_any_time_zone(pool: Pool):
    await pool.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, renewable_percent, source)
        SELECT 'us-east-1', now() - quarters * interval '15 minutes', 300, 20, 'a'
        FROM generate_series(-8, 200) AS quarters
        """
    )

    async with pool.acquire() as connection:
        for zone in ("UTC", "Asia/Kolkata", "America/St_Johns"):
            await connection.execute(f"SET TIME ZONE '{zone}'")
            rows = await connection.fetch("SELECT * FROM v_co2e_24h_hourly_avg")

            assert 23 <= len(rows) <= 24
            assert {(row["avg_gco2_per_kwh"], row["avg_renewable_pct"]) for row in rows} == {
                (300, 20)
            }


async def test_an_hourly_average_counts_an_instant_once_however_many_sources_have_it(pool: Pool):
    await pool.execute(
        """
        INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source, fetched_at)
        VALUES
          ('us-east-1', now(), 300, 'a', now()),
          ('us-east-1', now(), 500, 'b', now() - interval '1 minute')
        """
    )

    row = await one_row(pool, "SELECT * FROM v_co2e_24h_hourly_avg")

    assert (row["avg_gco2_per_kwh"], row["sample_count"]) == (300, 1)


@BOTH_VERSIONS
async def test_the_gate_looks_up_one_index_entry_however_many_rows_there_are(pool: Pool):
    await pool.execute(HOURLY, [f"region-{n}" for n in range(20)] + ["us-east-1"], 1_000)
    await pool.execute("ANALYZE co2e_emissions")

    plan = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN {GATE}"))

    assert "Index Scan using idx_co2e_region_timestamp" in plan
    assert "Sort" not in plan


async def test_an_unknown_mix_is_no_share_in_the_hourly_averages(pool: asyncpg.Pool):
    async with pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, energy_mix_solar) "
            "VALUES ('us-east-1', now(), 300, 20)"
        )
        share = await connection.fetchval("SELECT avg_renewable_pct FROM v_co2e_24h_hourly_avg")

    assert share is None
