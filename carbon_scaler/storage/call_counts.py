"""Requests counted per source and day, in PostgreSQL."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from carbon_scaler.storage.pool import Pool, failures_explained

# One statement, so that two processes never spend the same request.
_SPEND = """
INSERT INTO ingest_calls AS counted (source, day, calls)
SELECT $1, $2, 1 WHERE $3::bigint IS NULL OR $3 >= 1
ON CONFLICT (source, day) DO UPDATE SET calls = counted.calls + 1
WHERE $3::bigint IS NULL OR counted.calls < $3
RETURNING calls
"""


class PostgresCallCounts:
    """Counts in `ingest_calls`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def spend(self, source: str, now: datetime, *, limit: int | None) -> int | None:
        """Counts one request; the UTC day's number so far, None and not counted if over `limit`."""
        with failures_explained(self._server):
            calls: int | None = await self._pool.fetchval(_SPEND, source, _day(now), limit)
        return calls

    async def calls_today(self, now: datetime) -> Mapping[str, int]:
        """The UTC day's number so far, by source."""
        with failures_explained(self._server):
            rows = await self._pool.fetch(
                "SELECT source, calls FROM ingest_calls WHERE day = $1", _day(now)
            )
        return {row["source"]: row["calls"] for row in rows}


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
