"""What our own forecaster makes of a region's stored past."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.own_issue import LEARNED_FROM
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.region_grids import known_region
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.forecasting.accuracy import SCORED_HOURS
from carbon_scaler.forecasting.forecast import PERSISTENCE, YESTERDAY, Forecast
from carbon_scaler.forecasting.hindcast import hindcast
from carbon_scaler.forecasting.hours import HourlyHistory, hourly
from carbon_scaler.forecasting.profiles import persistence, yesterday
from carbon_scaler.forecasting.provider import ProviderIssue
from carbon_scaler.forecasting.zone import ZoneForecaster
from carbon_scaler.simulation.regret import Regret, regret
from carbon_scaler.storage.hourly_values import PostgresHourlyValues
from carbon_scaler.storage.provider_issues import PostgresProviderIssues
from carbon_scaler.storage.region_grids import read_grid
from carbon_scaler.wiring.databases import Opened, opened_database
from carbon_scaler.wiring.grid import averages_of, catalog_of

DEFAULT = Basis()


class NothingKnownError(CarbonScalerError):
    """There is nothing that a forecast could be made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastAsked:
    """A region, and as of when: what began later is taken for unknown."""

    region: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkAsked:
    """Work that may wait, in whole hours."""

    slack_hours: int = 12
    duration_hours: int = 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecasted:
    """The forecaster after its lesson, and what it says."""

    region: str
    past: HourlyHistory
    average: float | None  # g/kWh in a year; None: nobody says
    forecaster: ZoneForecaster
    forecast: Forecast


async def forecast_of(settings: Settings, asked: ForecastAsked) -> Forecasted:
    """Learns from the region's last ninety days and says what comes after them."""
    catalog = catalog_of(settings)
    region = known_region(asked.region, catalog)
    now = asked.at or SystemClock().now()
    async with opened_database(settings, most_connections=1) as database:
        grid = await read_grid(database.pool, region, server=database.server)
        past = await stored_past(database, region.name, now=now, reaches_back=LEARNED_FROM)
        issues = PostgresProviderIssues(database.pool, server=database.server)
        provider = await issues.provider_issues(grid, now)
    return forecasted(region.name, past, catalog, now, basis=grid.basis, provider=provider)


async def stored_past(
    database: Opened, region: str, *, now: datetime, reaches_back: timedelta
) -> HourlyHistory:
    """The region's measured hours that began before `now`."""
    values = PostgresHourlyValues(database.pool, server=database.server)
    starts, grams, covered = await values.read(region, since=now - reaches_back, until=now)
    return hourly(starts, grams, covered)


def forecasted(
    region: str,
    past: HourlyHistory,
    catalog: Catalog,
    now: datetime,
    *,
    basis: Basis = DEFAULT,
    provider: Sequence[ProviderIssue] = (),
) -> Forecasted:
    """What our own forecaster makes of a past; without one, of the yearly average."""
    yearly = averages_of(catalog)(region, basis)
    average = None if yearly is None else yearly.grams_per_kwh
    forecaster = ZoneForecaster(load_priors(), average)
    forecaster.learn(past)
    forecast = forecaster.issue(now, provider)
    if forecast is None:
        raise NothingKnownError(
            f"nothing is known of {region}: no value is stored and no yearly average is "
            "shipped; carbon-scaler ingest fills it"
        )
    return Forecasted(
        region=region, past=past, average=average, forecaster=forecaster, forecast=forecast
    )


def regret_of(found: Forecasted, work: WorkAsked) -> Regret | None:
    """What work that came in the last days would have lost by what was expected then."""
    past = found.past.without_repeated_tail()
    paths = hindcast(past, load_priors(), found.average).paths
    hours = np.arange(len(past.grams))
    return regret(
        past.grams,
        {
            "forecast": paths,
            YESTERDAY: yesterday(past.grams, hours, paths.shape[1]),
            PERSISTENCE: persistence(past.grams, hours, paths.shape[1]),
        },
        slack=work.slack_hours,
        duration=work.duration_hours,
        last=SCORED_HOURS,
    )
