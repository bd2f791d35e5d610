"""What a region counts against another one: its carbon and its cost, weighed."""

import math
from datetime import datetime

from carbon_scaler.domain.intensity import Kind, Reading
from carbon_scaler.domain.policy import Weights
from carbon_scaler.domain.snapshot import RegionSeries


def weighed(weights: Weights, *, carbon: float, cost: float) -> float:
    """Both as shares of the other region's; less is better, and staying there counts 1."""
    return _part(weights.carbon, carbon) + _part(weights.cost, cost)


def share_of(value: float, other: float) -> float:
    """How many times the other it is; nothing is as good as nothing, and better than all else."""
    if other:
        return value / other
    return math.inf if value else 1.0


def usable_reading(series: RegionSeries | None, now: datetime) -> Reading | None:
    """The value that may be compared now; None: there is none."""
    reading = None if series is None else series.resolved_at(now)
    return reading if reading is not None and is_usable(reading, now) else None


def is_usable(reading: Reading, now: datetime) -> bool:
    """As in the decision: an average of a year labels a region and suggests nothing."""
    return reading.kind is not Kind.STATIC and now < reading.too_old_at


def _part(weight: float, share: float) -> float:
    # What does not count must not make it "not a number".
    return weight * share if weight else 0.0
