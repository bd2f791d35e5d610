"""What may apply now of operators' overrides and budgets in use, from PostgreSQL."""

from datetime import UTC, datetime, timedelta

from carbon_scaler.application.directives import Directives
from carbon_scaler.domain.budget import BudgetUse
from carbon_scaler.storage.overrides import override_of
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

_READ = """
SELECT
  ARRAY(
    SELECT stated FROM operator_overrides AS stated
    WHERE ended_at IS NULL AND until > $1 ORDER BY id
  ) AS overrides,
  ARRAY(SELECT used FROM budget_use AS used WHERE month = $2 ORDER BY service) AS budget_use
"""
# What was in force then; of budgets only the present use is known.
_THEN = """
SELECT stated FROM operator_overrides AS stated
WHERE created_at <= $1 AND until > $1 AND (ended_at IS NULL OR ended_at > $1)
ORDER BY id
"""
# Each server judges by its own clock whether an override has expired.
CLOCKS_DIFFER_BY = timedelta(minutes=1)


class PostgresDirectives:
    """Reads both tables at once; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def load(self, now: datetime) -> Directives:
        """All that may apply from now on."""
        month = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                row = await connection.fetchrow(_READ, now - CLOCKS_DIFFER_BY, month.date())
        assert row is not None  # noqa: S101  it selects exactly one
        return Directives(
            overrides=tuple(override_of(stated) for stated in row["overrides"]),
            budget_use={
                used["service"]: BudgetUse(
                    service=used["service"],
                    month_begins_at=month,
                    spent_kg=used["spent_kg"],
                    as_of=used["updated_at"],
                )
                for used in row["budget_use"]
            },
        )

    async def as_of(self, instant: datetime) -> Directives:
        """The overrides that were in force at an instant of the past."""
        with failures_explained(self._server):
            rows = await self._pool.fetch(_THEN, instant)
        return Directives(overrides=tuple(override_of(row["stated"]) for row in rows))
