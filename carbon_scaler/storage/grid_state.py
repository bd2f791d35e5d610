"""How ingest fares, and where a value comes from, as PostgreSQL has it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import asyncpg

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_state import GridState, Leader
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.storage.leadership import LEADER_LOCK
from carbon_scaler.storage.pool import (
    ACQUIRE_SECONDS,
    Pool,
    failures_explained,
    server_clock_offset,
)

# One row per feed, each with the rest: it is little.
_STATE = """
SELECT
  leadership.token, leadership.holder, leadership.since,
  EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = 0 AND objid = $1::bigint::oid AND objsubid = 1
  ) AS leads,
  (
    SELECT jsonb_object_agg(source, calls) FROM ingest_calls
    WHERE day = $2
  ) AS calls_today,
  feeds.*
FROM ingest_leadership AS leadership
LEFT JOIN ingest_feeds AS feeds ON true
ORDER BY feeds.source, feeds.zone
"""

_PROVENANCE = """
SELECT
  provider_zone AS zone, method, accounting, licence_class AS licence,
  confidence_score::float8 AS confidence, lasts, generated_at,
  provider_updated_at AS updated_at, fetched_at
FROM co2e_emissions
WHERE region = $1 AND timestamp = $2 AND source = $3 AND signal = $4 AND factors = $5
"""


class PostgresGridState:
    """Reads what ingest and its stores keep; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def read(self, now: datetime) -> GridState:
        """Leader, feeds and today's calls at one moment, which is `now` by our clock."""
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                ahead = await server_clock_offset(connection, now)
                rows = await connection.fetch(_STATE, LEADER_LOCK, now.astimezone(UTC).date())
        return GridState(
            database_ahead=ahead,
            leader=_leader(rows[0]),
            feeds=tuple(_feed(row) for row in rows if row["source"] is not None),
            calls_today=json.loads(rows[0]["calls_today"] or "{}"),
        )

    async def provenance_of(
        self, region: str, observed_at: datetime, source: str, basis: Basis
    ) -> Mapping[str, object] | None:
        """What the source said of a stored value; None where no such value is stored."""
        with failures_explained(self._server):
            row = await self._pool.fetchrow(
                _PROVENANCE, region, observed_at, source, basis.signal, basis.factors
            )
        return None if row is None else dict(row)


def _leader(row: asyncpg.Record) -> Leader | None:
    if not row["leads"]:
        return None
    return Leader(holder=row["holder"], since=row["since"], token=row["token"])


def _feed(row: asyncpg.Record) -> FeedRecord:
    return FeedRecord(
        source=row["source"],
        zone=row["zone"],
        regions=tuple(row["regions"]),
        asked_at=row["asked_at"],
        answered_at=row["answered_at"],
        newest_at=row["newest_at"],
        history_until=row["history_until"],
        history_asked_at=row["history_asked_at"],
        forecast_asked_at=row["forecast_asked_at"],
        failures=row["failures"],
        failure=row["failure"],
        failure_kind=row["failure_kind"],
        results=json.loads(row["results"]),
    )
