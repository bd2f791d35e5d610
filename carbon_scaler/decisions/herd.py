"""What waited for a gate to open does not start all at once: a ramp, the same on every replica."""

from datetime import UTC, datetime, timedelta

import numpy as np

from carbon_scaler.decisions import planning
from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.openings import openings
from carbon_scaler.decisions.outlays import Outlay, durations, look, outlay, outlay_on
from carbon_scaler.decisions.timeline import Ramp, Starting
from carbon_scaler.decisions.windows import turns_between
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.phases import phase_of
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import Column
from carbon_scaler.domain.windows import WindowEffect

RULE = "herd"
REASON = "spread"
# What opens a gate for many at once; other rules let go one at a time.
OPENING_RULES = frozenset({*Strategy, planning.RULE})
LOOKED_BACK = timedelta(days=2)
A_MOMENT = 1.0


def rule(case: Case, opening: Ruling) -> Ruling | None:
    """How many of those that an opening lets go are to start by now; None: all of them."""
    spread = _spread(case, opening)
    if not spread or opening.outcome is not Outcome.OPEN or opening.rule not in OPENING_RULES:
        return None
    made = outlay(case) if opening.rule == planning.RULE else None
    seconds = spread.total_seconds()
    ramp = _of_a_gate(case, seconds) if made is None else _of_a_plan(case, made, seconds)
    if ramp is None:
        return None
    if case.plan.pulses:
        return _of_pulses(case, ramp)
    seen = None if made is None else look(made, case.now.timestamp())
    unlimited = np.full(len(case.lots), np.inf)
    least = case.plan.settings.min_savings_percent
    return _of_items(case, ramp, unlimited if seen is None else seen.limits(least))


def _spread(case: Case, opening: Ruling) -> timedelta:
    settings = case.plan.settings
    planned = opening.rule == planning.RULE
    return settings.spread_of_plans if planned else settings.spread or timedelta(0)


def _of_a_plan(case: Case, made: Outlay, spread: float) -> Ramp | None:
    now, issued = case.now.timestamp(), made.path.issued_at.timestamp()
    knots = made.knot_before(now)
    # Another issue lets go as much as an hour does that begins.
    opened = np.maximum(knots, min(issued, now))
    forbidden_until = _forbidden_until(case, float(opened.min()))
    if forbidden_until is not None:
        opened = np.maximum(opened, forbidden_until)
    if now - opened.max() >= spread:
        return None
    if forbidden_until is not None:
        return Ramp(opened=opened, before=np.full(len(opened), -np.inf), spread=spread)
    before = np.where(
        opened > knots, _let_go_by(case, made.path.former, issued), _let_go(case, made, knots)
    )
    return Ramp(opened=opened, before=before, spread=spread)


def _let_go_by(case: Case, former: ExpectedPath | None, issued: float) -> Column:
    """Up to which latest start the former issue let go just before it was replaced."""
    made = None if former is None else outlay_on(former, case)
    instants = np.full(len(durations(case)), issued)
    return _unknown(case, instants) if made is None else _let_go(case, made, instants)


def _let_go(case: Case, made: Outlay, instants: Column) -> Column:
    """Up to which latest start work was let go just before an instant of each lot."""
    before = instants - A_MOMENT
    if not made.tells_of(before):
        return _unknown(case, instants)
    return made.at(before).limits(case.plan.settings.min_savings_percent)


def _unknown(case: Case, instants: Column) -> Column:
    """Nobody can tell what was let go: items are spread; a level would go up and down each hour."""
    return np.full(len(instants), np.inf if case.plan.pulses else -np.inf)


def _forbidden_until(case: Case, opened: float) -> float | None:
    """When forbidden hours ended since just before an instant; None: there were none."""
    ended, former = None, None
    since, now = opened - A_MOMENT, case.now.timestamp()
    for turns_at, window in turns_between(case.plan.windows, since, now + A_MOMENT):
        if former is WindowEffect.FORBID and turns_at <= now:
            ended = turns_at
        former = None if window is None else window.effect
    return ended


def _of_a_gate(case: Case, spread: float) -> Ramp | None:
    # The pulses of a level count from what was open in the past, which knows no spread.
    if case.plan.pulses:
        return None
    lots = max(1, len(case.lots))
    opened = _opened_at(case)
    if opened is None:
        return None
    return Ramp(opened=np.full(lots, opened), before=np.full(lots, -np.inf), spread=spread)


def _opened_at(case: Case) -> float | None:
    """When the gate that is open now opened, or became known to; None: it was always open."""
    if case.series is None or not len(case.series.starts):
        return None
    now = case.now.timestamp()
    since = now - LOOKED_BACK.total_seconds()
    spans = openings(case.plan, case.series, since, now + A_MOMENT)
    if not len(spans.begins) or spans.begins[-1] <= since:
        return None
    begins = float(spans.begins[-1])
    value = int(np.searchsorted(case.series.starts, begins, side="right")) - 1
    fetched = float(case.series.fetched[max(0, value)])
    return max(begins, min(fetched, now))


def _of_items(case: Case, ramp: Ramp, limits: Column) -> Ruling | None:
    if case.timeline is None or not case.lots:
        return None
    eligible = case.timeline.starting_at(case.now, limits).count
    starting = case.timeline.starting_at(case.now, limits, ramp)
    if starting.count >= eligible:
        return None
    return _ruling(case, ramp, starting, eligible)


def _of_pulses(case: Case, ramp: Ramp) -> Ruling | None:
    """Each trigger has its place in the spread."""
    goes_at = ramp.opened[0] + phase_of(f"{case.plan.namespace}/{case.plan.name}") * ramp.spread
    if goes_at <= case.now.timestamp() or ramp.before[0] >= planning.latest_start(case):
        return None
    return _ruling(case, ramp, Starting(count=0, until=float(goes_at)))


def _ruling(case: Case, ramp: Ramp, starting: Starting, eligible: int | None = None) -> Ruling:
    next_at = datetime.fromtimestamp(starting.until, UTC)
    what = "this {mode} opens" if eligible is None else "{starting} of {eligible} items start"
    return Ruling(
        rule=RULE,
        outcome=Outcome.LIMITED,
        reason=REASON,
        template=(
            what + " by now: what waited before {opened_at} starts within {spread}, "
            "not all at once; the next from {next_at} on"
        ),
        figures={
            "mode": case.plan.mode.value,
            "starting": starting.count,
            "eligible": eligible,
            "opened_at": datetime.fromtimestamp(float(ramp.opened.max()), UTC),
            "spread": format_duration(timedelta(seconds=ramp.spread)),
            "next_at": next_at,
        },
        until=next_at,
        starting=starting.count,
        remedy_template="the next place in the spread comes",
    )
