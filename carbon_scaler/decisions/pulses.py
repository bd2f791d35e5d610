"""When a brake or gate opens whatever the grid says, so that nothing waits for ever."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions import thresholds
from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.foresight import usable_path
from carbon_scaler.domain.budget import BudgetAction
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries

EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The one that is on now, else the next one."""

    opens_at: datetime
    closes_at: datetime
    anchor: datetime
    anchor_text: str


def pulse_at(case: Case) -> Pulse | None:
    """The last `release` of every `maxDelay`; None: a release fills it, so that it is always on."""
    settings = case.plan.settings
    if settings.release >= settings.max_delay:
        return None
    anchor, anchor_text = _anchor(case)
    opens_at, closes_at = _pulse_around(case.now, anchor, settings.max_delay, settings.release)
    return Pulse(opens_at=opens_at, closes_at=closes_at, anchor=anchor, anchor_text=anchor_text)


def _pulse_around(
    now: datetime, anchor: datetime, period: timedelta, release: timedelta
) -> tuple[datetime, datetime]:
    periods_over = max(0, (now - anchor) // period)
    closes_at = anchor + (periods_over + 1) * period
    return closes_at - release, closes_at


def _anchor(case: Case) -> tuple[datetime, str]:
    """What pulses are counted from."""
    series, settings, now = case.series, case.plan.settings, case.now
    if not _past_tells_what_was_open(case):
        return EPOCH, "a fixed instant"
    if series is None:
        return EPOCH, "no value is stored"
    begun = int(np.searchsorted(series.starts, now.timestamp(), side="right"))
    were_open = thresholds.open_slots(series, settings)[:begun] & _known_in_time(series, begun)
    open_indices = np.flatnonzero(were_open)
    if len(open_indices):
        return series.end_of(int(open_indices[-1])), "the end of the last open hour"
    if series.first_at is None:
        return EPOCH, "no value is stored"
    # Counted back from a value that lies ahead, so that its arrival moves no pulse.
    ahead = min(0, (now - series.first_at) // settings.max_delay)
    return series.first_at + ahead * settings.max_delay, "the first stored value"


def _known_in_time(series: RegionSeries, begun: int) -> NDArray[np.bool_]:
    """Which values were the newest that was known, and not too old: only those opened anything."""
    starts, fetched, over = series.starts[:begun], series.fetched[:begun], series.too_old[:begun]
    np.minimum(over[:-1], np.maximum(starts[1:], fetched[1:]), out=over[:-1])
    return fetched < over


def _past_tells_what_was_open(case: Case) -> bool:
    """Only a fixed limit alone: in hindsight others call hours open that were not."""
    plan = case.plan
    limited = plan.settings.strategy is Strategy.THRESHOLD or (
        plan.settings.strategy is Strategy.AUTO and usable_path(case) is None
    )
    closes_too = plan.budget is not None and plan.budget.action is BudgetAction.DEFER
    return limited and not plan.windows and not closes_too
