import random
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.override import Override
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from tests.builders import a_backlog
from tests.unit.laws.cases import (
    INPUTS,
    INSTANTS,
    OVERRIDES,
    PLANS,
    QUEUES,
    RUNNING,
    SERIES,
    WAITING,
    law,
)


@law
@given(plan=PLANS, inputs=INPUTS, overrides=OVERRIDES, now=INSTANTS)
def test_equal_inputs_give_equal_decisions(
    plan: Plan, inputs: Inputs, overrides: tuple[Override, ...], now: datetime
):
    inputs = replace(inputs, overrides=overrides)
    assert decide(deepcopy(plan), deepcopy(inputs), now) == decide(plan, inputs, now)


@law
@given(
    plan=QUEUES,
    waiting=WAITING,
    in_progress=RUNNING,
    series=SERIES,
    now=INSTANTS,
    shuffle=st.randoms(use_true_random=False),
)
def test_the_order_in_which_items_were_read_does_not_matter(
    *,
    plan: Plan,
    waiting: list[Item],
    in_progress: int,
    series: RegionSeries | None,
    now: datetime,
    shuffle: random.Random,
):
    shuffled = waiting[:]
    shuffle.shuffle(shuffled)
    one, other = (
        decide(plan, Inputs(series=series, demand=a_backlog(*items, in_progress=in_progress)), now)
        for items in (waiting, shuffled)
    )
    assert one == other


@law
@given(
    plan=PLANS,
    inputs=INPUTS,
    overrides=OVERRIDES,
    now=INSTANTS,
    shuffle=st.randoms(use_true_random=False),
)
def test_the_order_in_which_overrides_were_stated_does_not_matter(
    *,
    plan: Plan,
    inputs: Inputs,
    overrides: tuple[Override, ...],
    now: datetime,
    shuffle: random.Random,
):
    named = [replace(each, id=number) for number, each in enumerate(overrides)]
    one = decide(plan, replace(inputs, overrides=tuple(named)), now)
    shuffle.shuffle(named)
    assert decide(plan, replace(inputs, overrides=tuple(named)), now) == one


@law
@given(plan=QUEUES, inputs=INPUTS, now=INSTANTS)
def test_a_timeline_that_was_sorted_before_changes_nothing(
    plan: Plan, inputs: Inputs, now: datetime
):
    timeline = timeline_of(inputs.demand.items, plan.settings)
    assert decide(plan, inputs, now, timeline=timeline) == decide(plan, inputs, now)


@law
@given(plan=PLANS, inputs=INPUTS, now=INSTANTS)
def test_who_asks_and_under_which_name_does_not_matter(plan: Plan, inputs: Inputs, now: datetime):
    if plan.pulses:
        # By its name each brake or gate has a place of its own in a spread.
        plan = replace(plan, settings=replace(plan.settings, spread=timedelta(0)))
    other = replace(plan, namespace="elsewhere", name="another", warnings=("x",))
    assert decide(other, inputs, now) == decide(plan, inputs, now)
