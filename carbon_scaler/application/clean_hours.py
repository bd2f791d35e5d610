"""At which local times of the day a grid was clean, from its past; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

import numpy as np

from carbon_scaler.application.clean_windows import JobShape, percent_below
from carbon_scaler.domain.columns import Column
from carbon_scaler.forecasting.hours import HOUR_SECONDS, HourlyHistory, instant_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanHour:
    """Runs that began at one local time of day, against the mean of all runs of that length."""

    region: str
    local_time: str  # HH:MM
    starts: int  # how many such runs are known in full
    grams_per_kwh: float  # mean over the runs
    saved_grams: float
    saved_percent: float | None
    # Of how many of them the mean was below that of all.
    below_mean_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedHours:
    """What a region's past says about the hours of its day."""

    region: str
    begins_at: datetime
    ends_at: datetime
    starts: int  # of all runs that are known in full
    mean_grams_per_kwh: float
    hours: Sequence[CleanHour]


def learned_hours(
    region: str, past: HourlyHistory, job: JobShape, zone: tzinfo
) -> LearnedHours | None:
    """By the clock that people there had at each start, summer time included; None: too little."""
    means = _run_means(past.grams, job.duration)
    known = np.flatnonzero(np.isfinite(means))
    if not len(known):
        return None
    by_time: dict[str, list[float]] = {}
    for place in known.tolist():
        local = instant_of(past.first + place).astimezone(zone)
        by_time.setdefault(f"{local:%H:%M}", []).append(float(means[place]))
    of_all = float(means[known].mean())
    return LearnedHours(
        region=region,
        begins_at=instant_of(past.first),
        ends_at=past.known_until,
        starts=len(known),
        mean_grams_per_kwh=of_all,
        hours=[
            CleanHour(region=region, local_time=at, **_figures(grams, of_all, job))
            for at, grams in sorted(by_time.items())
        ],
    )


def ranked_hours(
    hours: Iterable[CleanHour], *, limit: int, below: float | None = None
) -> Sequence[CleanHour]:
    """The cleanest first; those below a limit of g/kWh."""
    chosen = [each for each in hours if below is None or each.grams_per_kwh < below]
    chosen.sort(key=lambda each: (each.grams_per_kwh, each.region, each.local_time))
    return chosen[:limit]


def _run_means(grams: Column, duration: timedelta) -> Column:
    """Of a run from each hour on; not a number where not all of its hours are known."""
    hours = duration.total_seconds() / HOUR_SECONDS
    whole = int(hours)
    weights = np.array([1.0] * whole + ([hours - whole] if hours > whole else []))
    if len(grams) < len(weights):
        return np.empty(0)
    runs = np.lib.stride_tricks.sliding_window_view(grams, len(weights))
    means: Column = runs @ weights / hours
    return means


def _figures(grams: Sequence[float], of_all: float, job: JobShape) -> dict[str, Any]:
    mean = float(np.mean(grams))
    return {
        "starts": len(grams),
        "grams_per_kwh": mean,
        "saved_grams": (of_all - mean) * job.energy_kwh,
        "saved_percent": percent_below(of_all, mean),
        "below_mean_percent": 100 * sum(each < of_all for each in grams) / len(grams),
    }
