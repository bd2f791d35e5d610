"""What a service may still emit this month."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.budget import Budget, BudgetAction, BudgetUse
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.trigger import Mode

RULE = "budget"
SPENT = "{service} emitted {spent_kg:g} of its {monthly_kg:g} kg of this month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a state of the budget does, and how it is said."""

    outcome: Outcome
    reason: str
    says: str
    share: float = 1.0
    remedy: str = ""


RAISE_IT = "raise monthly_kg of {service} in carbon-budgets.yaml, or exempt its class"

WITHIN = Effect(outcome=Outcome.PASSED, reason="within_budget", says="")
ALERTED = Effect(
    outcome=Outcome.PASSED,
    reason="budget_alert",
    says=", over the {alert_percent:g} % at which it is warned",
)
SPENT_AND_WARNED = Effect(
    outcome=Outcome.PASSED, reason="budget_spent", says=": it is warned, no more"
)
DEFERRED = Effect(
    outcome=Outcome.CLOSED,
    reason="budget_deferred",
    says=": what may wait waits for the next month, from {until} on",
    remedy=RAISE_IT,
)
THROTTLED = Effect(
    outcome=Outcome.LIMITED,
    reason="budget_throttled",
    says=": {throttle_percent:g} % of the ceiling may run",
    remedy=RAISE_IT,
)
BEYOND_A_BRAKE = Effect(
    outcome=Outcome.PASSED,
    reason="brake_cannot_throttle",
    says=": a brake can't let a share of its work run, so all of it may",
    remedy="use mode queue or gate, or the action defer",
)


def rule(case: Case) -> Ruling | None:
    """Within the budget all pass; once it is spent its action counts."""
    budget = case.plan.budget
    if budget is None:
        return None
    if case.plan.workload_class in budget.exempt_classes:
        return _unasked(
            budget,
            reason="budget_exempt",
            says='class "{workload_class}" is exempt from the budget of {service}',
            workload_class=case.plan.workload_class,
        )
    begins_at, ends_at = month_of(case.now)
    use = case.inputs.budget_use
    if use is None or use.month_begins_at != begins_at:
        return _unasked(
            budget,
            reason="budget_unknown",
            says="what {service} emitted this month is not known, so its budget decides nothing",
            until=None if use is None else ends_at,
        )
    return _ruling(budget, use, _effect(budget, use, case.plan.mode), ends_at)


def month_of(now: datetime) -> tuple[datetime, datetime]:
    """The first instants of this month and of the next one, in UTC."""
    day = now.astimezone(UTC)
    begins_at = datetime(day.year, day.month, 1, tzinfo=UTC)
    return begins_at, datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)


def _effect(budget: Budget, use: BudgetUse, mode: Mode) -> Effect:
    if use.spent_kg >= budget.monthly_kg:
        return _spent(budget, mode)
    if use.spent_kg >= budget.monthly_kg * budget.alert_percent / 100:
        return ALERTED
    return WITHIN


def _spent(budget: Budget, mode: Mode) -> Effect:
    if budget.action is BudgetAction.WARN:
        return SPENT_AND_WARNED
    if budget.action is BudgetAction.DEFER:
        return DEFERRED
    if mode is Mode.BRAKE:
        return BEYOND_A_BRAKE
    return replace(THROTTLED, share=budget.throttle_percent / 100)


def _ruling(budget: Budget, use: BudgetUse, effect: Effect, ends_at: datetime) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=effect.outcome,
        reason=effect.reason,
        template=SPENT + effect.says,
        figures={
            "service": budget.service,
            "spent_kg": use.spent_kg,
            "monthly_kg": budget.monthly_kg,
            "alert_percent": budget.alert_percent,
            "action": str(budget.action),
            "throttle_percent": budget.throttle_percent,
            "as_of": use.as_of,
            "until": ends_at,
        },
        until=ends_at,
        share=effect.share,
        remedy_template=effect.remedy,
    )


def _unasked(
    budget: Budget, *, reason: str, says: str, until: datetime | None = None, **figures: object
) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason=reason,
        template=says,
        figures={"service": budget.service, **figures},
        until=until,
    )
