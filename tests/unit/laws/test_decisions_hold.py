from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.budget import BudgetAction, BudgetUse
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.override import Override
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from tests.builders import DAY, HOUR, NOW, a_backlog, an_item
from tests.unit.laws.cases import (
    A_SERIES,
    INPUTS,
    INSTANTS,
    OVERRIDES,
    PLANNED,
    PLANS,
    QUEUES,
    SERIES,
    USES,
    WAITING,
    budgeted,
    central_law,
    law,
    plans,
    spans,
    windowed,
)

TICK = timedelta(microseconds=1)
MICROSECONDS = st.integers(0, 999_999)


def answer_of(decision: Decision) -> tuple[object, ...]:
    return (decision.verdict, decision.admitted, decision.metric_value, decision.active)


def assert_holds(plan: Plan, inputs: Inputs, decision: Decision, share: float):
    now = decision.decided_at
    end = decision.changes_at or now + 40 * DAY
    for later in (now + share * (end - now), end - TICK):
        if now <= later < end:
            assert answer_of(decide(plan, inputs, later)) == answer_of(decision), later


@central_law
@given(plan=PLANS, inputs=INPUTS, overrides=OVERRIDES, now=INSTANTS, share=st.floats(0, 1))
def test_the_answer_stays_the_same_until_the_decision_says_it_may_change(
    *, plan: Plan, inputs: Inputs, overrides: tuple[Override, ...], now: datetime, share: float
):
    inputs = replace(inputs, overrides=overrides)
    assert_holds(plan, inputs, decide(plan, inputs, now), share)


@law
@given(
    plan=windowed() | budgeted(BudgetAction.DEFER) | plans(strategy=Strategy.QUANTILE),
    series=A_SERIES,
    after=spans(0 * HOUR, DAY),
    budget_use=USES,
    share=st.floats(0, 1),
)
def test_the_answer_holds_until_the_hours_the_month_or_the_past_may_change_it(
    *,
    plan: Plan,
    series: RegionSeries,
    after: timedelta,
    budget_use: BudgetUse | None,
    share: float,
):
    fresh = replace(series, usable_for=series.usable_for + DAY.total_seconds())
    inputs = Inputs(
        series=fresh, demand=a_backlog(an_item(), max_age=60 * DAY), budget_use=budget_use
    )
    now = datetime.fromtimestamp(series.starts[0], UTC) + after
    assert_holds(plan, inputs, decide(plan, inputs, now), share)


@central_law
@given(
    plan=QUEUES,
    waiting=WAITING,
    offs=st.lists(MICROSECONDS, min_size=8, max_size=8),
    series=SERIES,
    now=INSTANTS,
    micro=MICROSECONDS,
    share=st.floats(0, 1),
)
def test_the_answer_holds_to_the_microsecond(
    *,
    plan: Plan,
    waiting: list[Item],
    offs: list[int],
    series: RegionSeries | None,
    now: datetime,
    micro: int,
    share: float,
):
    items = [
        replace(item, enqueued_at=item.enqueued_at + off * TICK)
        for item, off in zip(waiting, offs, strict=False)
    ]
    inputs = Inputs(series=series, demand=a_backlog(*items, max_age=60 * DAY))
    assert_holds(plan, inputs, decide(plan, inputs, now + micro * TICK), share)


@central_law
@given(
    plan=plans(strategy=Strategy.FORECAST, workload_class="standard", shadow=False),
    waiting=WAITING,
    series=PLANNED,
    after=spans(0 * HOUR, 2 * HOUR),
    spread=st.sampled_from((timedelta(0), None, HOUR)),
    least=st.sampled_from((0.0, 0.0, 7.5)),
    share=st.floats(0, 1),
)
def test_a_planned_answer_holds_until_another_start_becomes_the_best(
    *,
    plan: Plan,
    waiting: list[Item],
    series: RegionSeries,
    after: timedelta,
    spread: timedelta | None,
    least: float,
    share: float,
):
    settings = replace(plan.settings, spread=spread, min_savings_percent=least)
    inputs = Inputs(series=series, demand=a_backlog(*waiting, max_age=60 * DAY))
    plan = replace(plan, settings=settings, windows=(), budget=None)
    assert_holds(plan, inputs, decide(plan, inputs, NOW + after), share)


@law
@given(plan=PLANS, inputs=INPUTS, now=INSTANTS)
def test_a_decision_always_lasts_a_while(plan: Plan, inputs: Inputs, now: datetime):
    changes_at = decide(plan, inputs, now).changes_at
    assert changes_at is None or changes_at > now


@law
@given(plan=PLANS, inputs=INPUTS, overrides=OVERRIDES, now=INSTANTS)
def test_every_ruling_can_be_said_and_one_of_them_decided(
    plan: Plan, inputs: Inputs, overrides: tuple[Override, ...], now: datetime
):
    decision = decide(plan, replace(inputs, overrides=overrides), now)
    for said in (text for each in decision.rulings for text in (each.text, each.remedy)):
        assert said.isprintable()
        assert "{" not in said
    assert decision.decisive in decision.rulings
