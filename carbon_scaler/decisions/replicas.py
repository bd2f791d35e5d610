"""Verdict and demand become the numbers that KEDA calculates with."""

from dataclasses import dataclass
from math import ceil

from carbon_scaler.domain.decision import (
    FORBIDDING,
    SETTLING,
    WITHHOLDING,
    Outcome,
    QueueCounts,
    Verdict,
)
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


NOTHING = Reply(admitted=0, metric_value=0.0, active=False, level=0.0)


def reply(
    plan: Plan,
    outcome: Outcome,
    counts: QueueCounts | None,
    *,
    share: float,
    starting: int | None = None,
) -> Reply:
    """A brake is active while it holds, a gate shows its level, a queue counts what may run.

    `starting` says how many items may start; nothing opens where none may.
    """
    is_open = SETTLING[outcome] is Verdict.OPEN and starting != 0
    level = share if is_open else 0.0
    match plan.mode:
        case Mode.BRAKE:
            return Reply(
                admitted=0, metric_value=BRAKE_VALUE, active=not is_open, level=float(is_open)
            )
        case Mode.GATE:
            return Reply(admitted=0, metric_value=level, active=level > 0, level=level)
        case _:
            return _queue(plan, outcome, counts, share=level, starting=starting)


def _queue(
    plan: Plan,
    outcome: Outcome,
    counts: QueueCounts | None,
    *,
    share: float,
    starting: int | None,
) -> Reply:
    if counts is None or outcome in FORBIDDING:
        return NOTHING
    released = 0 if outcome in WITHHOLDING else counts.released
    # An error would withhold what must start now: deadlines win over it. And elsewhere what is in
    # progress is not this cluster's, so KEDA would start as many again.
    if outcome in (Outcome.ERROR, Outcome.ELSEWHERE) and not released:
        return NOTHING
    shared = _shared(plan, counts, share)
    eligible = max(released, shared if starting is None else min(shared, starting))
    level = eligible / counts.waiting if counts.waiting else share
    return _admitted(plan, counts, eligible, level=level)


def _shared(plan: Plan, counts: QueueCounts, share: float) -> int:
    """How many waiting items a share lets run: of the ceiling, or of themselves without one."""
    if share >= 1:
        return counts.waiting
    if plan.max_jobs is None:
        return _rounded_up(share * counts.waiting)
    ceiling = _rounded_up(share * plan.max_jobs) * plan.items_per_job
    return min(counts.waiting, max(0, ceiling - counts.in_progress))


def _rounded_up(count: float) -> int:
    # 7 % of 100 is a little over 7 in floating point.
    return ceil(round(count, 9))


def _admitted(plan: Plan, counts: QueueCounts, eligible: int, *, level: float) -> Reply:
    admitted, value = eligible, counts.in_progress + eligible
    if plan.max_jobs is not None:
        ceiling = plan.max_jobs * plan.items_per_job
        admitted = min(eligible, max(0, ceiling - counts.in_progress))
        value = min(counts.in_progress + admitted, ceiling)
    return Reply(admitted=admitted, metric_value=float(value), active=value > 0, level=level)
