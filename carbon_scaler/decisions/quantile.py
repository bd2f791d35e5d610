"""Strategy `quantile`: open while the grid is among the cleaner hours of its own recent past."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.counted import counted_grams, counted_text
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.policy import Settings
from carbon_scaler.domain.snapshot import HOUR_SECONDS, RegionSeries

RULE = "quantile"
LEAST_PAST_SECONDS = 24 * HOUR_SECONDS
# Equal values that were reached by different sums are still equal.
ROUNDING = 1e-9
# A thousand weeks of hours take a few megabytes.
VALUES_AT_ONCE = 1000

# Which are open, and for which nobody can tell.
Slots = tuple[NDArray[np.bool_], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The intensity up to which the gate is open, and when the next value moves it."""

    grams_per_kwh: float
    past_seconds: float
    moves_at: datetime | None


def rule(case: Case) -> Ruling | None:
    """Open iff the intensity is at or below the quantile; None: there is too little to compare."""
    reading, series, settings = case.reading, case.series, case.plan.settings
    if reading is None or series is None or reading.basis != series.basis:
        return None
    limit = limit_at(series, settings, case.now)
    if limit is None:
        return None
    is_open = counted_grams(case, reading) <= limit.grams_per_kwh * (1 + ROUNDING)
    return Ruling(
        rule=RULE,
        outcome=Outcome.OPEN if is_open else Outcome.CLOSED,
        reason="within_quantile" if is_open else "above_quantile",
        template=(
            "{counted} {relation} the cleanest {percent:g} % of the last {window}, "
            "which end at {limit:g}"
        ),
        figures={
            "grams_per_kwh": reading.grams_per_kwh,
            "counted": counted_text(case, reading),
            "relation": "is among" if is_open else "is not among",
            "percent": settings.quantile_percent,
            "window": format_duration(settings.quantile_window),
            "limit": limit.grams_per_kwh,
            "past_hours": limit.past_seconds / HOUR_SECONDS,
        },
        until=limit.moves_at,
        remedy_template="" if is_open else "it opens at {limit:g} g/kWh and below",
    )


def limit_at(series: RegionSeries, settings: Settings, now: datetime) -> Limit | None:
    """The smallest value that the share of the past lies at or below; None: under a day is known."""
    end = int(np.searchsorted(series.starts, now.timestamp(), side="right"))
    if not end:
        return None
    # It ends with the newest value, so that a source that lags leaves the window as long as it is.
    begin = series.starts[end - 1] - settings.quantile_window.total_seconds()
    first = int(np.searchsorted(series.starts, begin, side="right"))
    grams, lasts = series.grams_per_kwh[first:end], _lasts(series, end)[first:]
    limit, total = _reaching(grams, lasts, settings.quantile_percent)
    if total < LEAST_PAST_SECONDS:
        return None
    return Limit(
        grams_per_kwh=limit,
        past_seconds=total,
        moves_at=series.next_start_after(now),
    )


def open_slots(series: RegionSeries, settings: Settings, counted: Column) -> Slots:
    """Which of the stored intervals were open, as was known then, and for which nobody could tell.

    `counted` is what their intensities count for.
    """
    limits = _limits(series, settings.quantile_percent, settings.quantile_window)
    return counted <= limits * (1 + ROUNDING), np.isnan(limits)


# Most classes of a region have the same.
@lru_cache(maxsize=8)
def _limits(series: RegionSeries, percent: float, window: timedelta) -> Column:
    """The limit at the beginning of each value; not a number: under a day is known."""
    starts, grams = series.starts, series.grams_per_kwh
    lasts = _lasts(series, len(starts))
    # Nothing was known yet to follow the newest.
    unbroken = np.minimum(series.usable_for, HOUR_SECONDS)
    first = np.searchsorted(starts, starts - window.total_seconds(), side="right")
    if len(starts) and (unbroken == lasts[0]).all() and (np.diff(starts) == lasts[0]).all():
        return _even_limits(grams, float(lasts[0]), np.arange(len(grams)) - first + 1, percent)
    return np.array(
        [
            _limit_or_nan(
                grams[begin : newest + 1], np.append(lasts[begin:newest], unbroken[newest]), percent
            )
            for newest, begin in enumerate(first)
        ]
    )


def _even_limits(grams: Column, lasts: float, known: NDArray[np.intp], percent: float) -> Column:
    """Where all last equally long and follow one another, a limit is a place in the order."""
    width = int(known.max())
    past = sliding_window_view(np.concatenate([np.full(width - 1, np.inf), grams]), width)
    places = np.maximum(np.ceil(known * percent / 100 * (1 - ROUNDING)).astype(np.intp) - 1, 0)
    limits = np.empty(len(grams))
    for part in np.array_split(np.arange(len(grams)), len(grams) // VALUES_AT_ONCE + 1):
        ordered = np.sort(past[part[0] : part[-1] + 1], axis=1)
        limits[part] = ordered[np.arange(len(part)), places[part]]
    return np.where(known * lasts >= LEAST_PAST_SECONDS, limits, np.nan)


def _limit_or_nan(grams: Column, lasts: Column, percent: float) -> float:
    limit, total = _reaching(grams, lasts, percent)
    return limit if total >= LEAST_PAST_SECONDS else math.nan


def _reaching(grams: Column, lasts: Column, percent: float) -> tuple[float, float]:
    """The smallest value that the share lies at or below, and how long all last."""
    order = np.argsort(grams)
    reached = np.cumsum(lasts[order])
    total = float(reached[-1])
    wanted = total * percent / 100 * (1 - ROUNDING)
    index = min(int(np.searchsorted(reached, wanted)), len(order) - 1)
    return float(grams[order[index]]), total


def _lasts(series: RegionSeries, end: int) -> Column:
    """How long each of the first intervals lasts, in seconds, as `RegionSeries.end_of` has it."""
    lasts = np.minimum(series.usable_for[:end], HOUR_SECONDS)
    gaps = np.diff(series.starts[: end + 1])
    np.minimum(lasts[: len(gaps)], gaps, out=lasts[: len(gaps)])
    return lasts
