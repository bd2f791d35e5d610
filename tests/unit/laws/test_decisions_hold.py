from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import DAY, NOW, a_backlog
from tests.unit.laws.cases import RUNNING, SERIES, WAITING, instants, law, some_inputs, some_plan

TICK = timedelta(microseconds=1)


def answer_of(decision: Decision) -> tuple[object, ...]:
    return (decision.verdict, decision.admitted, decision.metric_value, decision.active)


def assert_holds(plan: Plan, inputs: Inputs, decision: Decision, share: float):
    now = decision.decided_at
    end = decision.changes_at or now + 40 * DAY
    for later in (now + share * (end - now), end - TICK):
        if now <= later < end:
            assert answer_of(decide(plan, inputs, later)) == answer_of(decision), later


@law
@given(plan=some_plan(), inputs=some_inputs(), now=instants(), share=st.floats(0, 1))
def test_the_answer_stays_the_same_until_the_decision_says_it_may_change(
    plan: Plan, inputs: Inputs, now: object, share: float
):
    assert_holds(plan, inputs, decide(plan, inputs, now), share)


@law
@given(
    plan=some_plan(Mode.QUEUE),
    waiting=st.lists(st.tuples(st.integers(0, 999_999), WAITING.map(lambda items: items[:1]))),
    series=SERIES,
    now=instants(),
    micro=st.integers(0, 999_999),
    share=st.floats(0, 1),
)
def test_the_answer_holds_to_the_microsecond(
    *,
    plan: Plan,
    waiting: list[tuple[int, list[Item]]],
    series: RegionSeries | None,
    now: object,
    micro: int,
    share: float,
):
    items = [
        Item(enqueued_at=item.enqueued_at + off * TICK, duration=item.duration)
        for off, some in waiting
        for item in some
    ]
    inputs = Inputs(series=series, demand=a_backlog(*items, max_age=60 * DAY))
    assert_holds(plan, inputs, decide(plan, inputs, now + micro * TICK), share)


@law
@given(plan=some_plan(), inputs=some_inputs(), now=instants())
def test_a_decision_always_lasts_a_while(plan: Plan, inputs: Inputs, now: object):
    changes_at = decide(plan, inputs, now).changes_at
    assert changes_at is None or changes_at > now


@law
@given(plan=some_plan(), inputs=some_inputs(), now=instants())
def test_every_ruling_can_be_said_and_one_of_them_decided(plan: Plan, inputs: Inputs, now: object):
    decision = decide(plan, inputs, now)
    for ruling in decision.rulings:
        assert ruling.text.isprintable()
        assert "{" not in ruling.text
    assert decision.decisive in decision.rulings


@law
@given(plan=some_plan(), series=SERIES, waiting=WAITING, in_progress=RUNNING)
def test_a_decision_tells_the_instant_and_the_figures_it_was_made_from(
    plan: Plan, series: RegionSeries | None, waiting: list[Item], in_progress: int
):
    inputs = Inputs(series=series, demand=a_backlog(*waiting, in_progress=in_progress))
    decision = decide(plan, inputs, NOW)
    assert decision.decided_at == NOW
    assert decision.reading == (series.reading_at(NOW) if series else None)
    assert decision.target == plan.target
