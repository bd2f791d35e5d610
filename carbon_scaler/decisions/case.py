"""All that a rule may look at."""

from dataclasses import dataclass
from datetime import datetime

from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import QueueCounts
from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the outside world supplies to one decision."""

    series: RegionSeries | None
    demand: BacklogReading | BacklogUnknown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One plan at one instant, with its inputs read off."""

    plan: Plan
    now: datetime
    series: RegionSeries | None
    # The value that counts now, which may be another one than the series' newest.
    reading: Reading | None
    counts: QueueCounts | None
