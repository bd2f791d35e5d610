"""Grid values in PostgreSQL."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from sys import intern

import asyncpg
import numpy as np

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import DEFAULT_USABLE_FOR, Basis, Kind, Reading
from carbon_scaler.domain.snapshot import Column, RegionSeries
from carbon_scaler.storage.pool import CONNECT_TIMEOUT, Connection, Pool, failures_explained

BASIS = Basis()
TRAILING = timedelta(days=8)
LEADING = timedelta(hours=1)
# Eight days of five-minute values; what is denser reaches back less far.
MOST_ROWS = 2_500
# How much is encoded or decoded before the event loop gets its turn.
READINGS_AT_ONCE = 500
REGIONS_AT_ONCE = 20
ACQUIRE_SECONDS = 2 * CONNECT_TIMEOUT.total_seconds()
WRITER_LOCK = 0x636F_3265  # any number that nobody else takes: "co2e"
KINDS = {kind.value: kind for kind in Kind}
LARGEST = 999_999.0  # grams that numeric(10,4) holds; by far implausible


class UnstorableReadingError(CarbonScalerError):
    """A value that is no observation of a grid."""


class PostgresIntensityStore:
    """Keeps values in `co2e_emissions`; `server` is what errors call the database."""

    def __init__(self, pool: Pool, *, server: str = "DATABASE_URL") -> None:
        self._pool = pool
        self._server = server

    async def load(
        self,
        regions: Collection[str] | None,
        *,
        now: datetime,
        known_at: datetime | None = None,
    ) -> Mapping[str, RegionSeries]:
        """The usable trailing values of these regions (None: of all); one without is absent.

        With `known_at`, as they were known then; that reads the whole table.
        """
        with failures_explained(self._server):
            async with self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection:
                rows = await _read_series(connection, regions, now, known_at)
        loaded: dict[str, RegionSeries] = {}
        rows.reverse()
        while rows:
            row = rows.pop()  # freed one by one, because freeing all holds the loop too
            loaded[row["region"]] = _series(row)
            if len(rows) % REGIONS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return loaded

    async def store(self, readings: Sequence[Reading]) -> int:
        """Keeps all of these values or none; how many rows were new or changed."""
        changed = 0
        with failures_explained(self._server):
            async with (
                self._pool.acquire(timeout=ACQUIRE_SECONDS) as connection,
                connection.transaction(),
            ):
                for start in range(0, len(readings), READINGS_AT_ONCE):
                    changed += await _upsert(connection, readings[start : start + READINGS_AT_ONCE])
        return changed


# One row per region, newest value first in each of its arrays.
_SERIES = """
SELECT regions.region, oldest.first_at, series.*
FROM unnest(coalesce($1::text[], ARRAY(SELECT region FROM v_co2e_regions)))
  AS regions (region)
