"""What waited for the same hour does not start at once."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.phases import phase_of
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOUR, MINUTE, NOW, a_backlog, a_plan, a_series, a_window, an_item
from tests.grid_builders import a_path

# Measured until 11:00; the cleanest hour begins at NOW.
CLEAN_NOW = a_path(400.0, 390.0, 100.0, *[300.0] * 20, begins=NOW - 2 * HOUR)
ALWAYS_FLAT = a_path(*[300.0] * 24, begins=NOW - 2 * HOUR)
DAY = 24 * HOUR


def on(path: object, grams: float = 100.0) -> RegionSeries:
    return replace(a_series(grams), expected=path)  # type: ignore[arg-type]


def a_planned(mode: Mode = Mode.QUEUE, **stated: object) -> Plan:
    said = {"strategy": Strategy.FORECAST, "max_delay": 12 * HOUR, "lead": timedelta(0)}
    return a_plan(mode, "standard", **{**said, **stated})  # type: ignore[arg-type]


def waiting(count: int = 400, waited: timedelta = 2 * HOUR) -> list[Item]:
    return [replace(an_item(waited), id=f"order-{number}") for number in range(count)]


def decided(plan: Plan, series: RegionSeries, items: list[Item], after: timedelta) -> Decision:
    demand = a_backlog(*items, max_age=DAY) if plan.mode is Mode.QUEUE else None
    return decide(plan, Inputs(series=series, demand=demand), NOW + after)


def started(plan: Plan, series: RegionSeries, items: list[Item], minutes: float) -> int:
    return decided(plan, series, items, minutes * MINUTE).admitted


def test_those_that_waited_start_evenly_over_the_spread_each_in_its_place():
    items = waiting()
    counts = [started(a_planned(), on(CLEAN_NOW), items, minute) for minute in range(0, 25, 4)]

    assert counts[0] <= 2
    assert counts[-2:] == [400, 400], "after twenty minutes all may start"
    for fewer, more in pairwise(counts[:6]):
        assert 50 <= more - fewer <= 110
    third = {item.id for item in items if phase_of(item.id or "") <= 0.5}
    assert started(a_planned(), on(CLEAN_NOW), items, 10) == len(third)


def test_what_arrives_while_it_is_open_starts_at_once():
    fresh = [replace(an_item(-5 * MINUTE), id=f"order-{number}") for number in range(50)]
    assert started(a_planned(), on(CLEAN_NOW), fresh, 5) == 50


def test_what_is_due_starts_in_any_case():
    due = waiting(waited=12 * HOUR - MINUTE)
    assert started(a_planned(lead=5 * MINUTE), on(CLEAN_NOW), due, 0) == 400


def test_an_hour_that_follows_an_open_one_holds_nobody_back():
    assert started(a_planned(), on(ALWAYS_FLAT, 300.0), waiting(), 0) == 400


def test_nobody_is_spread_where_it_is_switched_off_or_a_fixed_limit_decides_by_default():
    assert started(a_planned(spread=timedelta(0)), on(CLEAN_NOW), waiting(), 0) == 400
    opens = a_series(900.0, 900.0, 100.0)
    assert started(a_planned(strategy=Strategy.THRESHOLD), opens, waiting(), 0) == 400


@pytest.mark.parametrize("strategy", [Strategy.THRESHOLD, Strategy.QUANTILE])
def test_a_gate_that_opens_spreads_them_where_that_is_stated(strategy: Strategy):
    plan = a_planned(strategy=strategy, spread=30 * MINUTE)
    opens = a_series(*[300.0] * 20, *[900.0] * 30, 100.0)

    assert started(plan, opens, waiting(), 0) <= 2
    assert 150 <= started(plan, opens, waiting(), 15) <= 250
    assert started(plan, opens, waiting(), 30) == 400
    assert started(plan, a_series(*[100.0] * 72), waiting(), 0) == 400, "it was open for days"


def test_a_value_that_comes_late_opens_when_it_comes():
    plan = a_planned(strategy=Strategy.THRESHOLD, spread=30 * MINUTE)
    opens = a_series(*[900.0] * 5, 100.0)
    late = replace(opens, fetched=np.append(opens.fetched[:-1], opens.fetched[-1] + 2400.0))

    assert started(plan, late, waiting(), 41) <= 40
    assert started(plan, late, waiting(), 75) == 400


def test_after_forbidden_hours_they_are_spread_too():
    flat = on(ALWAYS_FLAT, 300.0)
    plan = a_planned(windows=(a_window(6, 12),))
    assert started(plan, flat, waiting(), 0) <= 2
    assert started(plan, flat, waiting(), 20) == 400


@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.GATE])
def test_a_trigger_without_items_has_a_place_of_its_own(mode: Mode):
    place = phase_of("batch/embeddings") * 20 * MINUTE
    plan, series = a_planned(mode), on(CLEAN_NOW)

    held = decided(plan, series, [], place - MINUTE)
    assert (held.verdict, held.reason, held.changes_at) == (
        Verdict.CLOSED,
        "spread",
        NOW + place,
    )
    assert decided(plan, series, [], place).verdict is Verdict.OPEN
    assert decided(plan, on(ALWAYS_FLAT, 300.0), [], timedelta(0)).verdict is Verdict.OPEN


def test_in_shadow_nobody_is_held_back():
    plan = a_planned(shadow=True)
    assert started(plan, on(CLEAN_NOW), waiting(), 0) == 400


def test_the_explanation_tells_how_many_and_when_the_next():
    plan = a_planned()
    decision = decided(plan, on(CLEAN_NOW), waiting(), 10 * MINUTE)
    ruling = decision.ruling_of("herd")
    assert ruling is not None
    assert f"{decision.admitted} of 400 items start by now" in ruling.text
    assert decision.changes_at is not None
    assert NOW + 10 * MINUTE < decision.changes_at < NOW + 12 * MINUTE
    assert [each.rule for each in decision.rulings][-2:] == ["forecast", "herd"]


# Issued at NOW and seven minutes: what was to be the cleanest hour is now, and not in three hours.
BEFORE = a_path(400.0, 390.0, 380.0, 380.0, 380.0, 100.0, *[300.0] * 20, begins=NOW - 2 * HOUR)
ANOTHER = a_path(
    *(400.0, 390.0, 100.0, *[300.0] * 20), begins=NOW - 2 * HOUR, issued_at=NOW + 7 * MINUTE
)


def test_another_issue_lets_go_of_as_many_as_an_hour_does_and_they_are_spread_from_it_on():
    series = on(replace(ANOTHER, former=BEFORE))

    assert started(a_planned(), series, waiting(), 7) <= 2
    assert 150 <= started(a_planned(), series, waiting(), 17) <= 250
    assert started(a_planned(), series, waiting(), 27) == 400


def test_another_issue_that_says_the_same_neither_holds_anybody_back_nor_lets_go_of_more():
    same = replace(ANOTHER, former=replace(ANOTHER, issued_at=NOW - HOUR))
    alone = replace(ANOTHER, issued_at=NOW - HOUR)

    for minute in (6, 8, 15, 20):
        counts = [started(a_planned(), on(path), waiting(), minute) for path in (same, alone)]
        assert counts[0] == counts[1]
    flat = replace(ALWAYS_FLAT, issued_at=NOW - HOUR)
    again = replace(ALWAYS_FLAT, issued_at=NOW + 7 * MINUTE, former=flat)
    assert started(a_planned(), on(again, 300.0), waiting(), 8) == 400


def test_a_run_s_end_that_meets_an_hour_cuts_no_spread_short():
    # Clean from NOW on for two hours: no later start of a run of 47 minutes costs less.
    clean = a_path(400.0, 390.0, 100.0, 100.0, *[300.0] * 20, begins=NOW - 2 * HOUR)
    plan = a_planned(job_duration=47 * MINUTE)

    assert 220 <= started(plan, on(clean), waiting(), 12.9) <= 290
    assert 220 <= started(plan, on(clean), waiting(), 13.1) <= 290
    assert started(plan, on(clean), waiting(), 20) == 400


@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.GATE])
def test_where_nobody_can_tell_what_was_open_items_are_spread_and_levels_are_not(mode: Mode):
    first = on(ANOTHER)
    assert started(a_planned(), first, waiting(), 8) <= 40
    assert decided(a_planned(mode), first, [], 8 * MINUTE).verdict is Verdict.OPEN


def test_windows_that_end_between_hours_open_then():
    plan = a_planned(windows=(a_window(6, 11.5),))
    assert started(plan, on(ALWAYS_FLAT, 300.0), waiting(), -29) <= 40
    assert started(plan, on(ALWAYS_FLAT, 300.0), waiting(), -9) == 400


def test_runs_of_several_lengths_are_spread_each_from_its_own_opening():
    # Issued between the knots of the longer run, at 12:30, and of the shorter one, at 12:00.
    former = a_path(*[400.0, 390.0, 380.0], *[100.0] * 22, begins=NOW - 2 * HOUR)
    clean = a_path(*[400.0, 390.0], *[100.0] * 3, *[300.0] * 20, begins=NOW - 2 * HOUR)
    path = replace(clean, issued_at=NOW + 20 * MINUTE, former=former)
    short, long = (
        [replace(item, duration=lasts * MINUTE) for item in waiting(200)] for lasts in (60, 90)
    )

    for minute in (21, 31, 39, 45):
        apart = [started(a_planned(), on(path), items, minute) for items in (short, long)]
        assert started(a_planned(), on(path), [*short, *long], minute) == sum(apart)


def test_a_path_that_reaches_no_further_back_spreads_from_where_it_begins():
    path = replace(a_path(*[300.0] * 24, begins=NOW), issued_at=NOW - HOUR)

    assert started(a_planned(), on(path, 300.0), waiting(), 0) <= 2
    assert 150 <= started(a_planned(), on(path, 300.0), waiting(), 10) <= 250
