"""Forecasts that need no fit: the days before and the present's distance from them."""

import numpy as np

from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.inputs import Hours, profile_days
from carbon_scaler.forecasting.levels import Levels, mean_known


def persistence(grams: Column, origins: Hours, ahead: int) -> Column:
    """The present value stays: (origins, hours ahead)."""
    return np.repeat(grams[origins][:, None], ahead, axis=1)


def yesterday(grams: Column, origins: Hours, ahead: int) -> Column:
    """The last known value at the same hour of day; NaN where it was not measured."""
    return np.asarray(profile_days(grams, origins, ahead)[:, :, 0].T)


def profile_offset(grams: Column, levels: Levels, origins: Hours, fading: Column) -> Column:
    """The mean of the last seven days by hour of day, and what is left of the present offset."""
    profile = mean_known(profile_days(grams, origins, len(fading))).T
    offset = np.where(np.isfinite(levels.offset[origins]), levels.offset[origins], 0.0)
    return np.asarray(np.maximum(profile + offset[:, None] * fading, 0.0))


def static_average(average: float, present: Column, fading: Column) -> Column:
    """A yearly average, joined on to each present value; NaN where that is not known."""
    offset = present - average
    return np.asarray(np.maximum(average + offset[:, None] * fading, 0.0))
