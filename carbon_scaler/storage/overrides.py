"""Operators' overrides in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from carbon_scaler.application.override_request import OverrideRequest
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.storage.pool import Pool, failures_explained

_ADD = """
INSERT INTO operator_overrides
  (action, until, reason, stated_by, namespace, name, workload_class, region)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING *
"""
_END = """
UPDATE operator_overrides SET ended_at = now(), ended_by = $2
WHERE id = $1 AND ended_at IS NULL AND until > now()
RETURNING *
"""
_LISTED = """
SELECT * FROM operator_overrides
WHERE $2 OR (ended_at IS NULL AND until > $1)
ORDER BY id DESC
LIMIT $3
"""
MOST_LISTED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOverride:
    """An override, and whether somebody ended it early."""

    override: Override
    ended_at: datetime | None = None
    ended_by: str | None = None

    def state(self, now: datetime) -> str:
        """In force, expired, or ended early."""
        if self.ended_at is not None:
            return "ended"
        return "in force" if now < self.override.until else "expired"


class PostgresOverrides:
    """Keeps `operator_overrides`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def add(self, request: OverrideRequest) -> Override:
        """From now on, on all servers."""
        namespace, name = request.scaled_object or (None, None)
        with failures_explained(self._server):
            row = await self._pool.fetchrow(
                _ADD,
                request.action.value,
                request.until,
                request.reason,
                request.by,
                namespace,
                name,
                request.workload_class,
                request.region,
            )
        assert row is not None  # noqa: S101  an INSERT that returns nothing raises
        return override_of(row)

    async def end(self, override_id: int, by: str) -> Override | None:
        """End it now; None where no such override is in force."""
        with failures_explained(self._server):
            row = await self._pool.fetchrow(_END, override_id, by)
        return None if row is None else override_of(row)

    async def listed(self, now: datetime, *, past: bool = False) -> Sequence[KeptOverride]:
        """Those in force, the newest first; with `past` the former ones among them."""
        with failures_explained(self._server):
            rows = await self._pool.fetch(_LISTED, now, past, MOST_LISTED)
        return [
            KeptOverride(
                override=override_of(row), ended_at=row["ended_at"], ended_by=row["ended_by"]
            )
            for row in rows
        ]


def override_of(row: asyncpg.Record) -> Override:
    """A row of `operator_overrides`."""
    return Override(
        id=row["id"],
        action=OverrideAction(row["action"]),
        until=row["until"],
        reason=row["reason"],
        by=row["stated_by"],
        created_at=row["created_at"],
        scaled_object=None if row["name"] is None else (row["namespace"], row["name"]),
        workload_class=row["workload_class"],
        region=row["region"],
    )
