"""Verdict and demand become the numbers that KEDA calculates with."""

from dataclasses import dataclass

from carbon_scaler.domain.decision import QueueCounts, Verdict
from carbon_scaler.domain.trigger import Mode, Plan

# Small but not zero: KEDA's `min` takes a zero for "nothing chosen yet".
BRAKE_VALUE = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The figures of one answer."""

    admitted: int
    metric_value: float
    active: bool
    level: float


def reply(plan: Plan, verdict: Verdict, counts: QueueCounts | None) -> Reply:
    """A brake is active while it holds; a queue counts the items that may run."""
    is_open = verdict is Verdict.OPEN
    if plan.mode is Mode.BRAKE:
        return Reply(admitted=0, metric_value=BRAKE_VALUE, active=not is_open, level=float(is_open))
    # An error would withhold what must start now: deadlines win over it.
    if counts is None or (verdict is Verdict.ERROR and not counts.released):
        return Reply(admitted=0, metric_value=0.0, active=False, level=0.0)
    if counts.waiting == 0:
        return _queue(plan, counts, 0, level=float(is_open))
    eligible = counts.waiting if is_open else counts.released
    return _queue(plan, counts, eligible, level=eligible / counts.waiting)


def _queue(plan: Plan, counts: QueueCounts, eligible: int, *, level: float) -> Reply:
    admitted, value = eligible, counts.in_progress + eligible
    if plan.max_jobs is not None:
        ceiling = plan.max_jobs * plan.items_per_job
        admitted = min(eligible, max(0, ceiling - counts.in_progress))
        value = min(counts.in_progress + admitted, ceiling)
    return Reply(admitted=admitted, metric_value=float(value), active=value > 0, level=level)
