"""Grids for tests: a daily wave, a slow swing and a little noise, from a seed."""

import numpy as np

from carbon_scaler.forecasting.hours import Column, HourlyHistory
from carbon_scaler.forecasting.inputs import WIDTH
from carbon_scaler.forecasting.regression import Priors

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
