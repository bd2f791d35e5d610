"""What a region's provider said would come, issue by issue, as forecasts are blended from it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
import numpy as np

from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.forecasting.hours import HOUR_SECONDS, hour_of
from carbon_scaler.forecasting.provider import ProviderIssue
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

# Fourteen days are scored, up to two days ahead.
LOOKED_BACK = timedelta(days=17)
FURTHEST_AHEAD = timedelta(hours=60)

# The first source of the chain that has any; of the issues that came in one hour the last, and
# means over the hours that they speak of.
_ISSUES = """
WITH first AS (
  SELECT chain.source
  FROM unnest($2::text[]) WITH ORDINALITY AS chain (source, place)
  WHERE EXISTS (
    SELECT FROM carbon_intensity_forecasts AS forecasts
    WHERE forecasts.region = $1 AND forecasts.source = chain.source
      AND signal = $3 AND factors = $4 AND issued_at > $5 AND fetched_at <= $6
      AND flagged IS NULL
  )
  ORDER BY chain.place
  LIMIT 1
), issues AS (
  SELECT DISTINCT ON (date_trunc('hour', fetched_at, 'UTC')) issued_at, fetched_at
  FROM (
    SELECT issued_at, max(fetched_at) AS fetched_at
    FROM carbon_intensity_forecasts AS forecasts
    JOIN first USING (source)
    WHERE region = $1 AND signal = $3 AND factors = $4 AND issued_at > $5 AND fetched_at <= $6
    GROUP BY issued_at
  ) AS known
  ORDER BY date_trunc('hour', fetched_at, 'UTC'), issued_at DESC
)
SELECT
  fetched_at,
  array_agg(date_part('epoch', hour) ORDER BY hour) AS hours,
  array_agg(grams::float8 ORDER BY hour) AS grams
FROM (
  SELECT issues.fetched_at, date_trunc('hour', target_at, 'UTC') AS hour, avg(gco2_per_kwh) AS grams
  FROM issues
  JOIN carbon_intensity_forecasts AS forecasts USING (issued_at)
  JOIN first USING (source)
  WHERE region = $1 AND signal = $3 AND factors = $4 AND flagged IS NULL
    AND target_at < issues.fetched_at + $7::interval
  GROUP BY issues.fetched_at, hour
) AS hourly
GROUP BY fetched_at
ORDER BY fetched_at
"""


class PostgresProviderIssues:
    """Reads them as they were kept; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def provider_issues(self, grid: RegionGrid, now: datetime) -> Sequence[ProviderIssue]:
        """Of the last weeks, by the first source of the chain that says anything."""
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                rows = await connection.fetch(
                    _ISSUES,
                    grid.region.name,
                    list(grid.chain),
                    grid.basis.signal,
                    grid.basis.factors,
                    now - LOOKED_BACK,
                    now,
                    FURTHEST_AHEAD,
                )
        return [_issue(row) for row in rows]


def _issue(row: asyncpg.Record) -> ProviderIssue:
    hours = np.array(row["hours"], dtype=np.float64).astype(np.int64) // HOUR_SECONDS
    grams = np.full(int(hours[-1] - hours[0]) + 1, np.nan)
    grams[hours - hours[0]] = row["grams"]
    return ProviderIssue(issued=hour_of(row["fetched_at"]), first=int(hours[0]), grams=grams)
