"""Forecasts of our own in PostgreSQL: a row for each, and its hours beside those of providers."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from carbon_scaler.application.own_forecasts import RegionHours
from carbon_scaler.application.own_issue import LEARNED_FROM, OwnIssue
from carbon_scaler.domain.expected import HOUR, LASTS, OWN_SOURCE
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.storage.fence import require_term
from carbon_scaler.storage.intensity_rows import storable_grams
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Connection, Pool, failures_explained

LICENCE_CLASS = "own"
ISSUES_AT_ONCE = 200
# What an outage left out is fetched within; all of the past is too much to count.
COUNTED = timedelta(days=14)

# An hour counts as measured from its half on, as in the hourly history.
_HOURS = """
SELECT
  wanted.region, newest.measured_until, oldest.measured_since, recent.values,
  issue.known_until AS forecast_from
FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (region, signal, factors)
CROSS JOIN LATERAL (
  SELECT
    date_trunc('hour', timestamp + coalesce(lasts, '1 hour') + interval '30 minutes', 'UTC')
      AS measured_until
  FROM co2e_emissions AS emissions
  WHERE emissions.region = wanted.region
    AND timestamp > $4 AND timestamp <= $5
    AND signal = wanted.signal AND factors = wanted.factors
    AND flagged IS NULL AND kind <> 'static'
  ORDER BY timestamp DESC
  LIMIT 1
) AS newest
CROSS JOIN LATERAL (
  SELECT timestamp AS measured_since
  FROM co2e_emissions AS emissions
  WHERE emissions.region = wanted.region
    AND timestamp >= $7
    AND signal = wanted.signal AND factors = wanted.factors
    AND flagged IS NULL AND kind <> 'static'
  ORDER BY timestamp
  LIMIT 1
) AS oldest
CROSS JOIN LATERAL (
  SELECT count(*) AS values
  FROM co2e_emissions AS emissions
  WHERE emissions.region = wanted.region
    AND timestamp >= $8 AND timestamp < newest.measured_until - interval '3 hours'
    AND signal = wanted.signal AND factors = wanted.factors
    AND flagged IS NULL AND kind <> 'static'
) AS recent
LEFT JOIN LATERAL (
  SELECT known_until
  FROM forecast_issues AS issues
  WHERE issues.region = wanted.region AND source = $6
    AND issues.signal = wanted.signal AND issues.factors = wanted.factors
  ORDER BY issued_at DESC
  LIMIT 1
) AS issue ON true
"""

_KEEP_HEADER = """
INSERT INTO forecast_issues (
  region, source, signal, factors, issued_at, kept_at, model, known_until, measured, past_hours,
  error_grams, error_percent, compared, by_horizon, against, rejected
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT DO NOTHING
"""

_KEEP_POINTS = """
INSERT INTO carbon_intensity_forecasts (
  region, source, signal, factors, issued_at, fetched_at, model, licence_class,
  target_at, lasts, gco2_per_kwh, lower, upper
)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, target_at, $9, grams, lower, upper
FROM unnest($10::timestamptz[], $11::float8[], $12::float8[], $13::float8[])
  AS point (target_at, grams, lower, upper)
ON CONFLICT DO NOTHING
"""

_PURGE = """
WITH old AS (
  DELETE FROM forecast_issues
  WHERE (region, source, signal, factors, issued_at) IN (
    SELECT region, source, signal, factors, issued_at FROM forecast_issues
    WHERE issued_at < $1 AND source = $2
    LIMIT $3
  )
  RETURNING region, source, signal, factors, issued_at
), points AS (
  DELETE FROM carbon_intensity_forecasts AS forecasts USING old
  WHERE (forecasts.region, forecasts.source, forecasts.signal, forecasts.factors)
    = (old.region, old.source, old.signal, old.factors)
    AND forecasts.issued_at = old.issued_at
)
SELECT count(*) FROM old
"""


class PostgresOwnForecasts:
    """Keeps them as they were issued; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def hours(self, grids: Sequence[RegionGrid], now: datetime) -> Sequence[RegionHours]:
        """Of each of these regions of which anything was measured in the last day."""
        wanted = (
            [grid.region.name for grid in grids],
            [grid.basis.signal.value for grid in grids],
            [grid.basis.factors.value for grid in grids],
        )
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                rows = await connection.fetch(
                    _HOURS,
                    *wanted,
                    now - LASTS,
                    now,
                    OWN_SOURCE,
                    now - LEARNED_FROM,
                    now - COUNTED,
                )
        return [RegionHours(**row) for row in rows]

    async def keep(self, issue: OwnIssue, *, kept_at: datetime, term: int | None = None) -> None:
        """The forecast with all its hours or nothing of it."""
        with failures_explained(self._server):
            async with (
                self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(),
            ):
                await require_term(connection, term)
                await _keep(connection, issue, kept_at)

    async def purge(self, issued_before: datetime) -> int:
        """Delete what was issued earlier, a part at a time; how many forecasts that were."""
        deleted = 0
        with failures_explained(self._server):
            while True:
                batch: int = await self._pool.fetchval(
                    _PURGE, issued_before, OWN_SOURCE, ISSUES_AT_ONCE
                )
                deleted += batch
                if batch < ISSUES_AT_ONCE:
                    return deleted


async def _keep(connection: Connection, issue: OwnIssue, kept_at: datetime) -> None:
    key = (issue.region, OWN_SOURCE, issue.basis.signal, issue.basis.factors, issue.issued_at)
    error = issue.error
    await connection.execute(
        _KEEP_HEADER,
        *key,
        kept_at,
        issue.model,
        issue.known_until,
        list(issue.measured),
        issue.past_hours,
        None if error is None else error.grams,
        None if error is None else error.percent,
        0 if error is None else error.compared,
        *(json.dumps(each) for each in (issue.by_horizon, issue.against, issue.rejected)),
    )
    await connection.execute(
        _KEEP_POINTS,
        *key,
        kept_at,
        issue.model,
        LICENCE_CLASS,
        HOUR,
        [issue.first_at + timedelta(hours=ahead) for ahead in range(len(issue.grams))],
        *(
            [storable_grams(float(grams)) for grams in column]
            for column in (issue.grams, issue.lower, issue.upper)
        ),
    )
