import pytest

from carbon_scaler.decisions import curve
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.curves import Curve, parse_curve
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.trigger import Mode
from tests.builders import (
    DAY,
    NOW,
    a_backlog,
    a_case,
    a_plan,
    a_queue_plan,
    a_reading,
    a_series,
    an_item,
    preferred,
)

STATED = parse_curve("150:1,300:0.5,400:0")


@pytest.mark.parametrize(
    ("grams", "outcome", "reason", "share"),
    [
        (100.0, Outcome.OPEN, "curve", 1.0),
        (300.0, Outcome.OPEN, "curve", 0.5),
        (399.0, Outcome.OPEN, "curve", pytest.approx(0.005)),
        (400.0, Outcome.CLOSED, "above_curve", 1.0),
        (900.0, Outcome.CLOSED, "above_curve", 1.0),
    ],
)
def test_the_cleaner_the_grid_the_more_may_run(
    grams: float, outcome: Outcome, reason: str, share: float
):
    ruling = curve.rule(a_case(a_plan(curve=STATED), reading=a_reading(grams)))
    assert ruling is not None
    assert (ruling.outcome, ruling.reason, ruling.share) == (outcome, reason, share)


def test_without_a_stated_curve_the_limit_makes_one():
    ruling = curve.rule(a_case(a_plan(threshold=400.0), reading=a_reading(300.0)))
    assert ruling is not None
    assert ruling.share == 0.5
    assert ruling.text == "300 g/kWh allows 50 % on the curve 200:1,400:0"
    assert not ruling.remedy


def test_a_closed_curve_says_where_it_opens():
    ruling = curve.rule(a_case(a_plan(curve=STATED), reading=a_reading(500.0)))
    assert ruling is not None
    assert ruling.text == "500 g/kWh allows 0 % on the curve 150:1,300:0.5,400:0"
    assert ruling.remedy == "it opens below 400 g/kWh"


@pytest.mark.parametrize(
    ("stated", "remedy"), [(STATED, "it opens below 400 g/kWh"), (parse_curve("1:1,2:0.5"), "")]
)
def test_what_is_not_a_number_lets_nothing_run(stated: Curve, remedy: str):
    ruling = curve.rule(a_case(a_plan(curve=stated), reading=a_reading(float("nan"))))
    assert ruling is not None
    assert (ruling.outcome, ruling.remedy) == (Outcome.CLOSED, remedy)


def test_without_a_value_the_curve_cannot_tell():
    assert curve.rule(a_case(a_plan(curve=STATED))) is None


def test_a_preferred_hour_lets_more_run():
    plan = a_plan(curve=STATED, windows=(preferred(11, 15, 50),))
    ruling = curve.rule(a_case(plan, reading=a_reading(600.0)))
    assert ruling is not None
    assert ruling.share == 0.5


@pytest.mark.parametrize(
    ("max_jobs", "value"), [(None, 50), (10, 5), (20, 10), (21, 11), (1, 1)], ids=str
)
def test_three_hundred_grams_are_half_of_whatever_the_ceiling_is(
    max_jobs: int | None, value: float
):
    plan = a_queue_plan(strategy=Strategy.CURVE, curve=STATED, max_jobs=max_jobs)
    inputs = Inputs(series=a_series(300), demand=a_backlog(*[an_item()] * 100))
    decision = decide(plan, inputs, NOW)
    assert (decision.verdict, decision.metric_value) == (Verdict.OPEN, value)


def test_a_gate_shows_the_level_and_a_brake_lets_all_go_above_nothing():
    series = a_series(300)
    stated = {"strategy": Strategy.CURVE, "curve": STATED, "max_delay": DAY}
    gate = decide(a_plan(Mode.GATE, **stated), Inputs(series=series), NOW)
    brake = decide(a_plan(Mode.BRAKE, **stated), Inputs(series=series), NOW)
    assert (gate.metric_value, gate.active) == (0.5, True)
    assert (brake.active, brake.level) == (False, 1.0)
