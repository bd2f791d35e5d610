"""What each hour of a history says by itself, computed once: level, scale, anomaly, offset."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from carbon_scaler.forecasting.hours import DAY, WEEK, Column

DAYS_OF_PROFILE = 7
SCALE_HOURS = 30 * DAY
LEAST_SCALE = 0.002  # of the mean, so that a flat grid's noise does not count
OFFSET_WEIGHTS = 0.6 ** np.arange(6)
# Before the first hour there are as many unknown ones as anything looks back.
UNKNOWN_BEFORE = SCALE_HOURS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Levels:
    """One row per hour; NaN where too little is known."""

    day: Column  # mean of the last 24 hours
    week: Column  # mean of the last 168 hours
    scale: Column  # standard deviation of the last 720 hours, in grams
    anomaly: Column  # how far the hour stands above its mean of seven days
    offset: Column  # the anomaly of the last six hours, the newest counting most

    def continued(self, grams: Column) -> Self:
        """These, and those of the hours that `grams` has more."""
        since = len(self.day)
        padded = padded_front(grams)
        anomaly = np.concatenate([self.anomaly, _anomalies(padded, since)])
        return type(self)(
            day=np.concatenate([self.day, _means(padded, since, DAY)]),
            week=np.concatenate([self.week, _means(padded, since, WEEK)]),
            scale=np.concatenate([self.scale, _scales(padded, since)]),
            anomaly=anomaly,
            offset=np.concatenate([self.offset, _offsets(anomaly, since)]),
        )

    def until(self, count: int) -> Self:
        """Those of the first hours only."""
        return type(self)(
            day=self.day[:count],
            week=self.week[:count],
            scale=self.scale[:count],
            anomaly=self.anomaly[:count],
            offset=self.offset[:count],
        )


_NONE = np.empty(0)
NO_LEVELS = Levels(day=_NONE, week=_NONE, scale=_NONE, anomaly=_NONE, offset=_NONE)


def padded_front(values: Column) -> Column:
    """With unknown hours before, so that looking back never leaves the array."""
    return np.concatenate([np.full(UNKNOWN_BEFORE, np.nan), values])


def mean_known(values: Column) -> Column:
    """Mean over the last axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(-1)
    total = np.where(known, values, 0.0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _windows(padded: Column, since: int, length: int) -> Column:
    begin = UNKNOWN_BEFORE + since - length + 1
    return sliding_window_view(padded[begin:], length)


def _means(padded: Column, since: int, length: int) -> Column:
    return mean_known(_windows(padded, since, length))


def _scales(padded: Column, since: int) -> Column:
    """In pieces, as the windows of a year at once would take hundreds of megabytes."""
    windows = _windows(padded, since, SCALE_HOURS)
    pieces = [_scale(windows[row : row + WEEK]) for row in range(0, len(windows), WEEK)]
    return np.concatenate(pieces)


def _scale(windows: Column) -> Column:
    mean = mean_known(windows)
    spread = np.sqrt(mean_known((windows - mean[:, None]) ** 2))
    return np.maximum(spread, LEAST_SCALE * mean)


def _anomalies(padded: Column, since: int) -> Column:
    hours = np.arange(UNKNOWN_BEFORE + since, len(padded))
    before = hours[:, None] - DAY * np.arange(1, DAYS_OF_PROFILE + 1)
    return np.asarray(padded[hours] - mean_known(padded[before]))


def _offsets(anomaly: Column, since: int) -> Column:
    """Unknown hours among the six leave their weight to the others."""
    padded = padded_front(anomaly)
    hours = np.arange(UNKNOWN_BEFORE + since, len(padded))
    recent = padded[hours[:, None] - np.arange(len(OFFSET_WEIGHTS))]
    weights = np.where(np.isfinite(recent), OFFSET_WEIGHTS, 0.0)
    total = (weights * np.where(np.isfinite(recent), recent, 0.0)).sum(-1)
    return np.where(weights.sum(-1) > 0, total / np.maximum(weights.sum(-1), 1e-300), np.nan)
