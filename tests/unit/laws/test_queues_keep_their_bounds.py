import math
from datetime import datetime

from hypothesis import given

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import QueueCounts, Verdict
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
        assert decision.admitted == min(counts.waiting, room)


@law
@given(plan=QUEUES, inputs=INPUTS, now=INSTANTS)
def test_of_a_share_as_many_run_as_it_leaves_of_the_ceiling_or_of_what_waits_or_are_due(
    plan: Plan, inputs: Inputs, now: datetime
):
    decision = decide(plan, inputs, now)
    counts = decision.counts
    if decision.verdict is not Verdict.OPEN or decision.reason == "deadline":
        return
    if plan.max_jobs is None:
        left = math.ceil(decision.share * counts.waiting - 1e-9)
    else:
        jobs = math.ceil(decision.share * plan.max_jobs - 1e-9)
        left = min(counts.waiting, max(0, jobs * plan.items_per_job - counts.in_progress))
    assert decision.admitted == min(max(counts.released, left), room_of(plan, counts))


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
