"""What sources were found to call a region's grid, in PostgreSQL."""

from datetime import datetime

from carbon_scaler.storage.pool import Pool, failures_explained

_KEEP = """
INSERT INTO ingest_zones (source, region, zone, looked_up_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (source, region) DO UPDATE SET
  zone = excluded.zone, looked_up_at = excluded.looked_up_at
"""


class PostgresZoneDirectory:
    """Keeps `ingest_zones`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def known(self, source: str, region: str) -> tuple[str, datetime] | None:
        """The zone, and when it was looked up."""
        with failures_explained(self._server):
            row = await self._pool.fetchrow(
                "SELECT zone, looked_up_at FROM ingest_zones WHERE source = $1 AND region = $2",
                source,
                region,
            )
        return None if row is None else (row["zone"], row["looked_up_at"])

    async def keep(self, source: str, region: str, zone: str, looked_up_at: datetime) -> None:
        """Remembers it, in place of what was known."""
        with failures_explained(self._server):
            await self._pool.execute(_KEEP, source, region, zone, looked_up_at)
