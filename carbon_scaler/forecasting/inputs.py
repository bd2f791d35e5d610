"""What the regression sees: at each origin, for each hour ahead, as multiples of the scale."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.forecasting.hours import DAY, Column, HourlyHistory
from carbon_scaler.forecasting.levels import (
    DAYS_OF_PROFILE,
    UNKNOWN_BEFORE,
    Levels,
    mean_known,
    padded_front,
)

Hours = NDArray[np.int64]

LAST_HOURS = 24
LAST_ANOMALIES = 6
# The same for all grids: their coefficients have a prior.
SHARED = DAYS_OF_PROFILE + 2 + LAST_HOURS + 2 + LAST_ANOMALIES
# Of one grid alone: its hours, its year, its weekend, and what these do to the present.
WAVES_OF_DAY = 4
LEADING_WAVES = 4  # sine and cosine of once and twice a day
SEASONAL = 2 * WAVES_OF_DAY + 4 + LEADING_WAVES
ZONE = SEASONAL + 4 * LEADING_WAVES
INTERCEPT = SHARED + ZONE
WIDTH = INTERCEPT + 1
# Beyond this a value says no more; it keeps one freak hour from ruling the sums.
CLIPPED_AT = 8.0

DAYS_OF_YEAR = 365.2425
FIRST_WEEKDAY = 3  # 1 January 1970 was a Thursday; Monday is 0
SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Design:
    """Rows by hour ahead, then by origin."""

    rows: Column  # (hours ahead, origins, WIDTH), never NaN
    profile: Column  # (hours ahead, origins), grams; NaN where no day is known
    scale: Column  # (origins,), grams


def profile_days(grams: Column, origins: Hours, ahead: int) -> Column:
    """The last seven values known at each target's hour of day: (hours ahead, origins, 7)."""
    back = days_back(ahead)[:, None] + DAY * np.arange(DAYS_OF_PROFILE)
    targets = origins + np.arange(1, ahead + 1)[:, None]
    return np.asarray(padded_front(grams)[UNKNOWN_BEFORE + targets[:, :, None] - back[:, None, :]])


def design(history: HourlyHistory, levels: Levels, origins: Hours, ahead: int) -> Design:
    """The inputs at these `origins`, which are rows of the history."""
    grams, first = history.grams, history.first
    days = profile_days(grams, origins, ahead)
    profile = mean_known(days)
    scale = levels.scale[origins]
    per = 1.0 / np.where(scale > 0, scale, np.inf)
    rows = np.empty((ahead, len(origins), WIDTH))
    rows[:, :, :DAYS_OF_PROFILE] = days - profile[:, :, None]
    beside = _beside(grams, origins, ahead) - profile[:, :, None]
    rows[:, :, DAYS_OF_PROFILE : DAYS_OF_PROFILE + 2] = beside
    present = _present(grams, levels, origins)
    rows[:, :, DAYS_OF_PROFILE + 2 : SHARED] = present
    shared = rows[:, :, :SHARED]
    shared *= per[:, None]
    np.copyto(shared, 0.0, where=~np.isfinite(shared))
    np.clip(shared, -CLIPPED_AT, CLIPPED_AT, out=shared)
    seasonal = seasons(first + origins + np.arange(1, ahead + 1)[:, None])
    rows[:, :, SHARED : SHARED + SEASONAL] = seasonal
    moods = _moods(levels, origins) * per[:, None]
    moods = np.clip(np.where(np.isfinite(moods), moods, 0.0), -CLIPPED_AT, CLIPPED_AT)
    waves = seasonal[:, :, :LEADING_WAVES]
    products = moods[None, :, :, None] * waves[:, :, None, :]
    rows[:, :, SHARED + SEASONAL : INTERCEPT] = products.reshape(
        ahead, len(origins), ZONE - SEASONAL
    )
    rows[:, :, INTERCEPT] = 1.0
    return Design(rows=rows, profile=profile, scale=scale)


def seasons(hours: Hours) -> Column:
    """Hour of day, day of year and weekend (UTC) of these hours since 1970, along a new axis."""
    day = 2 * np.pi * (hours % DAY) / DAY
    year = 2 * np.pi * (hours / DAY % DAYS_OF_YEAR) / DAYS_OF_YEAR
    weekday = (hours // DAY + FIRST_WEEKDAY) % 7
    waves = [f(n * day) for n in range(1, WAVES_OF_DAY + 1) for f in (np.sin, np.cos)]
    saturday, sunday = weekday == SATURDAY, weekday == SUNDAY
    weekend = [(saturday | sunday) * wave for wave in waves[:LEADING_WAVES]]
    return np.stack([*waves, np.sin(year), np.cos(year), saturday, sunday, *weekend], -1)


def days_back(ahead: int) -> Hours:
    """How many hours back the newest known value at the target's hour of day lies."""
    return np.asarray(DAY * (np.arange(ahead) // DAY + 1))


def _beside(grams: Column, origins: Hours, ahead: int) -> Column:
    """The values an hour before and after that one; the last known where it is not yet."""
    targets = origins + np.arange(1, ahead + 1)[:, None] - days_back(ahead)[:, None]
    padded = padded_front(grams)
    after = np.minimum(targets + 1, origins)
    return np.stack([padded[UNKNOWN_BEFORE + targets - 1], padded[UNKNOWN_BEFORE + after]], -1)


def _present(grams: Column, levels: Levels, origins: Hours) -> Column:
    """What is alike for all hours ahead: (origins, values)."""
    last = padded_front(grams)[UNKNOWN_BEFORE + origins[:, None] - np.arange(LAST_HOURS)]
    recent = UNKNOWN_BEFORE + origins[:, None] - np.arange(LAST_ANOMALIES)
    return np.concatenate(
        [
            last - levels.day[origins, None],
            levels.offset[origins, None],
            (levels.day - levels.week)[origins, None],
            padded_front(levels.anomaly)[recent],
        ],
        axis=1,
    )


def _moods(levels: Levels, origins: Hours) -> Column:
    before = padded_front(levels.anomaly)[UNKNOWN_BEFORE + origins - 2]
    anomaly, trend = levels.anomaly[origins], (levels.day - levels.week)[origins]
    return np.stack([anomaly, levels.offset[origins], trend, anomaly - before], -1)
