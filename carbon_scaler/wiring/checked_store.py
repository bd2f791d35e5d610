"""Grid values in a database that may have another version's schema."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.migrate import check_schema
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained


class CheckedStore:
    """Looks at the schema whenever all is read: at first, after each reconnection, now and then."""

    def __init__(self, pool: Pool, *, server: str) -> None:
        self._pool = pool
        self._server = server
        self._store = PostgresIntensityStore(pool, server=server)

    async def load(
        self, regions: Collection[str] | None, *, now: datetime
    ) -> Mapping[str, RegionSeries]:
        """As the store does; raises where this program can't read the schema."""
        if regions is None:
            with failures_explained(self._server):
                async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                    await check_schema(connection)
        return await self._store.load(regions, now=now)

    async def store(self, readings: Sequence[Reading], *, term: int | None = None) -> int:
        """As the store does."""
        return await self._store.store(readings, term=term)
