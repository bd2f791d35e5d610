"""A region's usable values, read as columns."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from sys import intern

import asyncpg
import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.intensity import DEFAULT_USABLE_FOR, Basis, Factors, Kind, Signal
from carbon_scaler.domain.snapshot import Outlook, RegionSeries
from carbon_scaler.storage.pool import Connection
from carbon_scaler.storage.precedence import winners

TRAILING = timedelta(days=8)
LEADING = timedelta(hours=1)
# Eight days of five-minute values; what is denser reaches back less far.
MOST_ROWS = 2_500
# Several sources may have a value for each instant.
MOST_CANDIDATES = 3 * MOST_ROWS
KINDS = {kind.value: kind for kind in Kind}

# One row per region and basis, its own one before those that may stand in; in each array the
# oldest value comes first, and of one instant the one fetched last comes last.
_SERIES = """
WITH wanted AS (
  SELECT regions.region, grids.chain, grids.region IS NOT NULL AS configured, bases.*
  FROM unnest(coalesce(
    $1::text[],
    ARRAY(SELECT region FROM v_co2e_regions UNION SELECT region FROM grid_regions)
  )) AS regions (region)
  LEFT JOIN grid_regions AS grids ON grids.region = regions.region
  CROSS JOIN LATERAL (
    SELECT split_part(basis, '/', 1) AS signal, split_part(basis, '/', 2) AS factors, place
    FROM unnest(
      coalesce(grids.signal || '/' || grids.factors, 'average/lifecycle') || grids.stand_ins
    ) WITH ORDINALITY AS bases (basis, place)
  ) AS bases
)
SELECT wanted.*, oldest.first_at, series.*
FROM wanted
CROSS JOIN LATERAL (
  SELECT
    array_agg(date_part('epoch', timestamp)) AS starts,
    array_agg(date_part('epoch', lasts)) AS lasts,
    array_agg(gco2_per_kwh::float8) AS grams_per_kwh,
    array_agg(at_least::float8) AS renewable_at_least,
    array_agg(at_most::float8) AS renewable_at_most,
    array_agg(date_part('epoch', fetched_at)) AS fetched,
    array_agg(date_part('epoch', usable_for)) AS usable_for,
    array_agg(source) AS sources,
    array_agg(kind) AS kinds
  FROM (
    SELECT * FROM (
      SELECT
        timestamp, gco2_per_kwh, fetched_at, source, kind,
        coalesce(lasts, '1 hour') AS lasts,
        coalesce(usable_for, $4) AS usable_for,
        coalesce(
          renewable_percent,
          renewable_at_least,
          least(100, coalesce(energy_mix_solar, 0) + coalesce(energy_mix_wind, 0)
            + coalesce(energy_mix_hydro, 0) + coalesce(energy_mix_biomass, 0)
            + coalesce(energy_mix_geothermal, 0))
        ) AS at_least,
        coalesce(
          renewable_percent,
          renewable_at_most,
          least(100, energy_mix_solar + energy_mix_wind + energy_mix_hydro
            + coalesce(energy_mix_biomass, 0) + coalesce(energy_mix_geothermal, 0)),
          100
        ) AS at_most
      FROM {values} AS emissions
      WHERE emissions.region = wanted.region
        AND timestamp BETWEEN $2 AND $3
        AND signal = wanted.signal AND factors = wanted.factors
        AND flagged IS NULL AND kind <> 'static'
      ORDER BY timestamp DESC, fetched_at DESC, source
      LIMIT $5
    ) AS newest
    ORDER BY timestamp, fetched_at, source DESC
  ) AS usable
) AS series
LEFT JOIN LATERAL (
  SELECT timestamp AS first_at
  FROM {values} AS emissions
  WHERE emissions.region = wanted.region
    AND signal = wanted.signal AND factors = wanted.factors
    AND flagged IS NULL AND kind <> 'static'
  ORDER BY timestamp
  LIMIT 1
) AS oldest ON true
WHERE series.starts IS NOT NULL OR (configured AND place = 1)
ORDER BY wanted.region, place
"""


async def read_series(
    connection: Connection,
    regions: Collection[str] | None,
    now: datetime,
    known_at: datetime | None,
) -> list[asyncpg.Record]:
    """Rows for `series_of`, those of a region one after the other."""
    names = None if regions is None else sorted(set(regions))
    bounds = (names, now - TRAILING, now + LEADING, DEFAULT_USABLE_FOR, MOST_CANDIDATES)
    if known_at is None:
        return await connection.fetch(_SERIES.format(values="co2e_emissions"), *bounds)
    return await connection.fetch(_SERIES.format(values="co2e_known_at($6)"), *bounds, known_at)


def add_stand_in(loaded: dict[str, RegionSeries], row: asyncpg.Record) -> None:
    """Put it beside the region's own values, which were read before."""
    region = row["region"]
    own = loaded.get(region)
    if own is not None:
        loaded[region] = replace(own, stand_ins=(*own.stand_ins, series_of(row)))


def series_of(
    row: asyncpg.Record, *, outlook: Outlook | None = None, expected: ExpectedPath | None = None
) -> RegionSeries:
    """The values of a row, with what is expected beyond them."""
    sources: Sequence[str] = row["sources"] or ()
    starts = _column(row["starts"])
    kept = winners(
        starts=starts,
        lasts=_column(row["lasts"]),
        sources=sources,
        chain=row["chain"] or (),
    )
    places = kept[-MOST_ROWS:]
    kinds: Sequence[str] = row["kinds"] or ()
    return RegionSeries(
        region=row["region"],
        basis=Basis(signal=Signal(row["signal"]), factors=Factors(row["factors"])),
        first_at=row["first_at"],
        starts=starts[places],
        grams_per_kwh=_column(row["grams_per_kwh"])[places],
        renewable_at_least=_column(row["renewable_at_least"])[places],
        renewable_at_most=_column(row["renewable_at_most"])[places],
        fetched=_column(row["fetched"])[places],
        usable_for=_column(row["usable_for"])[places],
        sources=tuple(intern(sources[place]) for place in places),
        kinds=tuple(KINDS[kinds[place]] for place in places),
        outlook=outlook,
        expected=expected,
    )


def _column(values: list[float] | None) -> Column:
    return np.array(values or (), dtype=np.float64)
