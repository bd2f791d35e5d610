from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import Item, Items
from carbon_scaler.domain.budget import BudgetUse
from carbon_scaler.domain.decision import QueueCounts, Verdict
from carbon_scaler.domain.policy import Settings
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from tests.builders import DAY, HOUR, a_backlog
from tests.unit.laws.cases import (
    INSTANTS,
    QUEUES,
    RUNNING,
    SERIES,
    USES,
    WAITING,
    central_law,
    law,
    spans,
)


def latest_start(item: Item, settings: Settings) -> datetime:
    """The rule as the docs state it, for one item."""
    latest = item.enqueued_at + settings.max_delay
    if item.deadline_at is not None:
        duration = settings.job_duration if item.duration is None else item.duration
        latest = min(latest, item.deadline_at - duration)
    return max(latest, item.enqueued_at)


def expected_counts(items: list[Item], settings: Settings, now: datetime) -> QueueCounts:
    waiting = [item for item in items if item.enqueued_at <= now]
    latest = [latest_start(item, settings) for item in waiting]
    return QueueCounts(
        waiting=len(waiting),
        in_progress=0,
        released=sum(start - settings.lead <= now for start in latest),
        overdue=sum(start < now for start in latest),
    )


def counts(items: list[Item], plan: Plan, now: datetime) -> QueueCounts:
    return timeline_of(Items.of(items), plan.settings).counts_at(now)


@central_law
@given(plan=QUEUES, waiting=WAITING, now=INSTANTS)
def test_the_counts_are_those_of_the_items_one_by_one(
    plan: Plan, waiting: list[Item], now: datetime
):
    assert counts(waiting, plan, now) == expected_counts(waiting, plan.settings, now)


@central_law
@given(
    plan=QUEUES,
    waiting=WAITING,
    in_progress=RUNNING,
    series=SERIES,
    now=INSTANTS,
    budget_use=USES,
)
def test_no_item_is_withheld_past_its_latest_start_less_the_lead_up_to_the_ceiling(
    *,
    plan: Plan,
    waiting: list[Item],
    in_progress: int,
    series: RegionSeries | None,
    now: datetime,
    budget_use: BudgetUse | None,
):
    demand = a_backlog(*waiting, in_progress=in_progress)
    decision = decide(plan, Inputs(series=series, demand=demand, budget_use=budget_use), now)
    due = expected_counts(waiting, plan.settings, now).released
    room = due
    if plan.max_jobs is not None:
        room = max(0, plan.max_jobs * plan.items_per_job - in_progress)
    assert decision.admitted >= min(due, room)
    if due:
        assert decision.verdict is Verdict.OPEN
        assert decision.active


@law
@given(
    plan=QUEUES,
    waiting=WAITING,
    now=INSTANTS,
    later=st.lists(spans(0 * HOUR, DAY), min_size=8, max_size=8),
)
def test_a_later_deadline_never_forces_an_earlier_start(
    plan: Plan, waiting: list[Item], now: datetime, later: list[timedelta]
):
    eased = [
        Item(
            enqueued_at=item.enqueued_at,
            deadline_at=None if item.deadline_at is None else item.deadline_at + more,
            duration=item.duration,
        )
        for item, more in zip(waiting, later, strict=False)
    ]
    assert counts(eased, plan, now).released <= counts(waiting, plan, now).released
    assert counts(eased, plan, now).overdue <= counts(waiting, plan, now).overdue


@law
@given(plan=QUEUES, waiting=WAITING, now=INSTANTS, more=spans(0 * HOUR, DAY))
def test_a_longer_delay_never_forces_an_earlier_start(
    plan: Plan, waiting: list[Item], now: datetime, more: timedelta
):
    longer = replace(plan.settings, max_delay=plan.settings.max_delay + more)
    eased = timeline_of(Items.of(waiting), longer).counts_at(now)
    assert eased.released <= counts(waiting, plan, now).released


@law
@given(plan=QUEUES, waiting=WAITING, now=INSTANTS, more=spans(0 * HOUR, DAY))
def test_what_is_due_stays_due(plan: Plan, waiting: list[Item], now: datetime, more: timedelta):
    before, after = counts(waiting, plan, now), counts(waiting, plan, now + more)
    assert after.released >= before.released
    assert after.overdue >= before.overdue
    assert after.waiting >= before.waiting
    assert after.overdue <= after.released <= after.waiting
