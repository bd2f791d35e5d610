"""Strategy `quantile`: open while the grid is among the cleaner hours of its own recent past."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.counted import counted_grams, counted_text
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.policy import Settings
from carbon_scaler.domain.snapshot import HOUR_SECONDS, Column, RegionSeries

RULE = "quantile"
LEAST_PAST_SECONDS = 24 * HOUR_SECONDS
# Equal values that were reached by different sums are still equal.
ROUNDING = 1e-9
# A thousand weeks of hours take a few megabytes.
VALUES_AT_ONCE = 1000


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
    counted = counted_grams(case, reading)
    is_open = bool(within(np.array(counted), np.array(limit.grams_per_kwh)))
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
    limits, totals = _reaching(grams[None], lasts[None], settings.quantile_percent)
    if not totals[0] >= LEAST_PAST_SECONDS:
        return None
    return Limit(
        grams_per_kwh=float(limits[0]),
        past_seconds=float(totals[0]),
        moves_at=series.next_start_after(now),
    )


def limits(series: RegionSeries, settings: Settings) -> Column:
    """The limit at the beginning of each value, as known then; not a number: under a day is known."""
    newest = np.arange(len(series.starts))
    begins = series.starts - settings.quantile_window.total_seconds()
    first = np.searchsorted(series.starts, begins, side="right")
    lasts = _lasts(series, len(series.starts))
    # When the next value would come was not known yet.
    unbroken = np.minimum(series.usable_for, HOUR_SECONDS)
    found = [
        _limits_of(series.grams_per_kwh, lasts, unbroken, (first[part], newest[part]), settings)
        for part in np.array_split(newest, len(newest) // VALUES_AT_ONCE + 1)
    ]
    return np.concatenate(found)


def within(counted: Column, limit: Column) -> NDArray[np.bool_]:
    """Which intensities are at or below their limit."""
    return counted <= limit * (1 + ROUNDING)


def _limits_of(
    grams: Column,
    lasts: Column,
    unbroken: Column,
    spans: tuple[NDArray[np.intp], NDArray[np.intp]],
    settings: Settings,
) -> Column:
    """One row of past values for each span, of the width of the widest."""
    first, newest = spans
    if not len(newest):
        return np.empty(0)
    back = np.arange(int((newest - first).max()), -1, -1)
    places = newest[:, None] - back
    inside = places >= first[:, None]
    weights = np.where(inside, lasts[places], 0.0)
    weights[:, -1] = unbroken[newest]
    past = np.where(inside, grams[places], np.inf)
    found, totals = _reaching(past, weights, settings.quantile_percent)
    return np.where(totals >= LEAST_PAST_SECONDS, found, np.nan)


def _reaching(grams: Column, lasts: Column, percent: float) -> tuple[Column, Column]:
    """Row by row, the smallest value that the share lies at or below, and how long all last."""
    order = np.argsort(grams, axis=1)
    reached = np.cumsum(np.take_along_axis(lasts, order, axis=1), axis=1)
    totals = reached[:, -1]
    wanted = totals * percent / 100 * (1 - ROUNDING)
    places = np.minimum((reached < wanted[:, None]).sum(axis=1), grams.shape[1] - 1)
    rows = np.arange(len(grams))
    return grams[rows, order[rows, places]], totals


def _lasts(series: RegionSeries, end: int) -> Column:
    """How long each of the first intervals lasts, in seconds, as `RegionSeries.end_of` has it."""
    lasts = np.minimum(series.usable_for[:end], HOUR_SECONDS)
    gaps = np.diff(series.starts[: end + 1])
    np.minimum(lasts[: len(gaps)], gaps, out=lasts[: len(gaps)])
    return lasts
