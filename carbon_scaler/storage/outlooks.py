"""The forecast that counts for a region, read as columns."""

from collections.abc import Collection
from datetime import datetime, timedelta
from sys import intern

import asyncpg
import numpy as np

from carbon_scaler.domain.snapshot import FORECAST_LASTS, Outlook
from carbon_scaler.storage.pool import Connection

PAST = timedelta(hours=1)

# The newest issue of the first source of the chain that has one with a point that may decide.
_OUTLOOKS = """
SELECT grids.region, newest.source, newest.issued_at, points.*
FROM grid_regions AS grids
CROSS JOIN LATERAL (
  SELECT chain.source, issue.issued_at
  FROM unnest(grids.chain) WITH ORDINALITY AS chain (source, place)
  CROSS JOIN LATERAL (
    SELECT issued_at
    FROM carbon_intensity_forecasts AS forecasts
    WHERE forecasts.region = grids.region AND forecasts.source = chain.source
      AND forecasts.signal = grids.signal AND forecasts.factors = grids.factors
      AND issued_at > $2 AND issued_at <= $4 AND fetched_at <= $4
      AND target_at >= $3 AND flagged IS NULL
    ORDER BY issued_at DESC
    LIMIT 1
  ) AS issue
  ORDER BY chain.place
  LIMIT 1
) AS newest
CROSS JOIN LATERAL (
  SELECT
    max(fetched_at) AS fetched_at,
    array_agg(date_part('epoch', target_at)) AS starts,
    array_agg(date_part('epoch', lasts)) AS lasts,
    array_agg(gco2_per_kwh::float8) AS grams_per_kwh
  FROM (
    SELECT fetched_at, target_at, lasts, gco2_per_kwh
    FROM carbon_intensity_forecasts AS forecasts
    WHERE forecasts.region = grids.region AND forecasts.source = newest.source
      AND forecasts.signal = grids.signal AND forecasts.factors = grids.factors
      AND forecasts.issued_at = newest.issued_at
      AND target_at >= $3 AND flagged IS NULL
    ORDER BY target_at
  ) AS ascending
) AS points
WHERE $1::text[] IS NULL OR grids.region = ANY ($1)
"""


async def read_outlooks(
    connection: Connection,
    regions: Collection[str] | None,
    now: datetime,
    known_at: datetime | None,
) -> dict[str, asyncpg.Record]:
    """Rows for `outlook_of`, by region."""
    names = None if regions is None else list(regions)
    # An issue that is dated a little ahead is no less known.
    until = known_at or now + PAST
    rows = await connection.fetch(_OUTLOOKS, names, now - FORECAST_LASTS, now - PAST, until)
    return {row["region"]: row for row in rows}


def outlook_of(row: asyncpg.Record | None) -> Outlook | None:
    """What is expected of a region; None where nothing was read."""
    if row is None:
        return None
    return Outlook(
        source=intern(row["source"]),
        issued_at=row["issued_at"],
        fetched_at=row["fetched_at"],
        starts=np.array(row["starts"], dtype=np.float64),
        lasts=np.array(row["lasts"], dtype=np.float64),
        grams_per_kwh=np.array(row["grams_per_kwh"], dtype=np.float64),
    )
