"""What would change an answer: what the rules ask for, and what time alone brings."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.application.prospects import MOST_COMING, coming, remedies
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.curves import parse_curve
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.policy import Strategy, WhenBlind
from carbon_scaler.domain.trigger import Mode, Plan
from carbon_scaler.domain.windows import TimeWindow, WindowEffect
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    a_backlog,
    a_plan,
    a_queue_plan,
    a_series,
    an_item,
)


def foreseen(plan: Plan, inputs: Inputs) -> list[tuple[str, timedelta, str]]:
    """What happens, how long after NOW, and the answer then."""
    found = coming(plan, decide(plan, inputs, NOW), inputs)
    return [(each.what, each.at - NOW, each.then) for each in found if each.at is not None]


def asked_for(plan: Plan, inputs: Inputs) -> list[tuple[str, str]]:
    return [(each.what, each.then) for each in remedies(decide(plan, inputs, NOW))]


def inputs_of(*grams: float, demand: BacklogReading | None = None) -> Inputs:
    series = a_series(*grams) if grams else None
    return Inputs(series=series, demand=demand)


def a_hold(**stated: object) -> Override:
    hold = Override(
        id=7,
        action=OverrideAction.HOLD,
        until=NOW + 30 * MINUTE,
        reason="maintenance",
        by="ada",
        created_at=NOW - HOUR,
        workload_class="deferrable",
    )
    return replace(hold, **stated)  # type: ignore[arg-type]


# Remedies


def test_a_dirty_grid_asks_for_a_cleaner_one():
    ((what, then),) = asked_for(a_plan(workload_class="deferrable"), inputs_of(500))

    assert "below 250 g/kWh" in what
    assert then == "open"


def test_an_open_gate_tells_what_would_close_it():
    assert asked_for(a_plan(), inputs_of(100)) == [("it closes from 400 g/kWh on", "closed")]


def test_an_hour_among_the_cleanest_tells_what_would_close_it():
    plan = a_plan(Mode.GATE, strategy=Strategy.QUANTILE, max_delay=10 * HOUR)

    wanted = asked_for(plan, Inputs(series=a_series(*[300.0] * 40, 100.0)))

    assert wanted == [("it closes above 300 g/kWh", "closed")]


def test_too_few_renewables_ask_for_more():
    plan = a_plan(min_renewable_percent=30.0)

    inputs = Inputs(series=a_series(100, renewable=10.0))

    ((what, then),) = asked_for(plan, inputs)
    assert "30 %" in what
    assert then == "open"


@pytest.mark.parametrize("stated", WhenBlind)
def test_missing_data_ask_for_data_and_the_rules_decide_then(stated: WhenBlind):
    plan = a_plan(Mode.GATE, when_blind=stated)

    assert asked_for(plan, inputs_of()) == [("a usable value arrives", "the other rules decide")]


def test_an_unknown_backlog_asks_to_be_read():
    inputs = Inputs(series=a_series(100), demand=BacklogUnknown(cause="not read yet"))

    (wanted,) = asked_for(a_queue_plan(), inputs)

    assert wanted == ("the backlog can be read again", "the other rules decide")


def test_an_operator_s_word_tells_how_it_is_ended():
    inputs = replace(inputs_of(500), overrides=(a_hold(),))

    (wanted,) = asked_for(a_plan(workload_class="deferrable"), inputs)

    assert wanted == ("end it with: carbon-scaler override end 7", "the other rules decide")


def test_in_shadow_only_shadow_matters():
    (wanted,) = asked_for(a_plan(shadow=True), inputs_of(900))

    assert wanted[0] == "shadow is no longer true in the trigger"


def test_a_rule_that_changes_nothing_asks_for_nothing():
    queue = a_queue_plan(workload_class="deferrable")
    demand = a_backlog(an_item(13 * HOUR), an_item())

    wanted = asked_for(queue, inputs_of(500, demand=demand))

    assert [then for _, then in wanted] == ["open"], "the grid, not the items that must start"


# What time alone brings


def test_a_queue_foretells_the_latest_starts_of_its_items():
    plan = a_queue_plan(workload_class="deferrable", when_blind=WhenBlind.CLOSED)
    demand = a_backlog(an_item(11 * HOUR), an_item(11 * HOUR), an_item(10 * HOUR))

    assert foreseen(plan, inputs_of(500, demand=demand)) == [
        ("the latest start of 2 items, less the lead, comes", 59 * MINUTE, "open, 2 admitted"),
        ("the latest start of 1 item, less the lead, comes", 119 * MINUTE, "open, 3 admitted"),
    ]


def test_a_backlog_s_age_is_no_prospect_because_it_is_read_again():
    plan = a_queue_plan(workload_class="deferrable")
    demand = a_backlog(an_item(), max_age=MINUTE)

    first, *_ = foreseen(plan, inputs_of(500, demand=demand))

    assert first[1] == 12 * HOUR - MINUTE, "not the minute for which the reading is fresh"


def test_an_item_that_is_to_come_is_foretold():
    plan = a_queue_plan()
    demand = a_backlog(an_item(), an_item(-30 * MINUTE))

    first, *_ = foreseen(plan, inputs_of(100, demand=demand))

    assert first == ("the enqueued_at of 1 item comes", 30 * MINUTE, "open, 2 admitted")


def test_a_brake_foretells_its_pulse_and_the_end_of_it():
    plan = a_plan(workload_class="deferrable", max_delay=HOUR, release=5 * MINUTE)

    first, second, *_ = foreseen(plan, inputs_of(500))

    assert first == ("the pulse begins: starts are free for a while", 55 * MINUTE, "open")
    assert second == ("the pulse ends", HOUR, "closed")


def test_data_that_get_too_old_are_foretold_where_that_changes_the_answer():
    opens = a_plan(Mode.GATE, when_blind=WhenBlind.OPEN, max_delay=10 * HOUR)
    stays = a_plan(Mode.GATE, when_blind=WhenBlind.CLOSED, max_delay=10 * HOUR)
    told = "the data get too old, unless newer ones come"

    assert foreseen(opens, inputs_of(500))[0] == (told, 2 * HOUR, "open")
    assert told not in [what for what, _, _ in foreseen(stays, inputs_of(500))]


def test_the_end_of_an_override_is_foretold():
    inputs = replace(inputs_of(100), overrides=(a_hold(workload_class="standard"),))

    assert foreseen(a_plan(), inputs)[0] == ("the override ends", 30 * MINUTE, "open")


def test_a_stored_value_that_takes_over_is_told_with_its_figures():
    series = a_series(100, 500, since=NOW, every=HOUR)

    first, *_ = foreseen(a_plan(max_delay=10 * HOUR), Inputs(series=series))

    assert first == ("500 g/kWh is not below the limit of 400", HOUR, "closed")


def test_forbidden_hours_are_foretold_with_their_end():
    window = TimeWindow(
        name="peak",
        begins=13 * HOUR,
        ends=14 * HOUR,
        effect=WindowEffect.FORBID,
        timezone=UTC,
    )
    plan = replace(a_plan(Mode.GATE, max_delay=100 * HOUR), windows=(window,))

    begin, end, *_ = foreseen(plan, Inputs(series=a_series(100, usable_for=3 * HOUR)))

    assert begin[0].startswith("the hours of peak are forbidden")
    assert begin[1:] == (HOUR, "closed")
    assert end == ("the forbidden hours end", 2 * HOUR, "open")


def test_what_never_changes_foretells_nothing():
    assert foreseen(a_plan(workload_class="urgent"), inputs_of(900)) == []


def test_no_more_is_foretold_than_anybody_reads():
    plan = a_queue_plan(workload_class="deferrable")
    demand = a_backlog(*(an_item(minutes * MINUTE) for minutes in range(500)))

    assert len(foreseen(plan, inputs_of(500, demand=demand))) == MOST_COMING


def ages(most: int) -> st.SearchStrategy[Collection[int]]:
    return st.lists(st.integers(min_value=0, max_value=900), max_size=most)


@given(ages=ages(6), grams=st.sampled_from([None, 100.0, 500.0]), mode=st.sampled_from(Mode))
def test_what_is_foretold_is_what_is_decided_then(
    ages: Collection[int], grams: float | None, mode: Mode
):
    if mode is Mode.QUEUE:
        plan = a_queue_plan()
        demand = a_backlog(*(an_item(age * MINUTE) for age in ages), max_age=400 * 24 * HOUR)
    else:
        plan, demand = a_plan(mode), None
    inputs = Inputs(series=None if grams is None else a_series(grams), demand=demand)

    for prospect in coming(plan, decide(plan, inputs, NOW), inputs):
        assert prospect.at is not None
        assert decide(plan, inputs, prospect.at).verdict is prospect.verdict
        before = decide(plan, inputs, prospect.at - timedelta(microseconds=1))
        after = decide(plan, inputs, prospect.at)
        assert (before.verdict, before.admitted) != (after.verdict, after.admitted)


def test_a_verdict_is_foretold_as_a_value():
    plan = a_plan(workload_class="deferrable", max_delay=HOUR)

    verdicts = [
        each.verdict for each in coming(plan, decide(plan, inputs_of(500), NOW), inputs_of(500))
    ]

    assert verdicts[:2] == [Verdict.OPEN, Verdict.CLOSED]


def test_nothing_is_foretold_beyond_a_month():
    plan = a_plan(max_delay=40 * 24 * HOUR, when_blind=WhenBlind.CLOSED)

    assert foreseen(plan, inputs_of(500)) == []


def test_a_share_is_foretold_as_a_level():
    curve = parse_curve("200:1,400:0")
    plan = a_plan(Mode.GATE, strategy=Strategy.CURVE, curve=curve, max_delay=10 * HOUR)

    first, *_ = foreseen(plan, Inputs(series=a_series(500, 300, since=NOW)))

    assert first[1:] == (HOUR, "open, level 0.5")


def test_a_queue_too_tells_the_value_that_takes_over():
    demand = a_backlog(an_item(), an_item())
    series = a_series(100, 500, since=NOW, every=10 * MINUTE)

    first, *_ = foreseen(a_queue_plan(), Inputs(series=series, demand=demand))

    assert first == ("500 g/kWh is not below the limit of 400", 10 * MINUTE, "closed, 0 admitted")
