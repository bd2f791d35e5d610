"""What our own forecaster makes of a region's stored past."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.region_grids import known_region
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hours import hourly
from carbon_scaler.forecasting.zone import ZoneForecaster
from carbon_scaler.storage.hourly_values import PostgresHourlyValues
from carbon_scaler.wiring.databases import opened_database
from carbon_scaler.wiring.grid import averages_of, catalog_of

# What is kept of raw values.
LEARNED_FROM = timedelta(days=90)


class NothingKnownError(CarbonScalerError):
    """There is nothing that a forecast could be made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastAsked:
    """A region, and as of when: what began later is taken for unknown."""

    region: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecasted:
    """The forecaster after its lesson, and what it says."""

    region: str
    forecaster: ZoneForecaster
    forecast: Forecast


async def forecast_of(settings: Settings, asked: ForecastAsked) -> Forecasted:
    """Learns from the region's last ninety days and says what comes after them."""
    catalog = catalog_of(settings)
    region = known_region(asked.region, catalog)
    now = asked.at or SystemClock().now()
    async with opened_database(settings, most_connections=1) as database:
        values = PostgresHourlyValues(database.pool, server=database.server)
        starts, grams, covered = await values.read(region.name, since=now - LEARNED_FROM, until=now)
    average = averages_of(catalog)(region.name, Basis())
    forecaster = ZoneForecaster(load_priors(), None if average is None else average.grams_per_kwh)
    forecaster.learn(hourly(starts, grams, covered))
    forecast = forecaster.issue(now)
    if forecast is None:
        raise NothingKnownError(
            f"nothing is known of {region.name}: no value is stored and no yearly average is "
            "shipped; carbon-scaler ingest fills it"
        )
    return Forecasted(region=region.name, forecaster=forecaster, forecast=forecast)
