"""Where shared work runs, as `explain` tells it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from carbon_scaler.application.explain import explain
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.place import HANDOVER, Whereabouts
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.domain.residency import Level
from carbon_scaler.domain.trigger import Plan
from tests.builders import DAY, HOUR, MINUTE, NOW, a_backlog, a_plan, a_series, an_item
from tests.unit.decisions.place_world import EAST, EU, WEST, a_shared_plan, somewhere
from tests.unit.decisions.residency_world import a_tenant

SERIES = {
    region: replace(a_series(grams, usable_for=DAY), region=region)
    for region, grams in ((EAST, 400), (WEST, 300))
}


def told(plan: Plan, whereabouts: Whereabouts) -> dict[str, Any]:
    inputs = Inputs(
        series=SERIES.get(plan.region),
        demand=a_backlog(an_item()),
        others=SERIES,
        whereabouts=whereabouts,
    )
    stated = replace(plan, origins=dict.fromkeys((*SETTING_NAMES, "region"), "default"))
    return explain(stated, decide(stated, inputs, NOW), inputs=inputs)


def test_it_says_where_why_since_when_and_what_comes_behind():
    plan = a_shared_plan(WEST, lead=15 * MINUTE)

    document = told(plan, somewhere(EAST))["place"]

    assert {name: document[name] for name in document if name != "regions"} == {
        "work": "orders",
        "outcome": "elsewhere",
        "place": EAST,
        "ladder": [EAST, WEST, EU],
        "rank": 1,
        "lead": "10m",
        "why": "it was better than the former place by more than a move is worth",
        "chosen_at": NOW - 2 * HOUR,
        "chosen_by": "host:1",
        "score": 0.5,
    }


def test_it_says_what_each_region_counts_and_why_it_does_not():
    plan = a_shared_plan(WEST)

    regions = told(plan, somewhere(EAST, live=(EAST,)))["place"]["regions"]

    assert regions == [
        {
            "region": EAST,
            "grams_per_kwh": 400.0,
            "score": 1.0,
            "left_out": None,
            "permitted": True,
            "live": True,
        },
        {
            "region": WEST,
            "grams_per_kwh": 300.0,
            "score": 0.75,
            "left_out": None,
            "permitted": True,
            "live": True,
        },
        {
            "region": EU,
            "grams_per_kwh": None,
            "score": None,
            "left_out": "it has no usable value",
            "permitted": True,
            "live": False,
        },
    ]


def test_what_stands_in_the_way_is_the_place_and_a_handover_ends_by_itself():
    elsewhere = told(a_shared_plan(WEST), somewhere(EAST))
    moving = somewhere(WEST, ago=timedelta(0), begins_at=NOW + HANDOVER)
    begins = told(a_shared_plan(WEST), moving)

    assert (elsewhere["blocked_by"], begins["blocked_by"]) == ("place", "place")
    assert elsewhere["would_change"][0]["what"].startswith("nobody asks in us-east-1 for 1m30s")
    assert begins["would_change"][0]["what"] == "the handover is over"
    assert begins["until"] == NOW + HANDOVER


def test_ahead_it_says_when_what_is_left_starts_here():
    plan = a_shared_plan(WEST, lead=15 * MINUTE)

    document = told(plan, somewhere(EAST))

    assert document["until"] == NOW + HOUR - 10 * MINUTE


def test_there_is_nothing_to_tell_of_what_is_not_shared_or_not_permitted():
    forbidden = a_shared_plan(WEST, tenant=a_tenant(Level.EU_STRICT))

    assert told(a_plan(), Whereabouts())["place"] is None
    assert told(forbidden, somewhere(EU))["place"] is None
