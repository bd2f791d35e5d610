"""An explanation as a person reads it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from carbon_scaler.application.explain import explain, explain_rejection, plain
from carbon_scaler.cli.explanation_tree import explanation_tree
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.trigger import Plan, Rejection, Trigger
from tests.builders import (
    HOME,
    HOUR,
    NOW,
    a_backlog,
    a_series,
    a_trigger,
    an_item,
    some_surroundings,
)

QUEUE = a_trigger(region=HOME, backlog="orders", workload_class="deferrable")
INPUTS = Inputs(series=a_series(500, renewable=12.5), demand=a_backlog(an_item(11 * HOUR)))


def told(trigger: Trigger = QUEUE, inputs: Inputs = INPUTS) -> dict[str, Any]:
    plan = resolve(trigger, BUILT_IN_POLICY, some_surroundings())
    assert isinstance(plan, Plan)
    return explain(plan, decide(plan, inputs, NOW), inputs=inputs)


def drawn(document: dict[str, Any], width: int = 200) -> list[str]:
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(explanation_tree(document))
    return captured.get().splitlines()


def line_with(text: str, document: dict[str, Any]) -> str:
    return next(line for line in drawn(document) if text in line)


def test_the_first_line_is_the_verdict_and_why():
    assert drawn(told())[0].startswith("closed (above_threshold): 500 g/kWh is not below the limit")


def test_then_come_until_and_what_would_change_it():
    until, title, asked, ahead = drawn(told())[1:5]

    assert "until 2026-03-02T12:59:00Z" in until
    assert "what would change it" in title
    assert "250 g/kWh" in asked
    assert ahead.endswith("less the lead, comes → open, 1 admitted")


def test_each_rule_has_its_mark():
    document = told()

    assert "· class passed: " in line_with("class passed", document)
    assert "✗ threshold closed: " in line_with("threshold closed", document)
    opened = told(inputs=Inputs(series=a_series(100), demand=INPUTS.demand))
    assert "✓ threshold open: " in line_with("threshold open", opened)


def test_the_figures_stand_with_their_source_and_their_age_in_words():
    document = told(inputs=replace(INPUTS, series=a_series(500, since=NOW - HOUR)))

    assert "500 g/kWh (average, lifecycle), measured, from electricity_maps" in line_with(
        "grid", document
    )
    assert line_with("1h old", document)
    assert line_with("renewable share unknown", document)


def test_an_unusable_value_says_so():
    document = told(inputs=replace(INPUTS, series=a_series(500, since=NOW - 5 * HOUR)))

    assert line_with("5h old, decides nothing", document)


def test_settings_stand_by_origin():
    document = told()

    assert "whenBlind closed" in line_with("from class deferrable: ", document)
    assert "requireMix false" in line_with("from default: ", document)


def test_what_keda_gets_is_the_answer_and_what_follows():
    at = drawn(told()).index(line_with("KEDA gets", told()))

    assert "value 0, target 1, inactive" in drawn(told())[at]
    assert "KEDA starts no new Job" in drawn(told())[at + 1]


def test_a_manifest_s_findings_close_it():
    finding = {"severity": "error", "key": "spec.x", "text": "wrong; write right"}

    document = {**told(), "manifest": [finding]}

    assert drawn(document)[-1].endswith("error spec.x: wrong; write right")
    assert "nothing found" in drawn({**document, "manifest": []})[-1]


def test_a_budget_the_law_and_the_regions_are_shown():
    document = {
        **told(),
        "budget": {"outcome": "limited", "reason": "x", "spent_kg": 12.5, "as_of": None},
        "residency": {
            "tenant": "acme", "origin": "trigger", "level": "EU_STRICT", "mode": "STRICT",
            "outcome": "redirected", "reason": "x", "region": HOME, "enforced_region": "eu-west-1",
        },
        "carbon_hint": {
            "suggested_region": "us-east-1", "current_grams_per_kwh": 320.0,
            "suggested_grams_per_kwh": 180.0, "savings_percent": 43.8, "reason": "overridden",
        },
        "regions_compared": [
            {"region": HOME, "grams_per_kwh": 320.0, "energy_kwh": 0.5, "emissions_grams": 160.0,
             "penalty_grams": 70.0, "lawful": False, "chosen": False},
            {"region": "eu-west-1", "grams_per_kwh": None, "energy_kwh": 0.5,
             "emissions_grams": None, "penalty_grams": None, "lawful": True, "chosen": True},
        ],
    }  # fmt: skip

    assert line_with("budget limited: spent_kg 12.5", document)
    assert line_with(
        "tenant acme (trigger), EU_STRICT STRICT: redirected in us-west-1, enforced eu-", document
    )
    assert line_with("cleaner us-east-1: 180 instead of 320 g/kWh, 43.8 % less", document)
    assert line_with("320 g/kWh, 160 g at 0.5 kWh, +70 g, not lawful", document)
    assert line_with("eu-west-1: intensity unknown, lawful, chosen", document)


def test_where_shared_work_runs_is_shown_with_what_each_region_counts():
    shared = replace(QUEUE, regions=("us-east-1", HOME, "eu-west-1"))
    regions = {HOME: replace(a_series(300), region=HOME)}
    document = told(shared, replace(INPUTS, others=regions))

    assert line_with("orders runs in us-east-1: no permitted place is chosen", document)
    assert line_with("what others leave is started by us-east-1, then us-west-1", document)
    assert line_with("us-west-1: 300 g/kWh, counts 1", document)
    assert line_with("eu-west-1: it has no usable value, nobody asks there", document)


def test_a_rejected_trigger_is_drawn_as_well():
    rejection = resolve(a_trigger(region="us-wset-1"), BUILT_IN_POLICY, some_surroundings())
    assert isinstance(rejection, Rejection)

    lines = drawn(explain_rejection(rejection, "built-in"))

    assert lines[0].startswith("error (bad_metadata): ")
    assert any("metadata error: region" in line for line in lines)


def test_what_was_written_down_as_json_is_drawn_the_same():
    document = told()
    read_back = json.loads(json.dumps(document, default=plain))

    assert drawn(read_back) == drawn(document)


@pytest.mark.parametrize("said", ["[red]x[/]", "[/]", "[link=x]"])
def test_what_looks_like_markup_is_shown_as_it_is(said: str):
    document = {**told(), "warnings": [said]}

    assert f"warning {said}" in drawn(document)[-1]


def test_no_line_is_longer_than_the_terminal_is_wide():
    assert max(len(line) for line in drawn(told(), width=80)) <= 80
