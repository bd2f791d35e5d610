"""The newest forecasts of our own of each region, joined on to what was measured, as columns."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from sys import intern

import asyncpg
import numpy as np

from carbon_scaler.domain.expected import HOUR, LASTS, OWN_SOURCE, ExpectedError, ExpectedPath
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.storage.pool import Connection

# An issue that is dated a little ahead is no less known.
AHEAD = timedelta(hours=1)

# The newest, and the one that counted until then. Hours follow one another: a forecast of which
# somebody deleted some is none.
_PATHS = """
SELECT
  newest.*, points.*,
  ARRAY(SELECT each -> 'model' ->> 'model' FROM jsonb_array_elements(newest.rejections) AS each)
    AS rejected
FROM grid_regions AS grids
CROSS JOIN LATERAL (
  SELECT
    region, signal, factors, issued_at, model, measured, past_hours,
    error_grams, error_percent, compared, rejected AS rejections
  FROM forecast_issues AS issues
  WHERE issues.region = grids.region AND source = $2
    AND issues.signal = grids.signal AND issues.factors = grids.factors
    AND issued_at > $3 AND issued_at <= $4 AND kept_at <= $4
  ORDER BY issued_at DESC
  LIMIT 2
) AS newest
CROSS JOIN LATERAL (
  SELECT
    min(target_at) AS first_at,
    max(target_at) AS last_at,
    array_agg(CASE WHEN flagged IS NULL THEN gco2_per_kwh::float8 ELSE 'NaN' END) AS grams,
    array_agg(coalesce(lower::float8, 'NaN')) AS lower,
    array_agg(coalesce(upper::float8, 'NaN')) AS upper
  FROM (
    SELECT target_at, gco2_per_kwh, lower, upper, flagged
    FROM carbon_intensity_forecasts AS forecasts
    WHERE forecasts.region = newest.region AND source = $2
      AND forecasts.signal = newest.signal AND forecasts.factors = newest.factors
      AND forecasts.issued_at = newest.issued_at
    ORDER BY target_at
  ) AS ascending
) AS points
WHERE ($1::text[] IS NULL OR grids.region = ANY ($1))
  AND points.last_at - points.first_at = (cardinality(points.grams) - 1) * interval '1 hour'
ORDER BY grids.region, newest.issued_at
"""


async def read_paths(
    connection: Connection,
    regions: Collection[str] | None,
    now: datetime,
    known_at: datetime | None,
) -> dict[str, list[asyncpg.Record]]:
    """Rows for `path_of`, by region."""
    names = None if regions is None else list(regions)
    rows = await connection.fetch(_PATHS, names, OWN_SOURCE, now - LASTS, known_at or now + AHEAD)
    found: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        found.setdefault(row["region"], []).append(row)
    return found


def path_of(rows: Sequence[asyncpg.Record]) -> ExpectedPath | None:
    """What is expected of a region, of issues in their order; None where nothing was read."""
    path = None
    for row in rows:
        path = _path(row, former=path)
    return path


def _path(row: asyncpg.Record, *, former: ExpectedPath | None) -> ExpectedPath:
    measured: list[float] = row["measured"]
    return ExpectedPath(
        model=intern(row["model"]),
        issued_at=row["issued_at"],
        begins=(row["first_at"] - len(measured) * HOUR).timestamp(),
        measured=len(measured),
        grams=np.array(measured + row["grams"], dtype=np.float64),
        lower=np.array(measured + row["lower"], dtype=np.float64),
        upper=np.array(measured + row["upper"], dtype=np.float64),
        past_hours=row["past_hours"],
        basis=Basis(signal=Signal(row["signal"]), factors=Factors(row["factors"])),
        error=_error(row),
        rejected=tuple(row["rejected"]),
        former=former,
    )


def _error(row: asyncpg.Record) -> ExpectedError | None:
    if row["error_grams"] is None:
        return None
    return ExpectedError(
        grams=row["error_grams"], percent=row["error_percent"], compared=row["compared"]
    )
