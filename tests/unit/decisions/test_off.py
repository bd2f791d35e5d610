from carbon_scaler.decisions import off
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.trigger import Mode
from tests.builders import NOW, a_backlog, a_case, a_plan, a_queue_plan, a_series, an_item

DIRTY = a_series(900)


def test_a_policy_that_is_on_says_nothing():
    assert off.rule(a_case(a_plan())) is None


def test_a_policy_that_is_off_opens_and_says_where_it_was_switched_off():
    ruling = off.rule(a_case(a_plan(enabled=False)))
    assert ruling is not None
    assert (ruling.outcome, ruling.reason) == (Outcome.OPEN, "disabled")
    assert ruling.text == ("enabled is false in scheduler-config.yaml: the answer is plain demand")


def test_switched_off_the_answer_is_plain_demand_in_every_mode():
    demand = a_backlog(an_item(), an_item(), an_item())
    queue = decide(
        a_queue_plan("deferrable", enabled=False, max_jobs=2),
        Inputs(series=DIRTY, demand=demand),
        NOW,
    )
    brake = decide(a_plan(enabled=False), Inputs(series=DIRTY), NOW)
    gate = decide(a_plan(Mode.GATE, enabled=False), Inputs(series=DIRTY), NOW)
    assert (queue.admitted, queue.reason) == (2, "disabled")
    assert not brake.active
    assert (gate.metric_value, gate.active) == (1.0, True)


def test_a_backlog_that_nobody_knows_stays_an_error():
    decision = decide(a_queue_plan(enabled=False), Inputs(series=DIRTY), NOW)
    assert (decision.verdict, decision.reason) == (Verdict.ERROR, "backlog_unknown")
