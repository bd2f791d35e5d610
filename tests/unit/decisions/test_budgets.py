from datetime import UTC, datetime, timedelta, timezone

import pytest

from carbon_scaler.decisions import budgets
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.budget import Budget, BudgetAction, BudgetUse
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.trigger import Mode
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    a_backlog,
    a_budget,
    a_budget_use,
    a_case,
    a_plan,
    a_queue_plan,
    a_series,
    an_item,
)

NEXT_MONTH = datetime(2026, 4, 1, tzinfo=UTC)
LAST_MONTH = datetime(2026, 2, 1, tzinfo=UTC)
CLEAN = a_series(100)


def ruling_of(budget: Budget | None, use: BudgetUse | None, mode: Mode = Mode.QUEUE):
    return budgets.rule(a_case(a_plan(mode, budget=budget), budget_use=use))


def test_without_a_budget_the_rule_says_nothing():
    assert ruling_of(None, a_budget_use(500)) is None


@pytest.mark.parametrize(
    ("spent", "action", "outcome", "reason", "share"),
    [
        (0.0, BudgetAction.DEFER, Outcome.PASSED, "within_budget", 1.0),
        (79.9, BudgetAction.DEFER, Outcome.PASSED, "within_budget", 1.0),
        (80.0, BudgetAction.DEFER, Outcome.PASSED, "budget_alert", 1.0),
        (99.9, BudgetAction.THROTTLE, Outcome.PASSED, "budget_alert", 1.0),
        (100.0, BudgetAction.WARN, Outcome.PASSED, "budget_spent", 1.0),
        (100.0, BudgetAction.THROTTLE, Outcome.LIMITED, "budget_throttled", 0.25),
        (100.0, BudgetAction.DEFER, Outcome.CLOSED, "budget_deferred", 1.0),
        (500.0, BudgetAction.DEFER, Outcome.CLOSED, "budget_deferred", 1.0),
    ],
)
def test_from_the_alert_on_it_is_warned_and_from_the_whole_on_the_action_counts(
    *, spent: float, action: BudgetAction, outcome: Outcome, reason: str, share: float
):
    ruling = ruling_of(a_budget(action=action, throttle_percent=25.0), a_budget_use(spent))
    assert ruling is not None
    assert (ruling.outcome, ruling.reason, ruling.share) == (outcome, reason, share)
    assert ruling.until == NEXT_MONTH


TEXTS = [
    (50, BudgetAction.WARN, "search emitted 50 of its 100 kg of this month"),
    (
        90,
        BudgetAction.WARN,
        "search emitted 90 of its 100 kg of this month, over the 80 % at which it is warned",
    ),
    (
        101.5,
        BudgetAction.WARN,
        "search emitted 101.5 of its 100 kg of this month: it is warned, no more",
    ),
    (
        101.5,
        BudgetAction.THROTTLE,
        "search emitted 101.5 of its 100 kg of this month: 50 % of the ceiling may run",
    ),
    (
        101.5,
        BudgetAction.DEFER,
        "search emitted 101.5 of its 100 kg of this month: "
        "what may wait waits for the next month, from 2026-04-01T00:00:00Z on",
    ),
]


@pytest.mark.parametrize(("spent", "action", "text"), TEXTS)
def test_the_ruling_says_what_was_spent_and_what_follows(
    spent: float, action: BudgetAction, text: str
):
    ruling = ruling_of(a_budget(action=action), a_budget_use(spent))
    assert ruling is not None
    assert ruling.text == text


@pytest.mark.parametrize("action", [BudgetAction.THROTTLE, BudgetAction.DEFER])
def test_what_is_withheld_by_a_budget_can_be_had_by_raising_it(action: BudgetAction):
    ruling = ruling_of(a_budget(action=action), a_budget_use(100))
    assert ruling is not None
    assert ruling.remedy == "raise monthly_kg of search in carbon-budgets.yaml, or exempt its class"


