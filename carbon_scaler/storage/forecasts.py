"""Forecasts in PostgreSQL, kept as they were issued."""

from collections.abc import Sequence
from math import isfinite

from carbon_scaler.domain.observation import ForecastPoint, RegionForecast
from carbon_scaler.storage.fence import require_term
from carbon_scaler.storage.intensity_rows import LARGEST, storable_grams, storable_length
from carbon_scaler.storage.plain_text import storable_text
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Connection, Pool, failures_explained

FORECASTS_LOCK = 0x666F_7265  # any number that nobody else takes: "fore"

# Nothing, if the newest kept issue, or a kept one of the same instant, says the same for every
# target; another one of the same instant is a restatement, issued when it was fetched.
_KEEP = """
WITH said AS (
  SELECT DISTINCT ON (target_at)
    target_at, lasts, grams::numeric(10,4) AS grams, lower::numeric(10,4) AS lower,
    upper::numeric(10,4) AS upper
  FROM unnest($10::timestamptz[], $11::interval[], $12::float8[], $13::float8[], $14::float8[])
    WITH ORDINALITY AS point (target_at, lasts, grams, lower, upper, place)
  ORDER BY target_at, place DESC
), kept AS (
  SELECT max(issued_at) AS issued_at, bool_or(issued_at = $5) AS restated
  FROM (
    (
      SELECT issued_at FROM carbon_intensity_forecasts
      WHERE region = $1 AND source = $2 AND signal = $3 AND factors = $4
      ORDER BY issued_at DESC LIMIT 1
    )
    UNION ALL
    (
      SELECT issued_at FROM carbon_intensity_forecasts
      WHERE region = $1 AND source = $2 AND signal = $3 AND factors = $4 AND issued_at = $5
      LIMIT 1
    )
  ) AS issues
), agreeing AS (
  SELECT FROM (SELECT issued_at FROM kept UNION SELECT $5::timestamptz) AS issues
  WHERE NOT EXISTS (
    SELECT FROM said
    LEFT JOIN carbon_intensity_forecasts AS former
      ON former.region = $1 AND former.source = $2 AND former.signal = $3
      AND former.factors = $4 AND former.issued_at = issues.issued_at
      AND former.target_at = said.target_at
    WHERE (former.gco2_per_kwh, former.lasts, former.lower, former.upper)
      IS DISTINCT FROM (said.grams, said.lasts, said.lower, said.upper)
  )
)
INSERT INTO carbon_intensity_forecasts (
  region, source, signal, factors, issued_at, fetched_at, model, provider_zone, licence_class,
  target_at, lasts, gco2_per_kwh, lower, upper
)
SELECT
  $1, $2, $3, $4, CASE WHEN kept.restated THEN $6 ELSE $5 END, $6, $7, $8, $9,
  said.target_at, said.lasts, said.grams, said.lower, said.upper
FROM said, kept
WHERE NOT EXISTS (SELECT FROM agreeing)
ON CONFLICT DO NOTHING
"""


class PostgresForecastStore:
    """Keeps forecasts in `carbon_intensity_forecasts`; `server` is what errors call it."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def store_forecasts(
        self, forecasts: Sequence[RegionForecast], *, term: int | None = None
    ) -> int:
        """Keeps all of these or none; how many rows that made."""
        kept = 0
        with failures_explained(self._server):
            async with (
                self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(),
            ):
                await require_term(connection, term)
                await connection.execute("SELECT pg_advisory_xact_lock($1)", FORECASTS_LOCK)
                for forecast in forecasts:
                    kept += await _keep(connection, forecast)
        return kept


async def _keep(connection: Connection, forecast: RegionForecast) -> int:
    tag = await connection.execute(
        _KEEP,
        forecast.region,
        forecast.source,
        forecast.basis.signal,
        forecast.basis.factors,
        forecast.issued_at,
        forecast.fetched_at,
        storable_text(forecast.model),
        storable_text(forecast.provider_zone),
        storable_text(forecast.licence_class),
        *_columns(forecast.points),
    )
    return int(tag.rpartition(" ")[2])


def _columns(points: Sequence[ForecastPoint]) -> tuple[list[object], ...]:
    lasting = [(point, storable_length(point.lasts)) for point in points]
    sound = [(point, lasts) for point, lasts in lasting if lasts]
    return (
        [point.target_at for point, _ in sound],
        [lasts for _, lasts in sound],
        [storable_grams(point.grams_per_kwh) for point, _ in sound],
        [_bound(point.lower) for point, _ in sound],
        [_bound(point.upper) for point, _ in sound],
    )


def _bound(grams: float | None) -> float | None:
    known = grams is not None and isfinite(grams) and abs(grams) <= LARGEST
    return grams if known else None
