from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import SETTLING, Outcome, Ruling, Verdict
from carbon_scaler.domain.trigger import Plan
from tests.builders import NOW, a_backlog, a_plan, a_queue_plan, a_series, an_item


def a_ruling(template: str, **figures: object):
    return Ruling(
        rule="test", outcome=Outcome.PASSED, reason="because", template=template, figures=figures
    )


def test_a_ruling_becomes_a_sentence_from_its_figures():
    ruling = a_ruling("{grams:g} of {limit:g}{mix}", grams=300.0, limit=400.0, mix=", ok")
    assert ruling.text == "300 of 400, ok"


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (NOW, "2026-03-02T12:00:00Z"),
        (NOW.replace(microsecond=123456), "2026-03-02T12:00:00Z"),
        (
            datetime(2026, 3, 2, 13, tzinfo=timezone(timedelta(hours=1))),
            "2026-03-02T13:00:00+01:00",
        ),
    ],
    ids=["whole seconds", "fractions are cut", "another offset is kept"],
)
def test_an_instant_is_written_to_the_second(instant: datetime, text: str):
    assert a_ruling("at {at}", at=instant).text == f"at {text}"


def test_a_figure_with_braces_is_not_taken_for_a_template():
    assert a_ruling("from {source}", source="{oops} {0}").text == "from {oops} {0}"


def test_six_outcomes_settle_the_verdict_and_three_leave_it_open():
    assert set(SETTLING.values()) == set(Verdict)
    assert set(Outcome) - set(SETTLING) == {Outcome.LIMITED, Outcome.RELEASED, Outcome.PASSED}


def test_a_ruling_says_what_would_change_it_in_its_own_figures():
    ruling = replace(a_ruling("closed", limit=250.0), remedy_template="it opens below {limit:g}")
    assert ruling.remedy == "it opens below 250"
    assert not a_ruling("closed").remedy


@pytest.mark.parametrize(
    ("plan", "demand", "rule"),
    [
        (a_plan(), None, "threshold"),
        (a_plan(workload_class="urgent"), None, "class"),
        (a_plan(shadow=True), None, "shadow"),
        (a_queue_plan(), a_backlog(an_item(waited=NOW - NOW.replace(hour=1))), "deadline"),
        (a_queue_plan(), None, "demand"),
    ],
    ids=["grid", "class", "shadow", "deadline", "demand"],
)
def test_the_decisive_ruling_is_the_one_that_gave_the_reason(
    plan: Plan, demand: BacklogReading | BacklogUnknown | None, rule: str
):
    decision = decide(plan, Inputs(series=a_series(900), demand=demand), NOW)
    assert decision.decisive.rule == rule
    assert decision.decisive.reason == decision.reason