def test_a_brake_cannot_let_a_share_run_and_says_so():
    budget = a_budget(action=BudgetAction.THROTTLE)
    ruling = ruling_of(budget, a_budget_use(100), Mode.BRAKE)
    assert ruling is not None
    assert (ruling.outcome, ruling.reason) == (Outcome.PASSED, "brake_cannot_throttle")
    assert ruling.text.endswith(": a brake can't let a share of its work run, so all of it may")
    assert ruling.remedy == "use mode queue or gate, or the action defer"


@pytest.mark.parametrize(
    ("use", "until"),
    [(None, None), (a_budget_use(500, month_begins_at=LAST_MONTH), NEXT_MONTH)],
    ids=["unknown", "of another month"],
)
def test_a_use_that_is_not_known_decides_nothing(use: BudgetUse | None, until: datetime | None):
    ruling = ruling_of(a_budget(action=BudgetAction.DEFER), use)
    assert ruling is not None
    assert (ruling.outcome, ruling.reason) == (Outcome.PASSED, "budget_unknown")
    assert ruling.until == until
    assert ruling.text == (
        "what search emitted this month is not known, so its budget decides nothing"
    )


def test_a_class_that_is_exempt_goes_on_whatever_was_spent():
    budget = a_budget(action=BudgetAction.DEFER, exempt_classes=frozenset({"standard"}))
    ruling = ruling_of(budget, a_budget_use(500))
    assert ruling is not None
    assert (ruling.outcome, ruling.reason) == (Outcome.PASSED, "budget_exempt")
    assert ruling.text == 'class "standard" is exempt from the budget of search'


@pytest.mark.parametrize(
    ("now", "begins_at", "ends_at"),
    [
        (NOW, datetime(2026, 3, 1, tzinfo=UTC), NEXT_MONTH),
        (NEXT_MONTH, NEXT_MONTH, datetime(2026, 5, 1, tzinfo=UTC)),
        (
            datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
            datetime(2026, 12, 1, tzinfo=UTC),
            datetime(2027, 1, 1, tzinfo=UTC),
        ),
        (
            datetime(2026, 4, 1, 1, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 3, 1, tzinfo=UTC),
            NEXT_MONTH,
        ),
    ],
    ids=["in a month", "its first instant", "the last of a year", "by another clock"],
)
def test_months_are_those_of_utc(now: datetime, begins_at: datetime, ends_at: datetime):
    assert budgets.month_of(now) == (begins_at, ends_at)


# --- with the other rules


@pytest.mark.parametrize(
    ("max_jobs", "waiting", "admitted"), [(None, 9, 5), (8, 9, 4), (7, 9, 4), (8, 3, 3)]
)
def test_a_throttled_queue_lets_its_share_of_the_ceiling_or_of_what_waits_run(
    max_jobs: int | None, waiting: int, admitted: int
):
    plan = a_queue_plan(budget=a_budget(action=BudgetAction.THROTTLE), max_jobs=max_jobs)
    demand = a_backlog(*[an_item()] * waiting)
    inputs = Inputs(series=CLEAN, demand=demand, budget_use=a_budget_use(100))
    decision = decide(plan, inputs, NOW)
    assert (decision.verdict, decision.admitted, decision.share) == (Verdict.OPEN, admitted, 0.5)


def test_a_throttled_gate_shows_its_share():
    plan = a_plan(Mode.GATE, budget=a_budget(action=BudgetAction.THROTTLE))
    decision = decide(plan, Inputs(series=CLEAN, budget_use=a_budget_use(100)), NOW)
    assert (decision.metric_value, decision.active) == (0.5, True)


def test_a_spent_budget_defers_all_but_what_is_due_until_the_next_month():
    plan = a_queue_plan(budget=a_budget(action=BudgetAction.DEFER))
    demand = a_backlog(an_item(2 * HOUR), an_item(), max_age=60 * DAY)
    inputs = Inputs(
        series=a_series(100, 100, starts=[NOW, NEXT_MONTH]),
        demand=demand,
        budget_use=a_budget_use(100),
    )
    decision = decide(plan, inputs, NOW)
    assert (decision.admitted, decision.reason) == (1, "deadline")
    assert decision.rulings[-1].reason == "budget_deferred"
    fresh = decide(plan, inputs, NEXT_MONTH)
    assert (fresh.admitted, fresh.rulings[-1].rule) == (2, "threshold")
