"""What ingest remembers of its feeds and tells readers of their regions, in PostgreSQL."""

import json
from collections.abc import Sequence

import asyncpg

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.storage.fence import require_term
from carbon_scaler.storage.plain_text import storable_json, storable_text
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

_READ = """
SELECT
  source, zone, regions, asked_at, answered_at, newest_at, history_until, history_asked_at,
  forecast_asked_at, failures, failure, failure_kind, results
FROM ingest_feeds ORDER BY source, zone
"""

_KEEP_FEED = """
INSERT INTO ingest_feeds (
  source, zone, regions, asked_at, answered_at, newest_at, history_until, history_asked_at,
  forecast_asked_at, failures, failure, failure_kind, results
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce($13::jsonb, '{}'))
ON CONFLICT (source, zone) DO UPDATE SET
  regions = excluded.regions,
  asked_at = excluded.asked_at,
  answered_at = excluded.answered_at,
  newest_at = excluded.newest_at,
  history_until = excluded.history_until,
  history_asked_at = excluded.history_asked_at,
  forecast_asked_at = excluded.forecast_asked_at,
  failures = excluded.failures,
  failure = excluded.failure,
  failure_kind = excluded.failure_kind,
  results = excluded.results
"""

# One that stays as it is is not written: readers would load their regions again.
_KEEP_GRID = """
INSERT INTO grid_regions AS kept (region, signal, factors, chain, stand_ins)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (region) DO UPDATE SET
  signal = excluded.signal,
  factors = excluded.factors,
  chain = excluded.chain,
  stand_ins = excluded.stand_ins,
  updated_at = clock_timestamp()
WHERE (kept.signal, kept.factors, kept.chain, kept.stand_ins)
  IS DISTINCT FROM (excluded.signal, excluded.factors, excluded.chain, excluded.stand_ins)
"""


class PostgresFeedLedger:
    """Keeps `ingest_feeds` and `grid_regions`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def feeds(self) -> Sequence[FeedRecord]:
        """All that was kept, by source and zone."""
        with failures_explained(self._server):
            rows = await self._pool.fetch(_READ)
        return [_record(row) for row in rows]

    async def keep_feeds(self, records: Sequence[FeedRecord], *, term: int | None = None) -> None:
        """Keeps all of these or none, in place of what was known of the same feeds."""
        # In one order, because two writers would wait for each other.
        ordered = sorted(records, key=lambda record: (record.source, record.zone))
        await self._write(_KEEP_FEED, [_feed_row(record) for record in ordered], term)

    async def keep_grids(self, grids: Sequence[RegionGrid], *, term: int | None = None) -> None:
        """Tells all readers which basis and which sources count for these regions."""
        ordered = sorted(grids, key=lambda grid: grid.region.name)
        await self._write(_KEEP_GRID, [_grid_row(grid) for grid in ordered], term)

    async def _write(
        self, statement: str, rows: Sequence[tuple[object, ...]], term: int | None
    ) -> None:
        with failures_explained(self._server):
            async with (
                self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(),
            ):
                await require_term(connection, term)
                await connection.executemany(statement, rows)


def _record(row: asyncpg.Record) -> FeedRecord:
    columns = dict(row)
    return FeedRecord(
        **{**columns, "regions": tuple(row["regions"]), "results": json.loads(row["results"])}
    )


def _feed_row(record: FeedRecord) -> tuple[object, ...]:
    return (
        record.source,
        record.zone,
        list(record.regions),
        record.asked_at,
        record.answered_at,
        record.newest_at,
        record.history_until,
        record.history_asked_at,
        record.forecast_asked_at,
        record.failures,
        storable_text(record.failure),
        record.failure_kind,
        storable_json(record.results),
    )


def _grid_row(grid: RegionGrid) -> tuple[object, ...]:
    return (
        grid.region.name,
        grid.basis.signal,
        grid.basis.factors,
        list(grid.chain),
        [str(basis) for basis in grid.stand_ins],
    )
