import math
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.replicas import reply
from carbon_scaler.domain.decision import Outcome, QueueCounts, Verdict
from carbon_scaler.domain.trigger import Plan
from tests.unit.laws.cases import INPUTS, INSTANTS, QUEUES, central_law, law


def ceiling_of(plan: Plan) -> float:
    return math.inf if plan.max_jobs is None else plan.max_jobs * plan.items_per_job


def room_of(plan: Plan, counts: QueueCounts) -> float:
    return max(0, ceiling_of(plan) - counts.in_progress)


@central_law
@given(plan=QUEUES, inputs=INPUTS, now=INSTANTS)
def test_at_least_what_is_due_and_at_most_what_waits_is_admitted_as_far_as_there_is_room(
    plan: Plan, inputs: Inputs, now: datetime
):
    decision = decide(plan, inputs, now)
    counts = decision.counts
    room = room_of(plan, counts)
    assert min(counts.released, room) <= decision.admitted <= min(counts.waiting, room)
    if decision.verdict is not Verdict.OPEN or decision.reason == "deadline":
        assert decision.admitted == min(counts.released, room)
    elif decision.share == 1:
        # A plan lets go of some, and a spread of fewer.
        told = [each.starting for each in decision.rulings if each.starting is not None]
        starting = min([counts.waiting, *told])
        assert decision.admitted == min(max(counts.released, starting), room)


@law
@given(
    plan=QUEUES,
    outcome=st.sampled_from([Outcome.OPEN, Outcome.OPEN, Outcome.CLOSED, Outcome.ERROR]),
    waiting=st.integers(0, 40),
    due=st.integers(0, 5),
    in_progress=st.integers(0, 12),
    share=st.integers(1, 100).map(lambda percent: percent / 100),
)
def test_as_many_run_as_are_due_or_as_a_share_leaves_of_the_ceiling_or_of_what_waits(
    *, plan: Plan, outcome: Outcome, waiting: int, due: int, in_progress: int, share: float
):
    released = min(due, waiting)
    counts = QueueCounts(waiting=waiting, in_progress=in_progress, released=released, overdue=0)
    admitted = reply(plan, outcome, counts, share=share).admitted
    percent = round(share * 100) if outcome is Outcome.OPEN else 0
    if plan.max_jobs is None:
        left = -(-percent * waiting // 100)
    else:
        left = -(-percent * plan.max_jobs // 100) * plan.items_per_job - in_progress
    room = room_of(plan, counts)
    assert admitted == min(max(released, min(left, waiting)), room)
    assert min(released, room) <= admitted <= min(waiting, room)


@law
@given(plan=QUEUES, inputs=INPUTS, now=INSTANTS)
def test_the_value_is_what_runs_and_what_is_admitted_and_never_above_the_ceiling(
    plan: Plan, inputs: Inputs, now: datetime
):
    decision = decide(plan, inputs, now)
    if decision.verdict is Verdict.ERROR:
        assert decision.counts.released == 0
        assert decision.metric_value == 0
    else:
        running = decision.counts.in_progress
        assert decision.metric_value == min(running + decision.admitted, ceiling_of(plan))
    assert decision.active == (decision.metric_value > 0)
    assert 0 <= decision.level <= 1
