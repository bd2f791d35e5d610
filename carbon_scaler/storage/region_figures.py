"""What is stored of regions over a time, from PostgreSQL; nothing is written."""

from collections.abc import Mapping
from datetime import datetime

from carbon_scaler.application.region_ranking import StoredFigures
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.storage.pool import ACQUIRE_SECONDS, Pool, failures_explained

_BASES = """
SELECT
  regions.region,
  coalesce(grids.signal, 'average') AS signal, coalesce(grids.factors, 'lifecycle') AS factors
FROM (SELECT region FROM v_co2e_regions UNION SELECT region FROM grid_regions) AS regions
LEFT JOIN grid_regions AS grids ON grids.region = regions.region
ORDER BY regions.region
"""

# Of a mix that lacks a kind nothing follows: an unknown share is never 0.
_FIGURES = """
SELECT
  (
    SELECT sum(gco2_per_kwh * extract(epoch FROM covered))::float8
      / nullif(sum(extract(epoch FROM covered)), 0)::float8
    FROM v_co2e_hourly WHERE region = $1 AND hour >= $2 AND hour < $3
  ) AS grams,
  (
    SELECT sum(extract(epoch FROM covered))::float8 / 3600
    FROM v_co2e_hourly WHERE region = $1 AND hour >= $2 AND hour < $3
  ) AS hours,
  shares.*
FROM (
  SELECT
    avg(renewable)::float8 AS renewable,
    avg(least(100, renewable + nuclear)) FILTER (WHERE nuclear IS NOT NULL)::float8 AS fossil_free,
    count(renewable)::float8 AS renewable_hours
  FROM (
    SELECT avg(share) AS renewable, avg(nuclear) AS nuclear
    FROM (
      SELECT
        timestamp,
        coalesce(renewable_percent, CASE
          WHEN renewable_at_least IS NULL AND renewable_at_most IS NULL THEN
            energy_mix_solar + energy_mix_wind + energy_mix_hydro
              + coalesce(energy_mix_biomass, 0) + coalesce(energy_mix_geothermal, 0)
          WHEN renewable_at_least = renewable_at_most THEN renewable_at_least
        END) AS share,
        energy_mix_nuclear AS nuclear
      FROM co2e_emissions
      WHERE region = $1 AND timestamp >= $2 AND timestamp < $3
        AND signal = $4 AND factors = $5 AND flagged IS NULL AND kind <> 'static'
    ) AS told
    WHERE share IS NOT NULL
    GROUP BY date_trunc('hour', timestamp, 'UTC')
  ) AS hourly
) AS shares
"""


class PostgresRegionFigures:
    """Reads what regions are compared by; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def bases(self) -> Mapping[str, Basis]:
        """Every region that is stored or configured, and the basis that counts for it."""
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                rows = await connection.fetch(_BASES)
        return {
            row["region"]: Basis(signal=Signal(row["signal"]), factors=Factors(row["factors"]))
            for row in rows
        }

    async def read(
        self, region: str, basis: Basis, *, since: datetime, until: datetime
    ) -> StoredFigures | None:
        """Means over the time; None where no value of that basis is stored."""
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                row = await connection.fetchrow(
                    _FIGURES, region, since, until, basis.signal, basis.factors
                )
        if row is None or row["grams"] is None:
            return None
        return StoredFigures(
            grams_per_kwh=row["grams"],
            hours_covered=row["hours"],
            renewable_percent=row["renewable"],
            fossil_free_percent=row["fossil_free"],
            renewable_hours=row["renewable_hours"],
        )
