from datetime import timedelta
from typing import Any

import pytest

from carbon_scaler.decisions import overrides
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.trigger import Mode
from tests.builders import (
    HOUR,
    NOW,
    a_backlog,
    a_case,
    a_plan,
    a_queue_plan,
    a_series,
    an_item,
    an_override,
)

HOLD, RELEASE = OverrideAction.HOLD, OverrideAction.RELEASE
OBJECT: dict[str, Any] = {"scaled_object": ("batch", "embeddings")}
CLASS: dict[str, Any] = {"workload_class": "standard"}
REGION: dict[str, Any] = {"region": "us-west-1"}
CLEAN, DIRTY = a_series(100), a_series(900)


def ruling_of(*stated: Override):
    return overrides.rule(a_case(a_plan(), overrides=stated))


@pytest.mark.parametrize(
    "subject",
    [
        {"scaled_object": ("batch", "other")},
        {"scaled_object": ("other", "embeddings")},
        {"workload_class": "deferrable"},
        {"region": "eu-west-1"},
    ],
    ids=["another object", "another namespace", "another class", "another region"],
)
def test_an_override_of_something_else_says_nothing(subject: dict[str, Any]):
    assert ruling_of(an_override(**subject)) is None


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        (OBJECT, "ada holds object batch/embeddings"),
        (CLASS, "ada holds class standard"),
        (REGION, "ada holds region us-west-1"),
    ],
    ids=["object", "class", "region"],
)
def test_an_override_says_who_does_what_to_which_until_when_and_why(
    subject: dict[str, Any], text: str
):
    ruling = ruling_of(an_override(**subject, id=7))
    assert ruling is not None
    assert ruling.text == f"{text} until 2026-03-02T14:00:00Z: maintenance (override 7)"
    assert ruling.remedy == "end it with: carbon-scaler override end 7"
    assert (ruling.outcome, ruling.until) == (Outcome.HELD, NOW + 2 * HOUR)


def test_a_release_opens():
    ruling = ruling_of(an_override(RELEASE))
    assert ruling is not None
    assert (ruling.outcome, ruling.reason) == (Outcome.OPEN, "released")
    assert ruling.text.startswith("ada releases region us-west-1 until ")


@pytest.mark.parametrize(
    ("stated", "winner"),
    [
        ([(1, OBJECT), (2, CLASS), (3, REGION)], 1),
        ([(3, REGION), (1, CLASS)], 1),
        ([(3, REGION), (2, REGION)], 3),
        ([(2, OBJECT), (5, OBJECT), (9, REGION)], 5),
    ],
    ids=["the object's", "the class's", "the newest", "the newest of the object's"],
)
def test_the_most_specific_one_counts_and_of_those_the_newest(
    stated: list[tuple[int, dict[str, Any]]], winner: int
):
    ruling = ruling_of(*[an_override(id=each, **subject) for each, subject in stated])
    assert ruling is not None
    assert ruling.figures["id"] == winner


@pytest.mark.parametrize(
    ("until", "holds"),
    [(timedelta(microseconds=1), True), (timedelta(0), False), (-HOUR, False)],
    ids=["not yet", "now", "long ago"],
)
def test_an_override_ends_by_itself(until: timedelta, holds: bool):
    assert (ruling_of(an_override(until=NOW + until)) is not None) is holds


def test_an_ended_override_gives_way_to_a_less_specific_one():
    ruling = ruling_of(an_override(**OBJECT, id=2, until=NOW), an_override(RELEASE, id=1))
    assert ruling is not None
    assert ruling.figures["id"] == 1


# --- with the other rules


def test_a_hold_stands_above_deadlines_and_what_runs_goes_on():
    demand = a_backlog(an_item(5 * HOUR), an_item(), in_progress=3)
    inputs = Inputs(series=CLEAN, demand=demand, overrides=(an_override(),))
    decision = decide(a_queue_plan(), inputs, NOW)
    assert (decision.verdict, decision.reason) == (Verdict.CLOSED, "held")
    assert (decision.admitted, decision.metric_value) == (0, 3.0)


def test_a_hold_stands_above_an_urgent_class_and_pulses():
    for plan in (a_plan(workload_class="urgent"), a_plan(max_delay=0 * HOUR)):
        decision = decide(plan, Inputs(series=CLEAN, overrides=(an_override(),)), NOW)
        assert (decision.reason, decision.active) == ("held", True)


def test_a_hold_closes_a_gate():
    inputs = Inputs(series=CLEAN, overrides=(an_override(),))
    decision = decide(a_plan(Mode.GATE), inputs, NOW)
    assert (decision.metric_value, decision.active) == (0.0, False)


def test_a_release_opens_a_dirty_grid_and_keeps_the_ceiling():
    demand = a_backlog(an_item(), an_item(), an_item())
    inputs = Inputs(series=DIRTY, demand=demand, overrides=(an_override(RELEASE),))
    decision = decide(a_queue_plan(max_jobs=2), inputs, NOW)
    assert (decision.verdict, decision.reason, decision.admitted) == (Verdict.OPEN, "released", 2)


def test_the_decision_changes_when_the_override_ends():
    override = an_override(until=NOW + HOUR / 2)
    plan = a_plan(max_delay=12 * HOUR)
    decision = decide(plan, Inputs(series=CLEAN, overrides=(override,)), NOW)
    assert decision.changes_at == override.until
    after = decide(plan, Inputs(series=CLEAN, overrides=(override,)), override.until)
    assert after.reason == "below_threshold"
