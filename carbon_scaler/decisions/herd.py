"""What waited for a gate to open does not start all at once: a ramp, the same on every replica."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np

from carbon_scaler.decisions import planning
from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.openings import Openings, forbidden, openings
from carbon_scaler.decisions.outlays import Look, Outlay, durations, look, outlay, outlay_on
from carbon_scaler.decisions.timeline import Ramp, Starting
from carbon_scaler.decisions.waiting import knots_before
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.phases import phase_of
from carbon_scaler.domain.policy import Strategy

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
    limits = unlimited if seen is None else seen.limits(least)
    return _of_items(case, ramp, limits, eligible=opening.starting)


def _spread(case: Case, opening: Ruling) -> timedelta:
    settings = case.plan.settings
    planned = opening.rule == planning.RULE
    return settings.spread_of_plans if planned else settings.spread or timedelta(0)


def _of_a_plan(case: Case, made: Outlay, spread: float) -> Ramp | None:
    """Instant by instant back: what had let nobody go before, or longer ago than the spread."""
    now, lasting = case.now.timestamp(), np.array(durations(case))
    ended = _forbidden(case, now - spread - 2 * A_MOMENT, now + A_MOMENT)
    stages: list[tuple[Column, Column]] = []
    until = np.full(len(lasting), now)
    while True:
        # Another issue lets go as much as an hour does that begins.
        opened = np.maximum(knots_before(until, lasting), _issued_before(made.path, until))
        if ended is not None:
            opened = np.maximum(opened, ended.closed_at(until))
        recent = now - opened < spread
        if not recent.any():
            break
        until = np.where(recent, opened - A_MOMENT, opened)
        let_go = _let_go(case, made.path, until)
        if ended is not None:
            let_go = np.where(np.isfinite(ended.opened_at(until)), -np.inf, let_go)
        stages.append((opened, let_go))
    ramp = None
    for opened, before in reversed(stages):
        ramp = Ramp(opened=opened, before=before, spread=spread, earlier=ramp)
    return ramp


def _forbidden(case: Case, since: float, until: float) -> Openings | None:
    windows = case.plan.windows
    return forbidden(windows, since, until) if windows else None


def _issued_before(path: ExpectedPath, instants: Column) -> Column:
    """When what counted at each instant was issued."""
    issued = path.issued_at.timestamp()
    if path.former is None or (instants >= issued).all():
        return np.where(instants >= issued, issued, -np.inf)
    return np.where(instants >= issued, issued, _issued_before(path.former, instants))


def _let_go(case: Case, path: ExpectedPath, instants: Column) -> Column:
    """Up to which latest start work was let go at an instant of each lot, by what counted then."""
    issued = path.issued_at.timestamp()
    if (instants >= issued).all():
        return _limits(case, path, instants)
    former = (
        _unknown(case, instants) if path.former is None else _let_go(case, path.former, instants)
    )
    if (instants < issued).all():
        return former
    return np.where(instants >= issued, _limits(case, path, instants), former)


def _limits(case: Case, path: ExpectedPath, instants: Column) -> Column:
    made = outlay_on(path, case)
    if not made.tells_of(instants):
        return _unknown(case, instants)
    seen = _look_back(made, tuple(instants.tolist()))
    limits = seen.limits(case.plan.settings.min_savings_percent)
    return np.where(np.isfinite(seen.grams), limits, _unknown(case, instants))


# For an hour or less all triggers of a region look back at the same instants.
@lru_cache(maxsize=512)
def _look_back(made: Outlay, instants: tuple[float, ...]) -> Look:
    return made.at(np.array(instants))


def _unknown(case: Case, instants: Column) -> Column:
    """Nobody can tell what was let go: items are spread; a level would go up and down each hour."""
    return np.full(len(instants), np.inf if case.plan.pulses else -np.inf)


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


def _of_items(case: Case, ramp: Ramp, limits: Column, *, eligible: int | None) -> Ruling | None:
    if case.timeline is None or not case.lots:
        return None
    if eligible is None:
        eligible = case.timeline.starting_at(case.now, limits).count
    starting = case.timeline.starting_at(case.now, limits, ramp)
    if starting.count >= eligible:
        return None
    return _ruling(case, ramp, starting, eligible)


def _of_pulses(case: Case, ramp: Ramp) -> Ruling | None:
    """Each trigger has its place in the spread."""
    latest, stage = planning.latest_start(case), ramp
    while latest <= stage.before[0]:
        if stage.earlier is None:
            return None
        stage = stage.earlier
    place = phase_of(f"{case.plan.namespace}/{case.plan.name}")
    goes_at = float(stage.opened[0] + place * stage.spread)
    if goes_at <= case.now.timestamp():
        return None
    return _ruling(case, stage, Starting(count=0, until=goes_at))


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
