"""The one decision: every door and every tool calls this function."""

from collections.abc import Callable, Mapping
from datetime import datetime

from carbon_scaler.decisions import blind, classes, deadlines, shadow, thresholds
from carbon_scaler.decisions.case import Case, Inputs
from carbon_scaler.decisions.deadlines import Timeline
from carbon_scaler.decisions.replicas import reply
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import SETTLING, Decision, Outcome, Ruling, Verdict
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.trigger import Mode, Plan

Rule = Callable[[Case], Ruling | None]

# A strategy turns usable data into a verdict; the one that the plan names is the last rule.
STRATEGIES: Mapping[Strategy, Rule] = {Strategy.THRESHOLD: thresholds.rule}

# Earlier rules win. A new rule takes its place here.
RULES: tuple[Rule, ...] = (
    shadow.rule,
    classes.rule,
    deadlines.rule,
    blind.rule,
    lambda case: STRATEGIES[case.plan.settings.strategy](case),
)


def decide(
    plan: Plan, inputs: Inputs, now: datetime, *, timeline: Timeline | None = None
) -> Decision:
    """Ask the rules in order; the same inputs give the same decision. `timeline` saves its sorting."""
    reading = inputs.series.resolved_at(now) if inputs.series else None
    if timeline is None and isinstance(inputs.demand, BacklogReading):
        timeline = deadlines.timeline(inputs.demand.items, plan.settings)
    case = Case(
        plan=plan,
        now=now,
        series=inputs.series,
        reading=reading,
        counts=timeline.counts_at(now) if timeline else None,
    )
    rulings = _rulings(case, inputs)
    verdict, reason = _verdict(rulings)
    answer = reply(plan, verdict, case.counts)
    if verdict is not Verdict.OPEN and answer.level > 0:
        verdict, reason = Verdict.OPEN, "deadline"
    return Decision(
        verdict=verdict,
        reason=reason,
        level=answer.level,
        admitted=answer.admitted,
        metric_value=answer.metric_value,
        target=plan.target,
        active=answer.active,
        rulings=rulings,
        reading=reading,
        counts=case.counts,
        decided_at=now,
        changes_at=_changes_at(rulings, inputs, timeline, now),
    )


def _rulings(case: Case, inputs: Inputs) -> tuple[Ruling, ...]:
    rulings: list[Ruling] = []
    if case.plan.mode is Mode.QUEUE and case.counts is None:
        rulings.append(_demand_unknown(case, inputs))
        return tuple(rulings)
    for rule in RULES:  # pragma: no branch (the last rule always settles the verdict)
        ruling = rule(case)
        if ruling is None:
            continue
        rulings.append(ruling)
        # In shadow the later rules are heard as well, for the record.
        if ruling.outcome in SETTLING and ruling.rule != "shadow":
            break
    return tuple(rulings)


def _demand_unknown(case: Case, inputs: Inputs) -> Ruling:
    cause = inputs.demand.cause if isinstance(inputs.demand, BacklogUnknown) else "not read yet"
    return Ruling(
        rule="demand",
        outcome=Outcome.ERROR,
        reason="backlog_unknown",
        template='backlog "{backlog}" is unknown: {cause}',
        figures={"backlog": case.plan.backlog, "cause": cause},
    )


def _verdict(rulings: tuple[Ruling, ...]) -> tuple[Verdict, str]:
    settling = next(ruling for ruling in rulings if ruling.outcome in SETTLING)
    return SETTLING[settling.outcome], settling.reason


def _changes_at(
    rulings: tuple[Ruling, ...], inputs: Inputs, timeline: Timeline | None, now: datetime
) -> datetime | None:
    instants = [ruling.until for ruling in rulings]
    if inputs.series is not None:
        instants.append(inputs.series.next_change_after(now))
    if timeline is not None:
        instants.append(timeline.next_change_after(now))
    if isinstance(inputs.demand, BacklogReading):
        instants.append(inputs.demand.too_old_at)
    return min((instant for instant in instants if instant is not None), default=None)
