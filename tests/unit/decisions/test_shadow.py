import pytest

from carbon_scaler.decisions import shadow
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from tests.builders import NOW, a_backlog, a_case, a_plan, a_queue_plan, a_series, an_item

DIRTY = a_series(900)


def test_shadow_says_nothing_unless_it_is_on():
    assert shadow.rule(a_case(a_plan())) is None


def test_shadow_opens_and_says_that_the_rest_is_only_recorded():
    ruling = shadow.rule(a_case(a_plan(shadow=True)))
    assert (ruling.outcome, ruling.reason) == (Outcome.OPEN, "shadow")
    assert ruling.text == (
        "shadow is on: the answer is plain demand, the rules below are only recorded"
    )


def test_a_queue_in_shadow_admits_all_that_waits_up_to_the_ceiling():
    plan = a_queue_plan("deferrable", shadow=True, max_jobs=2)
    demand = a_backlog(an_item(), an_item(), an_item())
    decision = decide(plan, Inputs(series=DIRTY, demand=demand), NOW)
    assert (decision.verdict, decision.reason) == (Verdict.OPEN, "shadow")
    assert (decision.admitted, decision.metric_value) == (2, 2.0)


def test_a_brake_in_shadow_is_off():
    assert not decide(a_plan(shadow=True), Inputs(series=DIRTY), NOW).active


@pytest.mark.parametrize(
    ("series", "plan", "reason"),
    [
        (DIRTY, a_plan(shadow=True), "above_threshold"),
        (a_series(100), a_plan(shadow=True), "below_threshold"),
        (None, a_plan(shadow=True, when_blind=WhenBlind.CLOSED), "blind_closed"),
        (DIRTY, a_plan(workload_class="urgent", shadow=True), "urgent"),
    ],
    ids=["dirty", "clean", "blind", "urgent"],
)
def test_what_shadow_would_have_decided_is_on_record(
    series: RegionSeries | None, plan: Plan, reason: str
):
    rulings = decide(plan, Inputs(series=series), NOW).rulings
    assert rulings[0].reason == "shadow"
    assert rulings[-1].reason == reason


def test_shadow_knows_no_demand_that_nobody_knows():
    decision = decide(a_queue_plan(shadow=True), Inputs(series=DIRTY), NOW)
    assert (decision.verdict, decision.metric_value) == (Verdict.ERROR, 0.0)
