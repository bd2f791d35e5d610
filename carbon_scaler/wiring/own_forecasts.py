"""Forecasts of our own for the regions that are ingested."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from carbon_scaler.application.own_forecasts import Forecaster, ForecastStores, OwnForecasts
from carbon_scaler.application.ports import Clock
from carbon_scaler.storage.hourly_values import PostgresHourlyValues
from carbon_scaler.storage.own_forecasts import PostgresOwnForecasts
from carbon_scaler.storage.pool import Pool
from carbon_scaler.storage.provider_issues import PostgresProviderIssues
from carbon_scaler.wiring.grid import Grid, averages_of

# Opens where forecasts are made.
Apart = Callable[[], AbstractAsyncContextManager[Forecaster]]


def own_forecasts(
    pool: Pool, server: str, grid: Grid, *, clock: Clock, apart: Apart
) -> OwnForecasts:
    """All that they need."""
    return OwnForecasts(
        grid.plan.grids,
        stores=forecast_stores(pool, server),
        forecasting=apart,
        averages=averages_of(grid.catalog),
        clock=clock,
    )


def forecast_stores(pool: Pool, server: str) -> ForecastStores:
    """What forecasts are made from, and where they go."""
    return ForecastStores(
        past=PostgresHourlyValues(pool, server=server),
        provider=PostgresProviderIssues(pool, server=server),
        issues=PostgresOwnForecasts(pool, server=server),
    )
