"""Strategy `quantile`: open while the grid is among the cleaner hours of its own recent past."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

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
    order = np.argsort(grams)
    reached = np.cumsum(lasts[order])
    total = float(reached[-1])
    if total < LEAST_PAST_SECONDS:
        return None
    wanted = total * settings.quantile_percent / 100 * (1 - ROUNDING)
    index = min(int(np.searchsorted(reached, wanted)), len(order) - 1)
    return Limit(
        grams_per_kwh=float(grams[order[index]]),
        past_seconds=total,
        moves_at=series.next_start_after(now),
    )


def _lasts(series: RegionSeries, end: int) -> Column:
    """How long each of the first intervals lasts, in seconds, as `RegionSeries.end_of` has it."""
    lasts = np.minimum(series.usable_for[:end], HOUR_SECONDS)
    gaps = np.diff(series.starts[: end + 1])
    np.minimum(lasts[: len(gaps)], gaps, out=lasts[: len(gaps)])
    return lasts
