"""A region's past hour by hour, from PostgreSQL."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

# Only whole hours: of the present one a later value may still come.
_HOURS = """
SELECT
  array_agg(extract(epoch FROM hour)::float8 ORDER BY hour) AS starts,
  array_agg(gco2_per_kwh::float8 ORDER BY hour) AS grams,
  array_agg(extract(epoch FROM covered)::float8 ORDER BY hour) AS covered
FROM v_co2e_hourly
WHERE region = $1 AND hour >= $2 AND hour < $3
"""

Column = NDArray[np.float64]


class PostgresHourlyValues:
    """Reads the one grid that reports read too; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def read(
        self, region: str, *, since: datetime, until: datetime
    ) -> tuple[Column, Column, Column]:
        """Starts in Unix seconds, means in g/kWh, and how many seconds of each hour are known."""
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                row = await connection.fetchrow(_HOURS, region, since, until)
        columns = (
            (None, None, None) if row is None else (row["starts"], row["grams"], row["covered"])
        )
        starts, grams, covered = (np.array(each or [], dtype=np.float64) for each in columns)
        return starts, grams, covered
