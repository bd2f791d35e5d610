import pytest

from carbon_scaler.decisions import classes
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome, Verdict
from tests.builders import NOW, Share, a_case, a_plan, a_series


def verdict_of(workload_class: str, grams: float, renewable: Share = None, **settings: object):
    plan = a_plan(workload_class=workload_class, **settings)
    return decide(plan, Inputs(series=a_series(grams, renewable=renewable)), NOW).verdict


@pytest.mark.parametrize(
    ("workload_class", "grams", "renewable", "verdict"),
    [
        ("urgent", 900.0, 0.0, Verdict.OPEN),
        ("standard", 399.9, None, Verdict.OPEN),
        ("standard", 400.0, None, Verdict.CLOSED),
        ("standard", 399.9, 0.0, Verdict.OPEN),
        ("deferrable", 249.9, 30.0, Verdict.OPEN),
        ("deferrable", 250.0, 30.0, Verdict.CLOSED),
        ("deferrable", 249.9, 29.9, Verdict.CLOSED),
        ("deferrable", 250.0, 29.9, Verdict.CLOSED),
        ("deferrable", 249.9, None, Verdict.OPEN),
        ("deferrable", 250.0, None, Verdict.CLOSED),
    ],
    ids=[
        "urgent never waits",
        "standard under its limit",
        "standard at its limit",
        "standard asks for no renewables",
        "deferrable, both met",
        "deferrable, at the limit",
        "deferrable, too few renewables",
        "deferrable, neither met",
        "deferrable, unknown mix is skipped",
        "deferrable, unknown mix opens nothing",
    ],
)
def test_each_built_in_class_opens_where_its_limits_say(
    workload_class: str, grams: float, renewable: Share, verdict: Verdict
):
    assert verdict_of(workload_class, grams, renewable) is verdict


def test_an_urgent_class_needs_no_data():
    assert decide(a_plan(workload_class="urgent"), Inputs(series=None), NOW).reason == "urgent"


def test_a_class_that_may_wait_leaves_the_verdict_to_the_later_rules():
    ruling = classes.rule(a_case(a_plan(workload_class="deferrable")))
    assert (ruling.outcome, ruling.reason) == (Outcome.PASSED, "class")


@pytest.mark.parametrize(
    ("workload_class", "text"),
    [
        ("urgent", 'class "urgent" is urgent and never waits'),
        ("standard", 'class "standard" may wait'),
    ],
)
def test_a_class_says_whether_it_waits(workload_class: str, text: str):
    assert classes.rule(a_case(a_plan(workload_class=workload_class))).text == text
