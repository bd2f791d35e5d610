"""`python -m tests.bench.database`: an embedded Postgres that holds what the servers should know."""

import argparse
import asyncio
import shutil
import tempfile
from pathlib import Path

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.domain.intensity import Basis, Reading
from carbon_scaler.storage.databases import ensure_database
from carbon_scaler.storage.embedded import cluster, embedded_postgres
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.migrate import migrate_up
from carbon_scaler.storage.own_forecasts import PostgresOwnForecasts
from carbon_scaler.storage.pool import Pool, open_pool
from tests.bench import world
from tests.bench.servers import obey

REGIONS_AT_ONCE = 20


async def main(options: argparse.Namespace) -> None:
    # Each of fifty backlogs holds a connection.
    cluster.SETTINGS["max_connections"] = "200"
    directory = Path(tempfile.mkdtemp(prefix="carbon-scaler-bench-"))
    try:
        async with embedded_postgres(directory, durable=False) as server:
            url = await ensure_database(server.url("postgres"), "bench")
            await migrate_up(url)
            async with open_pool(url) as pool:
                await _fill(pool, options.regions, options.values)
            await obey({"url": url}, {})
    finally:
        shutil.rmtree(directory, ignore_errors=True)


async def _fill(pool: Pool, regions: int, values: int) -> None:
    now = SystemClock().now()
    store = PostgresIntensityStore(pool)
    some: list[Reading] = []
    for number, readings in enumerate(world.readings(regions, values, now=now), start=1):
        some += readings
        if number % REGIONS_AT_ONCE == 0:
            await store.store(some)
            some = []
    await store.store(some)
    await pool.execute(
        "INSERT INTO grid_regions (region, signal, factors, chain) VALUES ($1, $2, $3, $4)",
        world.FORESEEN,
        Basis().signal,
        Basis().factors,
        [world.SOURCE],
    )
    await PostgresOwnForecasts(pool).keep(world.own_issue(now), kept_at=now)
    await pool.execute("CREATE TABLE bench_queue (enqueued_at timestamptz NOT NULL)")
    await pool.execute(
        "INSERT INTO bench_queue SELECT now() - interval '1 min' FROM generate_series(1, $1)",
        world.WAITING,
    )
    await pool.execute("ANALYZE")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--regions", type=int, default=400)
    parser.add_argument("--values", type=int, default=200)
    asyncio.run(main(parser.parse_args()))
