"""The one decision: every door and every tool calls this function."""

from collections.abc import Callable
from datetime import datetime

from carbon_scaler.decisions import (
    blind,
    budgets,
    classes,
    deadlines,
    demand,
    herd,
    hints,
    off,
    overrides,
    place,
    rate,
    residency,
    shadow,
    strategies,
    windows,
)
from carbon_scaler.decisions.case import Case, Inputs
from carbon_scaler.decisions.replicas import reply
from carbon_scaler.decisions.timeline import Timeline
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.decision import SETTLING, Decision, Outcome, Ruling, Verdict
from carbon_scaler.domain.trigger import Plan

Rule = Callable[[Case], Ruling | None]

GRID_RULES = frozenset({deadlines.RULE, blind.RULE})

# Earlier rules win. A new rule takes its place here.
RULES: tuple[Rule, ...] = (
    residency.rule,
    place.rule,
    overrides.rule,
    demand.rule,
    off.rule,
    shadow.rule,
    classes.rule,
    deadlines.rule,
    blind.rule,
    budgets.rule,
    windows.rule,
    strategies.rule,
)


def decide(
    plan: Plan, inputs: Inputs, now: datetime, *, timeline: Timeline | None = None
) -> Decision:
    """Ask the rules in order; the same inputs give the same decision.

    `timeline` saves its sorting; it is of the settings that count in this place.
    """
    case = case_of(plan, inputs, now, timeline=timeline)
    plan, timeline = case.plan, case.timeline
    rulings = _rulings(case)
    settling = _settling(rulings)
    verdict, reason = SETTLING[settling.outcome], settling.reason
    share, starting = _share(rulings, settling), _starting(rulings, settling)
    answer = reply(plan, settling.outcome, case.counts, share=share, starting=starting)
    if verdict is not Verdict.OPEN and answer.level > 0:
        verdict, reason = Verdict.OPEN, "deadline"
    if verdict is Verdict.OPEN and starting == 0 and answer.level == 0:
        verdict = Verdict.CLOSED
        reason = next(ruling.reason for ruling in rulings if ruling.starting == 0)
    return Decision(
        verdict=verdict,
        reason=reason,
        level=answer.level,
        admitted=answer.admitted,
        metric_value=answer.metric_value,
        target=plan.target,
        active=answer.active,
        rulings=rulings,
        reading=case.reading,
        counts=case.counts,
        decided_at=now,
        changes_at=_changes_at(rulings, inputs, timeline, now),
        share=share,
        enforced_region=_enforced_region(settling),
        hint=hints.hint(case),
    )


def case_of(plan: Plan, inputs: Inputs, now: datetime, *, timeline: Timeline | None = None) -> Case:
    """What the rules look at."""
    plan = place.as_here(plan, inputs.whereabouts, now)
    if timeline is None and isinstance(inputs.demand, BacklogReading):
        timeline = timeline_of(inputs.demand.items, plan.settings)
    return Case(
        plan=plan,
        now=now,
        series=inputs.series,
        reading=inputs.series.resolved_at(now) if inputs.series else None,
        counts=timeline.counts_at(now) if timeline else None,
        inputs=inputs,
        timeline=timeline,
        window=windows.window_at(plan.windows, now) if plan.windows else None,
    )


def _rulings(case: Case) -> tuple[Ruling, ...]:
    rulings: list[Ruling] = []
    for rule in RULES:  # pragma: no branch (the last rule always settles the verdict)
        ruling = rule(case)
        if ruling is None:
            continue
        rulings.append(ruling)
        if ruling.outcome is Outcome.ELSEWHERE and not case.plan.pulses:
            # Wherever the place is, what is due starts.
            rulings.extend(filter(None, [deadlines.rule(case)]))
        # In shadow the later rules are heard as well, for the record.
        if ruling.outcome in SETTLING and ruling.rule != "shadow":
            rulings.extend(filter(None, [herd.rule(case, ruling), rate.rule(case, ruling)]))
            break
    return tuple(rulings)


def _settling(rulings: tuple[Ruling, ...]) -> Ruling:
    return next(ruling for ruling in rulings if ruling.outcome in SETTLING)


def _share(rulings: tuple[Ruling, ...], settling: Ruling) -> float:
    """How much of the ceiling is left by the rules that were asked before the verdict."""
    if SETTLING[settling.outcome] is not Verdict.OPEN:
        return 0.0
    asked = rulings[: rulings.index(settling) + 1]
    return min(ruling.share for ruling in asked)


def _starting(rulings: tuple[Ruling, ...], settling: Ruling) -> int | None:
    """How many items may start, by the rule that lets fewest; what is heard in shadow lets all."""
    if settling.rule == "shadow":
        return None
    told = [ruling.starting for ruling in rulings if ruling.starting is not None]
    return min(told, default=None)


def _enforced_region(settling: Ruling) -> str | None:
    if settling.outcome is not Outcome.REDIRECTED:
        return None
    return str(settling.figures["enforced_region"])


def _changes_at(
    rulings: tuple[Ruling, ...], inputs: Inputs, timeline: Timeline | None, now: datetime
) -> datetime | None:
    instants = [ruling.until for ruling in rulings]
    if inputs.series is not None:
        instants.append(inputs.series.next_change_after(now))
        # What was settled before the grid was asked for does not depend on it.
        if inputs.series.expected is not None and any(each.rule in GRID_RULES for each in rulings):
            instants.append(inputs.series.expected.next_change_after(now))
    if timeline is not None:
        instants.append(timeline.next_change_after(now))
    if isinstance(inputs.demand, BacklogReading):
        instants.append(inputs.demand.too_old_at)
    return min((instant for instant in instants if instant is not None), default=None)
