"""All that a rule may look at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from carbon_scaler.decisions.timeline import Lot, Timeline
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.budget import BudgetUse
from carbon_scaler.domain.decision import QueueCounts
from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.override import Override
from carbon_scaler.domain.place import UNKNOWN_WHEREABOUTS, Whereabouts
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.domain.windows import TimeWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the outside world supplies to one decision."""

    series: RegionSeries | None
    demand: BacklogReading | BacklogUnknown | None = None
    # All regions, for what is suggested; what is not in it is unknown.
    others: Mapping[str, RegionSeries] = field(default_factory=dict)
    # Those that operators have stated and that may apply; expired ones among them.
    overrides: tuple[Override, ...] = ()
    # What the plan's service has emitted; None: nobody says.
    budget_use: BudgetUse | None = None
    # Of the plan's shared work, where several regions share it.
    whereabouts: Whereabouts = UNKNOWN_WHEREABOUTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One plan at one instant, with its inputs read off."""

    plan: Plan
    now: datetime
    series: RegionSeries | None
    # The value that counts now, which may be another one than the series' newest.
    reading: Reading | None
    counts: QueueCounts | None
    inputs: Inputs
    # When its items arrive and must start; None where none are counted.
    timeline: Timeline | None = None
    # The window that counts now.
    window: TimeWindow | None = None

    @property
    def lots(self) -> tuple[Lot, ...]:
        """Its waiting items by the length of their runs; empty where none are told apart."""
        return () if self.timeline is None or self.plan.pulses else self.timeline.lots

    @property
    def bonus_percent(self) -> float:
        """How much cleaner this hour counts than it is."""
        return 0.0 if self.window is None else self.window.bonus_percent
