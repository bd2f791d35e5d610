"""Episodes of alerts in PostgreSQL."""

from collections.abc import Sequence

from carbon_scaler.application.alert_episodes import Episode
from carbon_scaler.application.alert_rules import Severity
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

READ = """
SELECT key, title, body, severity, began_at, last_seen_at,
       notified_at, resolved_at, resolution_notified_at
FROM alert_episodes
ORDER BY began_at DESC, key
"""
KEEP = """
INSERT INTO alert_episodes
  (key, title, body, severity, began_at, last_seen_at,
   notified_at, resolved_at, resolution_notified_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (key) DO UPDATE SET
  title = excluded.title, body = excluded.body, severity = excluded.severity,
  began_at = excluded.began_at, last_seen_at = excluded.last_seen_at,
  notified_at = excluded.notified_at, resolved_at = excluded.resolved_at,
  resolution_notified_at = excluded.resolution_notified_at
"""


class PostgresEpisodeStore:
    """Keeps episodes in `alert_episodes`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def episodes(self) -> Sequence[Episode]:
        """The newest episode of every key, the last to begin first."""
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                rows = await connection.fetch(READ)
        return [Episode(**{**row, "severity": Severity(row["severity"])}) for row in rows]

    async def keep(self, episodes: Sequence[Episode]) -> None:
        """Keep these, all or none."""
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                await connection.executemany(KEEP, [_row(episode) for episode in episodes])


def _row(episode: Episode) -> tuple[object, ...]:
    return (
        episode.key,
        episode.title,
        episode.body,
        episode.severity.value,
        episode.began_at,
        episode.last_seen_at,
        episode.notified_at,
        episode.resolved_at,
        episode.resolution_notified_at,
    )
