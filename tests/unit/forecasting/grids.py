"""Grids for tests: a daily wave, a slow swing and a little noise, from a seed."""

import numpy as np

from carbon_scaler.forecasting.hours import Column, HourlyHistory
from carbon_scaler.forecasting.inputs import WIDTH
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.forecasting.weather import Weather, WeatherForecast

WeatherForecasts = list[WeatherForecast]
FIRST = 455_832  # 1 January 2022, a Saturday
AHEAD = 51


def a_grid(hours: int, *, seed: int = 1, level: float = 300.0) -> HourlyHistory:
    return HourlyHistory(first=FIRST, grams=some_grams(hours, seed=seed, level=level))


def some_grams(hours: int, *, seed: int = 1, level: float = 300.0) -> Column:
    random = np.random.default_rng(seed)
    time = np.arange(hours)
    wave = 0.2 * np.sin(2 * np.pi * time / 24) + 0.1 * np.sin(2 * np.pi * time / 97)
    return level * (1 + wave + 0.03 * random.standard_normal(hours))


def some_priors(ahead: int = AHEAD) -> Priors:
    hours = np.arange(1, ahead + 1)
    return Priors(
        coefficients=np.zeros((ahead, WIDTH)),
        mean_squares=np.ones((ahead, WIDTH)),
        fading=0.9**hours,
        lower=-0.1 - 0.01 * hours,
        upper=0.1 + 0.01 * hours,
    )


def some_weather(hours: int, *, every: int = 6, reach: int = 48, seed: int = 1) -> WeatherForecasts:
    """Issued every few hours from the first on; each issue differs a little from the one before."""
    random = np.random.default_rng(seed)
    time = np.arange(hours + reach)
    wind = 7 + 4 * np.sin(2 * np.pi * time / 61) + 2 * random.standard_normal(len(time))
    warmth = 15 + 8 * np.sin(2 * np.pi * (time - 9) / 24) + 5 * np.sin(2 * np.pi * time / 300)
    sun = np.maximum(600 * np.sin(2 * np.pi * (time - 6) / 24), 0) * random.uniform(0.3, 1)
    return [
        WeatherForecast(
            issued=FIRST + hour,
            first=FIRST + hour,
            wind_metres_per_second=np.abs(wind[said] + 0.2 * random.standard_normal(reach)),
            temperature_celsius=warmth[said],
            radiation_watts_per_square_metre=sun[said],
        )
        for hour in range(0, hours, every)
        for said in [slice(hour, hour + reach)]
    ]


def a_windy_grid(hours: int, weather: WeatherForecasts) -> HourlyHistory:
    """Each hour is cleaner by how much wind was last forecast for it."""
    wind = Weather(issues=tuple(weather)).said(FIRST, FIRST + hours)[:, 0]
    return HourlyHistory(first=FIRST, grams=np.maximum(some_grams(hours) - 60 * wind, 20.0))
