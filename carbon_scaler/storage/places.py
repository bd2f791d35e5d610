"""Places and heartbeats of shared work in PostgreSQL; all instants are by the database's clock."""

from collections.abc import Collection, Mapping, Sequence

import asyncpg

from carbon_scaler.application.places import Beat
from carbon_scaler.domain.place import LIVE_FOR, Move, MoveReason, Place, Whereabouts
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

_READ = """
SELECT
  ARRAY(
    SELECT chosen FROM backlog_places AS chosen
    WHERE $2::text[] IS NULL OR backlog = ANY($2)
  ) AS places,
  ARRAY(
    SELECT heard FROM place_heartbeats AS heard
    WHERE polled_at >= now() - $1::interval AND ($2::text[] IS NULL OR backlog = ANY($2))
  ) AS heartbeats
"""
# The newest counts, whichever server brings its own first.
_BEAT = """
INSERT INTO place_heartbeats (backlog, region, polled_at, holder)
SELECT backlog, region, now() - make_interval(secs => age), $4
FROM unnest($1::text[], $2::text[], $3::float8[]) AS asked (backlog, region, age)
-- In one order, so that two servers never wait for each other.
ORDER BY backlog, region
ON CONFLICT (backlog, region) DO UPDATE
SET polled_at = excluded.polled_at, holder = excluded.holder
WHERE place_heartbeats.polled_at < excluded.polled_at
"""
# Of regions and backlogs that are no longer there.
_FORGET = "DELETE FROM place_heartbeats WHERE polled_at < now() - interval '1 day'"
_CHOOSE = """
INSERT INTO backlog_places
  (backlog, region, chosen_at, begins_at, chosen_by, reason, score)
VALUES ($1, $2, now(), now() + $3::interval, $4, $5, $6)
ON CONFLICT (backlog) DO UPDATE
SET region = excluded.region, chosen_at = excluded.chosen_at, begins_at = excluded.begins_at,
  chosen_by = excluded.chosen_by, reason = excluded.reason, score = excluded.score
WHERE backlog_places.region = $7 AND backlog_places.chosen_at = $8
RETURNING backlog
"""


class PostgresPlaces:
    """Keeps `backlog_places` and `place_heartbeats`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def load(self, keys: Collection[str] | None = None) -> Mapping[str, Whereabouts]:
        """Of these pieces of shared work, or of all."""
        wanted = None if keys is None else list(keys)
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                row = await connection.fetchrow(_READ, LIVE_FOR, wanted)
        assert row is not None  # noqa: S101  it selects exactly one
        places = {each["backlog"]: _place(each) for each in row["places"]}
        live: dict[str, set[str]] = {}
        for heard in row["heartbeats"]:
            live.setdefault(heard["backlog"], set()).add(heard["region"])
        return {
            key: Whereabouts(place=places.get(key), live=frozenset(live.get(key, ())))
            for key in {*places, *live}
        }

    async def beat(self, beats: Sequence[Beat], *, holder: str) -> None:
        """Somebody asked in these regions."""
        columns = [
            [each.key for each in beats],
            [each.region for each in beats],
            [each.age.total_seconds() for each in beats],
        ]
        with failures_explained(self._server):
            async with (
                self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(),
            ):
                await connection.execute(_BEAT, *columns, holder)
                await connection.execute(_FORGET)

    async def choose(self, move: Move, *, by: str) -> bool:
        """Whether it is chosen; not, where another server was first."""
        former = move.former
        with failures_explained(self._server):
            chosen = await self._pool.fetchval(
                _CHOOSE,
                move.key,
                move.region,
                move.handover,
                by,
                move.reason.value,
                move.score,
                None if former is None else former.region,
                None if former is None else former.chosen_at,
            )
        return chosen is not None


def _place(row: asyncpg.Record) -> Place:
    return Place(
        region=row["region"],
        chosen_at=row["chosen_at"],
        begins_at=row["begins_at"],
        chosen_by=row["chosen_by"],
        reason=MoveReason(row["reason"]),
        score=row["score"],
    )
