"""What KEDA makes of an answer, in words."""

from dataclasses import replace

import pytest

from carbon_scaler.application.keda_answer import keda_answer
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import NOW, a_backlog, a_plan, a_queue_plan, a_series, an_item


def answered(
    plan: Plan, grams: float | None, demand: BacklogReading | None = None
) -> dict[str, object]:
    series = None if grams is None else a_series(grams)
    return keda_answer(plan, decide(plan, Inputs(series=series, demand=demand), NOW), demand)


@pytest.mark.parametrize(
    ("grams", "active", "says"),
    [(500, True, "KEDA starts no new Job"), (100, False, "the other triggers alone decide")],
)
def test_a_brake_holds_while_it_is_active(grams: float, active: bool, says: str):
    answer = answered(a_plan(), grams)

    assert answer["is_active"] is active
    assert (answer["metric_value"], answer["metric_value_int"], answer["target"]) == (0.001, 1, 0)
    assert says in str(answer["says"])


def test_a_gate_gives_its_level_to_the_formula():
    assert "the formula in scalingModifiers gets 1 under" in str(
        answered(a_plan(Mode.GATE), 100)["says"]
    )


def test_a_queue_says_how_many_jobs_may_start():
    demand = a_backlog(*[an_item()] * 5)

    assert str(answered(a_queue_plan(items_per_job=2), 100, demand)["says"]).startswith(
        "KEDA starts up to 3 Jobs; "
    )
    assert str(answered(a_queue_plan(), 500, demand)["says"]).startswith(
        "KEDA starts no new Job for this trigger; "
    )


@pytest.mark.parametrize(("counts", "strategy"), [(True, "default"), (False, "accurate")])
def test_a_queue_names_the_strategy_that_fits_its_backlog(counts: bool, strategy: str):
    demand = a_backlog(an_item())
    demand = replace(demand, items=replace(demand.items, counts_in_progress=counts))

    assert f"strategy must be {strategy}," in str(answered(a_queue_plan(), 100, demand)["says"])


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        (a_queue_plan(), "it starts no Job for this trigger and records an event"),
        (a_plan(Mode.GATE, when_blind=WhenBlind.ERROR, max_delay=NOW - NOW.replace(year=2025)),
         "it keeps the replicas, or takes the object's fallback"),
    ],
)  # fmt: skip
def test_an_error_is_an_event_and_no_start(plan: Plan, says: str):
    assert says in str(answered(plan, None)["says"])
