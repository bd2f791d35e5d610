"""A zone that is told the weather forecasts too."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hindcast import hindcast
from carbon_scaler.forecasting.hours import Column, HourlyHistory, instant_of
from carbon_scaler.forecasting.weather import WeatherForecast
from carbon_scaler.forecasting.zone import ZoneForecaster
from tests.unit.forecasting.grids import FIRST, a_windy_grid, some_weather

PRIORS = load_priors().up_to(24)
HOURS = 900
WEATHER = some_weather(HOURS)
WINDY = a_windy_grid(HOURS, WEATHER)

law = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@cache
def plain() -> Column:
    return hindcast(WINDY, PRIORS).paths


def first_hours(hours: int) -> HourlyHistory:
    return WINDY.until(FIRST + hours)


def fed(hours: int, weather: list[WeatherForecast]) -> ZoneForecaster:
    forecaster = ZoneForecaster(PRIORS)
    forecaster.learn(first_hours(hours), weather)
    return forecaster


def issued(forecaster: ZoneForecaster, hours: int) -> Forecast:
    forecast = forecaster.issue(instant_of(FIRST + hours - 0.5))
    assert forecast is not None
    return forecast


def known_by(hours: int) -> list[WeatherForecast]:
    return [issue for issue in WEATHER if issue.issued < FIRST + hours]


def error(paths: Column) -> float:
    origins = np.arange(500, HOURS - 24)
    came = WINDY.grams[origins[:, None] + np.arange(1, 25)]
    return float(np.abs(came - paths[origins]).mean())


def test_weather_that_drives_a_grid_is_learned():
    assert error(hindcast(WINDY, PRIORS, weather=WEATHER).paths) < 0.8 * error(plain())


def test_weather_of_elsewhere_does_little_harm():
    told = hindcast(WINDY, PRIORS, weather=some_weather(HOURS, seed=77))
    assert error(told.paths) < 1.1 * error(plain())


def test_no_weather_is_as_if_there_were_no_such_input():
    np.testing.assert_array_equal(hindcast(WINDY, PRIORS, weather=()).paths, plain())


@pytest.mark.parametrize("hour", [100, 191, 263, 264, 500, 898])
def test_each_row_is_what_was_issued_at_its_hour_with_the_weather_known_then(hour: int):
    every = hindcast(WINDY, PRIORS, weather=WEATHER)
    live = issued(fed(hour + 1, known_by(hour + 1)), hour + 1)
    assert every.models[hour] == live.model
    np.testing.assert_allclose(every.paths[hour], live.grams, rtol=1e-8)


@law
@given(hours=st.integers(200, 880), seed=st.integers(0, 1000))
def test_no_path_depends_on_weather_that_was_issued_after_it(hours: int, seed: int):
    other = [issue for issue in some_weather(HOURS, seed=seed) if issue.issued >= FIRST + hours]
    true = hindcast(WINDY, PRIORS, weather=WEATHER).paths
    scrambled = hindcast(WINDY, PRIORS, weather=[*known_by(hours), *other]).paths
    np.testing.assert_allclose(scrambled[:hours], true[:hours], rtol=1e-9)


def test_weather_issued_after_now_is_taken_for_unknown():
    foresight = issued(fed(HOURS, WEATHER), 700)
    np.testing.assert_array_equal(foresight.grams, issued(fed(700, known_by(700)), 700).grams)


def test_where_the_weather_is_not_known_the_path_is_as_without():
    taught = [issue for issue in WEATHER if issue.issued < FIRST + 600]
    silent = hindcast(WINDY, PRIORS, weather=taught).paths[660:730]
    np.testing.assert_allclose(silent, plain()[660:730], rtol=1e-7)


def test_an_hour_that_the_weather_forecast_leaves_out_is_as_without_and_the_others_are_not():
    *before, last = some_weather(HOURS, every=24, reach=24)
    sun = last.radiation_watts_per_square_metre.copy()
    sun[10] = np.nan
    holed = [*before, replace(last, radiation_watts_per_square_metre=sun)]
    row = last.issued - FIRST
    told = hindcast(WINDY, PRIORS, weather=holed).paths[row]
    alike = np.isclose(told, plain()[row], rtol=1e-7)
    assert np.flatnonzero(alike).tolist() == [9, 23]


def test_bounds_are_narrower_where_the_weather_is_known():
    hours = 42 * 24 + 1  # the last issue, of the 24 hours to come, is an hour old
    daily = some_weather(hours, every=24, reach=24)
    history = a_windy_grid(hours, daily)
    widths = []
    for weather in (daily, daily[:-1]):
        forecaster = ZoneForecaster(PRIORS)
        forecaster.learn(history, weather)
        forecast = issued(forecaster, hours)
        widths.append((forecast.upper - forecast.lower)[:23].mean())
    told, untold = widths
    assert told < 0.95 * untold


@pytest.mark.parametrize(
    "since",
    [
        690,  # after the last fit
        500,  # before it
        0,  # all of it
    ],
)
def test_weather_that_comes_late_counts_as_if_it_had_come_in_time(since: int):
    forecaster = fed(700, [issue for issue in known_by(700) if issue.issued < FIRST + since])
    forecaster.learn(first_hours(700), known_by(700))
    late, in_time = issued(forecaster, 700), issued(fed(700, known_by(700)), 700)
    np.testing.assert_allclose(late.grams, in_time.grams, rtol=1e-8)
    np.testing.assert_allclose(late.upper, in_time.upper, rtol=1e-8)


def test_hour_by_hour_or_at_once_gives_the_same_forecast():
    forecaster = fed(430, known_by(430))
    for hour in range(431, 451):
        forecaster.learn(first_hours(hour), known_by(hour))
    grown, at_once = issued(forecaster, 450), issued(fed(450, known_by(450)), 450)
    np.testing.assert_allclose(grown.grams, at_once.grams, rtol=1e-8)


def test_weather_before_any_history_waits_for_it():
    forecaster = ZoneForecaster(PRIORS)
    forecaster.learn(first_hours(0), WEATHER[:3])
    forecaster.learn(first_hours(700), known_by(700))
    np.testing.assert_allclose(
        issued(forecaster, 700).grams, issued(fed(700, known_by(700)), 700).grams, rtol=1e-8
    )


def test_a_grid_of_zeros_stays_at_zero_whatever_the_weather():
    forecaster = ZoneForecaster(PRIORS)
    forecaster.learn(HourlyHistory(first=FIRST, grams=np.zeros(400)), known_by(400))
    np.testing.assert_array_equal(issued(forecaster, 400).grams, 0.0)
