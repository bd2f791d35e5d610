"""A decision told in full."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from carbon_scaler.application.explain import explain, explain_rejection, plain, with_provenance
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.bands import Band
from carbon_scaler.domain.decision import Outcome, Ruling, Verdict
from carbon_scaler.domain.policy import BUILT_IN_POLICY, SETTING_NAMES, StatedSettings, WhenBlind
from carbon_scaler.domain.residency import CarbonHint, Enforcement, HintRuling, Level, Tenant
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Rejection, Tenancy, Trigger
from tests.builders import (
    HOME,
    HOUR,
    MINUTE,
    NOW,
    Share,
    a_backlog,
    a_plan,
    a_queue_plan,
    a_region,
    a_series,
    a_trigger,
    an_item,
    some_surroundings,
)
from tests.grid_builders import a_path, an_average, an_outlook

BRAKE = a_trigger(region=HOME, mode=Mode.BRAKE)
QUEUE = a_trigger(region=HOME, backlog="orders")
DOCUMENTED = {
    "verdict", "reason", "level", "admitted", "metric_value", "target", "rules", "intensity",
    "source_change", "settings", "changes_at", "policy_version", "why", "until", "would_change",
    "share", "keda", "residency", "carbon_hint", "regions_compared", "budget", "tenant", "service",
    "blocked_by", "saving",
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
        "band": "high",
        "classification": "high",
        "renewables_as_expected": None,
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


# Why, until when, and what would change it


def with_origins(plan: Plan) -> Plan:
    return replace(plan, origins=dict.fromkeys(("region", *SETTING_NAMES), "default"))


def told(plan: Plan, inputs: Inputs) -> dict[str, Any]:
    return explain(with_origins(plan), decide(plan, inputs, NOW), inputs=inputs)


def test_the_decisive_ruling_says_why():
    document = explained(BRAKE, a_series(500))

    assert document["why"] == document["rules"][-1]["text"]


def test_until_is_when_time_alone_changes_the_answer_and_not_when_it_is_looked_at_again():
    plan = a_queue_plan(workload_class="deferrable")
    demand = a_backlog(an_item(11 * HOUR))

    document = told(plan, Inputs(series=a_series(500), demand=demand))

    assert document["until"] == NOW + 59 * MINUTE
    assert document["changes_at"] == NOW + MINUTE, "when the backlog must have been read again"
    assert document["would_change"][-1] == {
        "what": "the latest start of 1 item, less the lead, comes",
        "at": NOW + 59 * MINUTE,
        "then": "open, 1 admitted",
        "verdict": Verdict.OPEN,
    }


def test_what_is_asked_for_stands_before_what_time_brings():
    document = told(
        a_plan(workload_class="deferrable", max_delay=HOUR), Inputs(series=a_series(500))
    )

    at = [each["at"] for each in document["would_change"]]
    assert at[0] is None
    assert at[1:] == sorted(at[1:])


def test_without_all_inputs_nothing_is_foretold():
    document = explained(BRAKE, a_series(500))

    assert document["until"] is None
    assert [each["at"] for each in document["would_change"]] == [None]


EMPTY = a_backlog()
WAITING = a_backlog(an_item())


@pytest.mark.parametrize(
    ("stated", "inputs", "cause"),
    [
        ({}, Inputs(series=a_series(500), demand=WAITING), "threshold"),
        ({"when_blind": WhenBlind.CLOSED}, Inputs(series=None, demand=WAITING), "data"),
        ({}, Inputs(series=a_series(100), demand=BacklogUnknown(cause="refused")), "backlog"),
        ({}, Inputs(series=a_series(500), demand=EMPTY), "no_demand"),
        ({}, Inputs(series=a_series(100), demand=EMPTY), "no_demand"),
        ({"max_jobs": 1}, Inputs(series=a_series(100), demand=a_backlog(an_item(), in_progress=1)),
         "ceiling"),
        ({}, Inputs(series=a_series(100), demand=WAITING), None),
    ],
)  # fmt: skip
def test_the_one_cause_that_blocks_is_named(
    stated: dict[str, Any], inputs: Inputs, cause: str | None
):
    assert told(a_queue_plan(**stated), inputs)["blocked_by"] == cause


def test_where_nothing_waits_why_says_so_before_the_grid():
    document = told(a_queue_plan(), Inputs(series=a_series(500), demand=EMPTY))

    assert document["why"].startswith('nothing waits in backlog "orders"; 500 g/kWh')


def test_a_full_ceiling_is_said_before_the_grid():
    demand = a_backlog(an_item(), in_progress=2)

    document = told(a_queue_plan(max_jobs=2), Inputs(series=a_series(100), demand=demand))

    assert document["why"].startswith("all 2 of maxJobs are taken; 100 g/kWh is below")


# The grid in words


@pytest.mark.parametrize(
    ("grams", "renewable", "bands", "expected"),
    [
        (99.0, 40.0, ("very_clean", "clean"), True),
        (100.0, 39.0, ("clean", "clean"), False),
        (200.0, (10.0, 30.0), ("moderate", "moderate"), None),
        (200.0, None, ("moderate", "moderate"), None),
        (600.0, 5.0, ("very_high", "very_high"), None),
    ],
)
def test_an_intensity_tells_its_band_and_whether_its_renewables_fit(
    grams: float, renewable: Share, bands: tuple[str, str], expected: bool | None
):
    intensity = explained(BRAKE, a_series(grams, renewable=renewable))["intensity"]

    assert (intensity["band"], intensity["classification"]) == bands
    assert intensity["renewables_as_expected"] is expected


def test_bands_of_ones_own_are_the_ones_told():
    plan = replace(a_plan(), bands=(Band(name="fine", below=None),))

    assert told(plan, Inputs(series=a_series(500)))["intensity"]["band"] == "fine"


def test_waiting_for_the_limit_saves_at_least_the_excess():
    assert explained(BRAKE, a_series(500))["saving"] == {
        "grams_per_job_at_least": 50.0,
        "percent_at_least": 20.0,
        "job_energy_kwh": 0.5,
    }
    assert explained(BRAKE, a_series(100))["saving"] is None
    assert explained(BRAKE)["saving"] is None


# Where it runs, for whom, from which budget


A_HINT = HintRuling(
    hint=CarbonHint(
        suggested_region="us-east-1",
        current_grams_per_kwh=320.0,
        suggested_grams_per_kwh=180.0,
        renewable_percent=60.0,
    ),
    overridden=True,
    reason="residency",
    penalty_grams=70.0,
)


def a_tenancy(level: Level = Level.EU_STRICT, primary: str = "eu-west-1") -> Tenancy:
    places = {
        "eu-west-1": replace(a_region("eu-west-1"), country="IE", eu_eea="eu"),
        HOME: a_region(),
        "us-east-1": a_region("us-east-1"),
    }
    return Tenancy(
        tenant_name="acme",
        origin="trigger",
        tenant=Tenant(name="acme", level=level, primary_region=primary),
        refusal=None,
        places=places,
        adequacy={},
    )


def weighed(plan: Plan, hint: HintRuling | None, inputs: Inputs) -> dict[str, Any]:
    decision = replace(decide(plan, inputs, NOW), hint=hint)
    return explain(with_origins(plan), decision, inputs=inputs)


def test_carbon_against_the_law_is_shown_region_by_region():
    plan = replace(a_plan(region="eu-west-1"), tenancy=a_tenancy())
    inputs = Inputs(series=replace(a_series(320), region="eu-west-1"))

    rows = weighed(plan, A_HINT, inputs)["regions_compared"]

    told = [
        (row["region"], row["emissions_grams"], row["penalty_grams"], row["lawful"], row["chosen"])
        for row in rows
    ]
    assert told == [
        ("eu-west-1", 160.0, 70.0, True, True),
        ("us-east-1", 90.0, 0.0, False, False),
    ]


def test_a_redirect_shows_the_enforced_region_as_the_choice():
    plan = replace(a_plan(), tenancy=a_tenancy())
    others = {"eu-west-1": replace(a_series(120), region="eu-west-1")}

    document = weighed(plan, None, Inputs(series=a_series(100), others=others))

    rows = document["regions_compared"]
    assert [(row["region"], row["lawful"], row["chosen"]) for row in rows] == [
        (HOME, False, False),
        ("eu-west-1", True, True),
    ]
    assert rows[1]["emissions_grams"] == 60.0
    assert document["residency"] == {
        "tenant": "acme",
        "origin": "trigger",
        "level": Level.EU_STRICT,
        "mode": Enforcement.STRICT,
        "outcome": Outcome.REDIRECTED,
        "reason": "residency_redirect",
        "region": HOME,
        "enforced_region": "eu-west-1",
    }
    assert (document["tenant"], document["blocked_by"]) == ("acme", "residency")
    assert document["rules"][0]["outcome"] == "redirected"


def test_an_enforced_region_of_which_nothing_is_known_is_still_shown():
    plan = replace(a_plan(), tenancy=a_tenancy())

    rows = weighed(plan, None, Inputs(series=None))["regions_compared"]

    assert [(row["emissions_grams"], row["penalty_grams"]) for row in rows] == [(None, None)] * 2


def test_a_tenant_that_nobody_knows_is_told_without_level_or_mode():
    tenancy = replace(a_tenancy(), tenant=None, refusal="no such tenant")
    plan = replace(a_plan(), tenancy=tenancy)

    document = weighed(plan, A_HINT, Inputs(series=a_series(100)))

    law = document["residency"]
    assert (law["level"], law["mode"], law["outcome"]) == (None, None, Outcome.DENIED)
    assert not any(row["lawful"] or row["chosen"] for row in document["regions_compared"])


def test_nobody_s_work_may_go_anywhere():
    document = weighed(a_plan(), A_HINT, Inputs(series=a_series(320)))

    assert document["residency"] is None
    assert all(row["lawful"] for row in document["regions_compared"])


def test_a_hint_is_told_with_what_it_saves_and_what_became_of_it():
    document = weighed(a_plan(), A_HINT, Inputs(series=a_series(320)))

    assert document["carbon_hint"] == {
        "suggested_region": "us-east-1",
        "current_grams_per_kwh": 320.0,
        "suggested_grams_per_kwh": 180.0,
        "savings_percent": 43.8,
        "renewable_percent": 60.0,
        "overridden": True,
        "penalty_grams": 70.0,
        "reason": "residency",
    }


def test_a_budget_is_told_from_its_ruling():
    ruling = Ruling(
        rule="budget",
        outcome=Outcome.LIMITED,
        reason="budget_throttled",
        template="half",
        figures={"spent_kg": 12.0, "monthly_kg": 10.0},
        share=0.5,
    )
    plan = with_origins(replace(a_plan(Mode.GATE), service="reports"))
    decision = decide(plan, Inputs(series=a_series(100)), NOW)

    document = explain(plan, replace(decision, rulings=(ruling, *decision.rulings), share=0.5))

    assert document["budget"] == {
        "outcome": "limited",
        "reason": "budget_throttled",
        "spent_kg": 12.0,
        "monthly_kg": 10.0,
    }
    assert (document["service"], document["share"]) == ("reports", 0.5)
    assert explained(BRAKE)["budget"] is None


PAGE = Path(__file__).resolve().parents[3] / "docs" / "explain.md"


def test_every_key_of_the_document_is_on_its_page():
    text = PAGE.read_text()
    document = weighed(a_plan(), A_HINT, Inputs(series=a_series(500)))
    nested = ("intensity", "keda", "saving", "carbon_hint")
    keys = {*document, *(key for name in nested for key in document[name])}
    keys |= {key for row in document["regions_compared"] for key in row}

    assert {key for key in keys if f"`{key}`" not in text} == set()


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_on_the_page(outcome: Outcome):
    assert f"`{outcome}`" in PAGE.read_text()


def test_an_instant_a_moment_before_a_second_is_told_as_that_second():
    plan = with_origins(a_plan())
    decision = decide(plan, Inputs(series=a_series(500)), NOW)
    for microseconds, told in ((-2, NOW), (-900, NOW), (0, NOW), (-1500, None)):
        at = NOW + timedelta(microseconds=microseconds)
        document = explain(plan, replace(decision, changes_at=at))
        assert document["changes_at"] == (told or at)


def test_what_was_settled_before_the_grid_was_asked_for_does_not_change_with_the_forecast():
    foreseen = replace(a_series(500), expected=a_path(500.0, 400.0, 300.0))
    urgent = decide(a_plan(workload_class="urgent"), Inputs(series=foreseen), NOW)
    standard = decide(a_plan(), Inputs(series=foreseen), NOW)
    assert urgent.changes_at is None
    assert standard.changes_at is not None
