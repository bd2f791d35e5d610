"""A decision told in full."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from carbon_scaler.application.explain import explain, explain_rejection, plain, with_provenance
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.policy import BUILT_IN_POLICY, SETTING_NAMES, StatedSettings
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
from tests.grid_builders import an_average, an_outlook

BRAKE = a_trigger(region=HOME, mode=Mode.BRAKE)
QUEUE = a_trigger(region=HOME, backlog="orders")
DOCUMENTED = {
    "verdict", "reason", "level", "admitted", "metric_value", "target", "rules", "intensity",
    "source_change", "settings", "changes_at", "policy_version",
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
    return explain(plan, decide(plan, Inputs(series=series, demand=demand), NOW), series)


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


OLD = a_series(100, since=NOW - 5 * HOUR, source="neso")


def test_a_forecast_that_decided_tells_when_it_was_issued():
    outlook = an_outlook(500, issued_at=NOW - 90 * MINUTE, source="neso")

    intensity = explained(BRAKE, replace(OLD, outlook=outlook))["intensity"]

    assert (intensity["kind"], intensity["issued_at"]) == ("forecast", NOW - 90 * MINUTE)
    assert (intensity["observed_at"], intensity["usable"]) == (NOW, True)


def test_an_average_of_a_year_is_told_as_what_does_not_decide():
    document = explained(BRAKE, replace(OLD, average=an_average()))

    assert document["reason"] == "blind_open"
    assert (document["intensity"]["kind"], document["intensity"]["usable"]) == ("static", False)
    assert "176 g/kWh (static), does not decide" in document["rules"][-1]["text"]


def test_a_change_of_source_is_told_and_no_change_is_none():
    changed = replace(a_series(500, 500), sources=("electricity_maps", "neso"))

    assert explained(BRAKE, changed)["source_change"] == {
        "from": "electricity_maps",
        "to": "neso",
        "since": NOW,
    }
    assert explained(BRAKE, a_series(500, 500))["source_change"] is None
    assert explained(BRAKE)["source_change"] is None


def test_what_is_stored_of_a_value_s_provenance_is_told_with_it():
    document = explained(BRAKE, a_series(500))

    told = with_provenance(document, {"zone": "US-CAL-CISO", "method": None})

    assert told["intensity"]["provenance"] == {"zone": "US-CAL-CISO", "method": None}
    assert told["intensity"]["grams_per_kwh"] == 500
    assert "provenance" not in document["intensity"], "the document itself stays as it is"


def test_where_no_provenance_or_no_value_is_there_nothing_is_added():
    blind, seen = explained(BRAKE), explained(BRAKE, a_series(500))

    assert with_provenance(blind, {"zone": "GB"}) == blind
    assert with_provenance(seen, None) == seen


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
        BRAKE, workload_class="deferrable", stated=StatedSettings(max_delay=timedelta(hours=2))
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
