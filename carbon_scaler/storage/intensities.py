"""Grid values in PostgreSQL."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from carbon_scaler.application.terms import UnstorableError
from carbon_scaler.domain.intensity import Kind, Reading
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.storage.fence import require_term
from carbon_scaler.storage.intensity_rows import upsert
from carbon_scaler.storage.outlooks import outlook_of, read_outlooks
from carbon_scaler.storage.own_paths import path_of, read_paths
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained
from carbon_scaler.storage.series import add_stand_in, read_series, series_of

# How much is encoded or decoded before the event loop gets its turn.
READINGS_AT_ONCE = 150
REGIONS_AT_ONCE = 10


class PostgresIntensityStore:
    """Keeps values in `co2e_emissions`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def load(
        self,
        regions: Collection[str] | None,
        *,
        now: datetime,
        known_at: datetime | None = None,
    ) -> Mapping[str, RegionSeries]:
        """The usable trailing values of these regions (None: of all), each in its basis.

        A region without any is absent, unless `grid_regions` has it. With `known_at`, as they
        were known then; that reads the whole table.
        """
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                rows = await read_series(connection, regions, now, known_at)
                outlooks = await read_outlooks(connection, regions, now, known_at)
                paths = await read_paths(connection, regions, now, known_at)
        loaded: dict[str, RegionSeries] = {}
        rows.reverse()
        while rows:
            row = rows.pop()  # freed one by one, because freeing all holds the loop too
            region = row["region"]
            if row["place"] == 1:
                outlook, issues = outlooks.pop(region, None), paths.pop(region, ())
                expected = path_of(issues)
                loaded[region] = series_of(row, outlook=outlook_of(outlook), expected=expected)
            else:
                add_stand_in(loaded, row)
            if len(rows) % REGIONS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return loaded

    async def store(self, readings: Sequence[Reading], *, term: int | None = None) -> int:
        """Keeps all of these values or none; how many rows were new or changed."""
        _require_observed(readings)
        changed = 0
        with failures_explained(self._server):
            async with (
                self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(),
            ):
                await require_term(connection, term)
                for start in range(0, len(readings), READINGS_AT_ONCE):
                    changed += await upsert(connection, readings[start : start + READINGS_AT_ONCE])
        return changed


def _require_observed(readings: Sequence[Reading]) -> None:
    for reading in readings:
        if reading.kind in (Kind.FORECAST, Kind.STATIC):
            raise UnstorableError(
                f"{reading.source} gave a {reading.kind} value for {reading.region}: "
                "only what was observed is stored as grid intensity"
            )
