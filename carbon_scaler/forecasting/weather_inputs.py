"""What the regression sees of the weather: how it differs from that of the days it goes by."""

import numpy as np

from carbon_scaler.forecasting.hours import DAY, WEEK, Column, HourlyHistory
from carbon_scaler.forecasting.inputs import CLIPPED_AT, Hours, days_back
from carbon_scaler.forecasting.levels import (
    DAYS_OF_PROFILE,
    OFFSET_WEIGHTS,
    Levels,
    mean_known,
)
from carbon_scaler.forecasting.weather import DRIVERS, Weather

# Each driver at the target against the week's and the newest day's at that hour; lately and today
# against the week's. The last column is one where these are known: its square counts such rows.
FORMS = 4
WEATHER_WIDTH = FORMS * DRIVERS + 1
# Weather moves grams, the regression speaks in multiples of the scale: at this share of the level
# the two are alike.
USUAL_SCALE = 0.2
# How far the inputs look back: a week before the last six hours and before the profile's first.
LOOKED_BACK = (DAYS_OF_PROFILE + 1) * DAY + len(OFFSET_WEIGHTS)


def weather_rows(
    weather: Weather,
    history: HourlyHistory,
    levels: Levels,
    origins: Hours,
    *,
    ahead: int,
    learning: bool = False,
) -> Column:
    """(hours ahead, origins, WEATHER_WIDTH); all zero where the weather is not known.

    `learning` reads also what was issued after the origin, before the target came: pairs of the
    past tell what weather does, whoever knew it when.
    """
    hours = history.first + origins
    begin = int(hours[0]) - LOOKED_BACK
    past = weather.said(begin, int(hours[-1]) + 1)
    targets = (weather.learnable if learning else weather.expected)(hours, ahead)
    since = hours - begin
    rows = np.ones((ahead, len(origins), WEATHER_WIDTH))
    forms = [*_at_target(past, targets, since), *_now(past, since)]
    for form, changes in enumerate(forms):
        columns = slice(form * DRIVERS, (form + 1) * DRIVERS)
        rows[:, :, columns] = changes * _strength(levels, origins)[:, None]
    known = np.isfinite(rows).all(-1, keepdims=True)
    return np.clip(np.where(known, rows, 0.0), -CLIPPED_AT, CLIPPED_AT)


def is_known(rows: Column) -> Column:
    """Where there is weather to go by: (hours ahead, origins)."""
    return np.asarray(rows[:, :, -1] > 0)


def _at_target(past: Column, targets: Column, since: Hours) -> list[Column]:
    ahead = len(targets)
    back = days_back(ahead)[:, None] + DAY * np.arange(DAYS_OF_PROFILE)
    newest = since + np.arange(1, ahead + 1)[:, None]
    days = past[newest[:, :, None] - back[:, None, :]]
    return [targets - _mean_over_time(days), targets - days[:, :, 0]]


def _now(past: Column, since: Hours) -> list[Column]:
    """(1, origins, DRIVERS) each, alike for all hours ahead."""
    recent = since[:, None] - np.arange(len(OFFSET_WEIGHTS))
    before = recent[:, :, None] - DAY * np.arange(1, DAYS_OF_PROFILE + 1)
    lately = _weighted(past[recent] - _mean_over_time(past[before]))
    week = past[since[:, None] - np.arange(WEEK)]
    today = _mean_over_time(week[:, :DAY]) - _mean_over_time(week)
    return [lately[None], today[None]]


def _mean_over_time(drivers: Column) -> Column:
    """Over the last axis but one."""
    return mean_known(np.swapaxes(drivers, -1, -2))


def _weighted(anomalies: Column) -> Column:
    """(origins, hours, DRIVERS), the newest hour first: unknown ones leave theirs to the others."""
    known = np.isfinite(anomalies)
    weights = np.where(known, OFFSET_WEIGHTS[:, None], 0.0)
    total = weights.sum(1)
    summed = (weights * np.where(known, anomalies, 0.0)).sum(1)
    return np.where(total > 0, summed / np.where(total > 0, total, 1.0), np.nan)


def _strength(levels: Levels, origins: Hours) -> Column:
    """How many multiples of the scale a usual change of the weather may be worth."""
    scale = levels.scale[origins]
    level = levels.week[origins]
    return np.where(
        scale > 0,
        np.minimum(USUAL_SCALE * level / np.where(scale > 0, scale, 1.0), CLIPPED_AT),
        0.0,
    )
