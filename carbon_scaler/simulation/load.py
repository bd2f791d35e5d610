"""What the jobs draw in which hour."""

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.simulation.jobs import Jobs

DAY = 24


def load_by_hour_of_day(jobs: Jobs, started: Column) -> Column:
    """Mean kW in each of the 24 hours of the day, in UTC, over the days from first to last run."""
    ended = started + jobs.duration
    first = int(started.min() // (DAY * HOUR_SECONDS)) * DAY
    days = int(np.ceil((ended.max() / HOUR_SECONDS - first) / DAY))
    edges = HOUR_SECONDS * np.arange(first, first + days * DAY + 1, dtype=np.float64)
    power = jobs.energy_kwh / (jobs.duration / HOUR_SECONDS)
    drawn = _drawn_until(edges, started, power) - _drawn_until(edges, ended, power)
    hourly = np.diff(drawn / HOUR_SECONDS)
    mean: Column = hourly.reshape(days, DAY).mean(axis=0)
    return np.maximum(mean, 0.0)


def _drawn_until(edges: Column, begins: Column, power: Column) -> Column:
    """By loads that begin and never end: power times the seconds since, summed up."""
    order = np.argsort(begins)
    # Counted from the first edge, so that seconds since 1970 do not cost digits.
    since, sorted_power = begins[order] - edges[0], power[order]
    at = edges - edges[0]
    running = np.searchsorted(since, at, side="right")
    powers = np.concatenate([[0.0], np.cumsum(sorted_power)])
    moments = np.concatenate([[0.0], np.cumsum(sorted_power * since)])
    drawn: Column = powers[running] * at - moments[running]
    return drawn
