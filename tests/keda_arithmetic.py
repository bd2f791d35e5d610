"""KEDA's way from the triggers of a ScaledJob to a number of jobs, from KEDA 2.12 to 2.21.

Written from the description in KEDA's documentation and from its observed answers; the tests pin
it with a table of those.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_JOBS = 100  # KEDA's default of maxReplicaCount


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """One trigger as KEDA sees it after a poll."""

    value: float
    target: float
    active: bool

    @property
    def jobs(self) -> float:
        """A target of 0 asks for no job at all."""
        return self.value / self.target if self.target else 0.0


def value_read(metric_value_float: float, metric_value: int) -> float:
    """The fraction counts if it is above 0, else the whole number."""
    return metric_value_float if metric_value_float > 0 else float(metric_value)


def value_read_before_2_17(metric_value_float: float, metric_value: int) -> float:
    """An older KEDA knows whole numbers only."""
    return float(metric_value)


def jobs_wanted(calculation: str, polled: Sequence[Polled], *, most: int = MOST_JOBS) -> int:
    """Jobs before the scaling strategy subtracts the running ones; inactive triggers are ignored."""
    active = [trigger for trigger in polled if trigger.active]
    jobs = {"max": _max, "min": _min, "avg": _avg, "sum": _sum}[calculation](active)
    return math.ceil(min(jobs, most))


def _max(active: Sequence[Polled]) -> float:
    best, jobs = 0.0, 0.0
    for trigger in active:
        if trigger.value > best:
            best, jobs = trigger.value, trigger.jobs
    return jobs


def _min(active: Sequence[Polled]) -> float:
    best, jobs = 0.0, 0.0
    for trigger in active:
        # A 0 also means "nothing chosen yet": a chosen 0 is replaced by whatever comes next.
        if best == 0 or trigger.value < best:
            best, jobs = trigger.value, trigger.jobs
    return jobs


def _sum(active: Sequence[Polled]) -> float:
    return sum(trigger.jobs for trigger in active)


def _avg(active: Sequence[Polled]) -> float:
    return _sum(active) / len(active) if active else 0.0
