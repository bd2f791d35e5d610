"""A decision told in full."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from carbon_scaler.application.explain import explain, explain_rejection, plain
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.policy import BUILT_IN_POLICY, SETTING_NAMES, Overrides
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Rejection, Trigger
from tests.builders import (
    HOME,
    HOUR,
    MINUTE,
    NOW,
    a_backlog,
    a_series,
    a_trigger,
    an_item,
    some_surroundings,
)

BRAKE = a_trigger(region=HOME, mode=Mode.BRAKE)
QUEUE = a_trigger(region=HOME, backlog="orders")
DOCUMENTED = {
    "verdict", "reason", "level", "admitted", "metric_value", "target", "rules", "intensity",
    "settings", "changes_at", "policy_version",
}  # fmt: skip


def plan_of(trigger: Trigger) -> Plan:
    plan = resolve(trigger, BUILT_IN_POLICY, some_surroundings())
    assert isinstance(plan, Plan)
    return plan


def explained(
    trigger: Trigger,
    series: RegionSeries | None = None,
    demand: BacklogReading | None = None,
) -> dict[str, Any]:
    plan = plan_of(trigger)
    return explain(plan, decide(plan, Inputs(series=series, demand=demand), NOW))


def test_it_has_every_documented_key_whatever_was_decided():
    rejection = resolve(a_trigger(), BUILT_IN_POLICY, some_surroundings(default_region=None))
    assert isinstance(rejection, Rejection)

    documents = [
        explained(BRAKE),
        explained(QUEUE, a_series(100), a_backlog(an_item())),
        explain_rejection(rejection, "built-in"),
    ]

    assert all(set(document) >= DOCUMENTED for document in documents)
    assert set(documents[2]) <= set(documents[0])


def test_rules_are_told_in_their_order_up_to_the_one_that_settled_it():
    document = explained(BRAKE, a_series(500))

    rules = [(rule["rule"], rule["outcome"]) for rule in document["rules"]]
    assert rules == [
        ("class", "passed"),
        ("deadline", "passed"),
        ("blind", "passed"),
        ("threshold", "closed"),
    ]
    assert document["rules"][-1]["reason"] == document["reason"]
    assert document["rules"][-1]["text"] == "500 g/kWh is not below the limit of 400"
    assert document["rules"][-1]["figures"]["grams_per_kwh"] == 500


def test_the_value_that_decided_says_all_of_itself():
    document = explained(BRAKE, a_series(500, since=NOW - 30 * MINUTE, renewable=12.5))

    assert document["intensity"] == {
        "grams_per_kwh": 500.0,
        "renewable_percent": 12.5,
        "source": "electricity_maps",
        "signal": "average",
        "factors": "lifecycle",
        "kind": "measured",
        "observed_at": NOW - 30 * MINUTE,
        "age_seconds": 1800.0,
        "usable": True,
    }


def test_without_a_value_there_is_none():
    document = explained(BRAKE)

    assert document["intensity"] is None
    assert document["reason"] == "blind_open"


def test_a_queue_tells_its_backlog_and_a_brake_has_none():
    queue = explained(QUEUE, a_series(500), a_backlog(an_item(2 * HOUR), an_item(), in_progress=3))

    assert queue["backlog"] == {
        "name": "orders",
        "waiting": 2,
        "in_progress": 3,
        "released": 1,
        "overdue": 1,
    }
    assert (queue["admitted"], queue["metric_value"], queue["level"]) == (1, 4.0, 0.5)
    assert explained(BRAKE, a_series(500))["backlog"] is None


def test_every_setting_tells_its_value_and_who_set_it():
    trigger = replace(
        BRAKE, workload_class="deferrable", overrides=Overrides(max_delay=timedelta(hours=2))
    )

    settings = explained(trigger)["settings"]

    assert len(settings) == len(SETTING_NAMES) + 1
    assert settings["region"] == {"value": HOME, "origin": "trigger"}
    assert settings["maxDelay"] == {"value": timedelta(hours=2), "origin": "trigger"}
    assert settings["minRenewablePercent"] == {"value": 30.0, "origin": "class deferrable"}
    assert settings["lead"] == {"value": timedelta(seconds=60), "origin": "default"}


def test_a_region_that_the_server_gave_is_its_own():
    settings = explained(replace(BRAKE, region=None))["settings"]

    assert settings["region"] == {"value": HOME, "origin": "server"}


def test_a_rejected_trigger_is_told_problem_by_problem():
    rejection = resolve(
        replace(BRAKE, region="us-wset-1", workload_class="best"),
        BUILT_IN_POLICY,
        some_surroundings(),
    )
    assert isinstance(rejection, Rejection)

    document = explain_rejection(rejection, "built-in")

    assert (document["verdict"], document["reason"]) == ("error", "bad_metadata")
    assert [rule["figures"]["key"] for rule in document["rules"]] == ["region", "workloadClass"]
    assert document["rules"][0]["text"].startswith('region: "us-wset-1" is not allowed; did you')
    assert document["trigger"] == {"namespace": "batch", "name": "embeddings"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NOW, "2026-03-02T12:00:00Z"),
        (timedelta(minutes=90), "1h30m"),
        (Verdict.OPEN, "open"),
        (frozenset(), "frozenset()"),
    ],
)
def test_values_become_what_json_knows(value: object, text: str):
    assert plain(value) == text


def test_a_whole_document_becomes_json():
    document = explained(QUEUE, a_series(500), a_backlog(an_item(due_in=HOUR)))

    told = json.loads(json.dumps(document, default=plain, allow_nan=False))

    assert told["changes_at"].endswith("Z")
    assert told["verdict"] in ("open", "closed")