CROSS JOIN LATERAL (
  SELECT
    array_agg(extract(epoch FROM timestamp)::float8 ORDER BY timestamp DESC) AS starts,
    array_agg(gco2_per_kwh::float8 ORDER BY timestamp DESC) AS grams_per_kwh,
    array_agg(at_least::float8 ORDER BY timestamp DESC) AS renewable_at_least,
    array_agg(at_most::float8 ORDER BY timestamp DESC) AS renewable_at_most,
    array_agg(extract(epoch FROM fetched_at)::float8 ORDER BY timestamp DESC) AS fetched,
    array_agg(extract(epoch FROM usable_for)::float8 ORDER BY timestamp DESC)
      AS usable_for,
    array_agg(source ORDER BY timestamp DESC) AS sources,
    array_agg(kind ORDER BY timestamp DESC) AS kinds
  FROM (
    SELECT DISTINCT ON (timestamp)
      timestamp, gco2_per_kwh, fetched_at, source, kind,
      coalesce(usable_for, $6) AS usable_for,
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
    WHERE emissions.region = regions.region
      AND timestamp BETWEEN $4 AND $5
      AND signal = $2 AND factors = $3
      AND flagged IS NULL AND kind <> 'static'
    ORDER BY timestamp DESC, fetched_at DESC, source
    LIMIT $7
  ) AS usable
) AS series
CROSS JOIN LATERAL (
  SELECT timestamp AS first_at
  FROM {values} AS emissions
  WHERE emissions.region = regions.region
    AND signal = $2 AND factors = $3
    AND flagged IS NULL AND kind <> 'static'
  ORDER BY timestamp
  LIMIT 1
) AS oldest
WHERE series.starts IS NOT NULL
"""


async def _read_series(
    connection: Connection,
    regions: Collection[str] | None,
    now: datetime,
    known_at: datetime | None,
) -> list[asyncpg.Record]:
    bounds = _bounds(regions, now)
    if known_at is None:
        return await connection.fetch(_SERIES.format(values="co2e_emissions"), *bounds)
    return await connection.fetch(_SERIES.format(values="co2e_known_at($8)"), *bounds, known_at)


def _bounds(regions: Collection[str] | None, now: datetime) -> tuple[object, ...]:
    return (
        None if regions is None else list(regions),
        BASIS.signal,
        BASIS.factors,
        now - TRAILING,
        now + LEADING,
        DEFAULT_USABLE_FOR,
        MOST_ROWS,
    )


async def _upsert(connection: Connection, readings: Sequence[Reading]) -> int:
    """Rows new or changed; triggers drop what changes nothing, and fill and flag the rest.

    Under a lock, because two writers of the same rows would wait for each other; of two values
    for one row the last counts.
    """
    tag = await connection.execute(
        """
        WITH one_writer AS MATERIALIZED (SELECT pg_advisory_xact_lock($1))
        INSERT INTO co2e_emissions (
          region, timestamp, gco2_per_kwh,
          renewable_percent, renewable_at_least, renewable_at_most,
          source, kind, signal, factors, fetched_at, usable_for
        )
        SELECT DISTINCT ON (region, observed_at, source, signal, factors)
          region, observed_at,
          CASE WHEN abs(grams) < $13 OR grams = 'NaN' THEN grams ELSE sign(grams) * $13 END,
          CASE WHEN at_least = at_most AND at_most BETWEEN 0 AND 100 THEN at_least END,
          CASE WHEN 0 <= at_least AND at_least < at_most AND at_most <= 100 THEN at_least END,
          CASE WHEN 0 <= at_least AND at_least < at_most AND at_most <= 100 THEN at_most END,
          source, kind, signal, factors, fetched_at, usable_for
        FROM one_writer, unnest(
          $2::text[], $3::timestamptz[], $4::float8[], $5::float8[], $6::float8[], $7::text[],
          $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::interval[]
        ) WITH ORDINALITY AS reading (
          region, observed_at, grams, at_least, at_most, source, kind, signal, factors,
          fetched_at, usable_for, place
        )
        ORDER BY region, observed_at, source, signal, factors, place DESC
        ON CONFLICT (region, timestamp, source, signal, factors) DO UPDATE SET
          gco2_per_kwh = excluded.gco2_per_kwh,
          renewable_percent = excluded.renewable_percent,
          renewable_at_least = excluded.renewable_at_least,
          renewable_at_most = excluded.renewable_at_most,
          kind = excluded.kind,
          fetched_at = excluded.fetched_at,
          usable_for = excluded.usable_for
        """,
        WRITER_LOCK,
        *_columns(readings),
        LARGEST,
    )
    return int(tag.rpartition(" ")[2])


def _columns(readings: Sequence[Reading]) -> tuple[list[object], ...]:
    return (
        [reading.region for reading in readings],
        [reading.observed_at for reading in readings],
        [reading.grams_per_kwh for reading in readings],
        [round(reading.renewable.at_least, 2) for reading in readings],
        [round(reading.renewable.at_most, 2) for reading in readings],
        [reading.source for reading in readings],
        [_storable(reading) for reading in readings],
        [reading.basis.signal for reading in readings],
        [reading.basis.factors for reading in readings],
        [reading.fetched_at for reading in readings],
        [reading.usable_for for reading in readings],
    )


def _storable(reading: Reading) -> Kind:
    if reading.kind in (Kind.FORECAST, Kind.STATIC):
        raise UnstorableReadingError(
            f"{reading.source} gave a {reading.kind} value for {reading.region}: "
            "only what was observed is stored as grid intensity"
        )
    return reading.kind


def _series(row: asyncpg.Record) -> RegionSeries:
    return RegionSeries(
        region=row["region"],
        basis=BASIS,
        first_at=row["first_at"],
        starts=_ascending(row["starts"]),
        grams_per_kwh=_ascending(row["grams_per_kwh"]),
        renewable_at_least=_ascending(row["renewable_at_least"]),
        renewable_at_most=_ascending(row["renewable_at_most"]),
        fetched=_ascending(row["fetched"]),
        usable_for=_ascending(row["usable_for"]),
        sources=tuple(map(intern, reversed(row["sources"]))),
        kinds=tuple(map(KINDS.__getitem__, reversed(row["kinds"]))),
    )


def _ascending(newest_first: list[float]) -> Column:
    return np.array(newest_first[::-1], dtype=np.float64)
