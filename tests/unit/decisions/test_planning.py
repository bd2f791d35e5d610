"""Strategy `forecast`: each item is planned, by its own slack and duration."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from carbon_scaler.decisions import planning
from carbon_scaler.decisions.case import Case, Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import Item
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.intensity import Basis, Kind, Signal
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_plan,
    a_series,
    a_window,
    an_item,
    preferred,
)
from tests.grid_builders import a_path

# Now 300, less after two hours, least after six.
FALLING = (300.0, 310.0, 250.0, 260.0, 270.0, 280.0, 100.0, *[320.0] * 30)
NO_SPREAD = timedelta(0)


def planned_series(*grams: float, **stated: object) -> RegionSeries:
    return replace(a_series(grams[0]), expected=a_path(*grams, **stated))  # type: ignore[arg-type]


def a_planned(mode: Mode = Mode.QUEUE, **stated: object) -> Plan:
    said: dict[str, object] = {
        "strategy": Strategy.FORECAST,
        "spread": NO_SPREAD,
        "max_delay": 12 * HOUR,
        "lead": timedelta(0),
    }
    return a_plan(mode, "standard", **{**said, **stated})  # type: ignore[arg-type]


def decided(
    plan: Plan, series: RegionSeries, *items: Item, after: timedelta = timedelta(0)
) -> Decision:
    demand = a_backlog(*items) if plan.mode is Mode.QUEUE else None
    return decide(plan, Inputs(series=series, demand=demand), NOW + after)


def test_work_waits_for_a_cleaner_hour_within_its_slack_and_no_longer():
    series = planned_series(*FALLING)

    assert decided(a_planned(), series, an_item()).reason == "waiting_pays"
    hurried = a_planned(max_delay=HOUR)
    assert decided(hurried, series, an_item()).reason == "now_is_best"
    assert decided(a_planned(), series, an_item(6 * HOUR), after=6 * HOUR).admitted == 1


def test_each_item_is_planned_by_its_own_slack_and_duration():
    items = (
        an_item(),  # may wait for the hour of 100
        an_item(11 * HOUR),  # has an hour left, in which nothing is cleaner
        an_item(9 * HOUR, duration=HOUR),  # can still have that of 250
        an_item(duration=8 * HOUR, due_in=9 * HOUR),  # an hour left, and a run over the clean one
        an_item(duration=30 * HOUR, due_in=40 * HOUR),  # hardly differs
    )
    decision = decided(a_planned(), planned_series(*FALLING), *items)

    alone = [decided(a_planned(), planned_series(*FALLING), item).admitted for item in items]
    assert decision.admitted == sum(alone)
    assert alone[:3] == [0, 1, 0]
    assert decision.level == pytest.approx(sum(alone) / 5)


def test_what_is_due_starts_whatever_is_expected():
    item = an_item(12 * HOUR - MINUTE)
    decision = decided(a_planned(lead=5 * MINUTE), planned_series(300, 100, 100), item)
    assert (decision.admitted, decision.verdict) == (1, Verdict.OPEN)


@pytest.mark.parametrize(("least", "reason"), [(60.0, "waiting_pays"), (70.0, "now_is_best")])
def test_waiting_must_save_as_much_as_is_wanted(least: float, reason: str):
    plan = a_planned(min_savings_percent=least)
    assert decided(plan, planned_series(*FALLING), an_item()).reason == reason


@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.GATE])
def test_without_items_nothing_is_waited_for_that_comes_after_the_next_pulse(mode: Mode):
    # Pulses are counted from a fixed instant: the next one ends at midnight, twelve hours from NOW.
    clean_at = [300.0] * 20
    soon, late = [*clean_at], [*clean_at]
    soon[5], late[13] = 100.0, 100.0

    assert decided(a_planned(mode), planned_series(*soon)).verdict is Verdict.CLOSED
    assert decided(a_planned(mode), planned_series(*late)).verdict is Verdict.OPEN
    assert decided(a_planned(mode), planned_series(*[300.0] * 20)).verdict is Verdict.OPEN


def test_the_path_counts_and_not_a_value_that_was_measured_after_it_was_issued():
    # The hour turned out dirtier than was expected of it and of the next ones: waiting would pay
    # only against the newer value.
    series = replace(a_series(250.0, 900.0), expected=a_path(250, 260, 260, 260, begins=NOW - HOUR))
    assert decided(a_planned(), series, an_item()).reason == "now_is_best"


def test_forbidden_hours_are_not_waited_for_and_preferred_ones_count_cleaner():
    night = (300.0, 300.0, 100.0, 300.0, *[300.0] * 20)
    series = planned_series(*night)
    barred = a_planned(windows=(a_window(13, 15),))
    liked = a_planned(windows=(preferred(15, 16, 20.0),))

    assert decided(a_planned(), series, an_item()).verdict is Verdict.CLOSED
    assert decided(barred, series, an_item()).verdict is Verdict.OPEN
    flat = planned_series(*[300.0] * 24)
    assert decided(a_planned(), flat, an_item()).verdict is Verdict.OPEN
    assert decided(liked, flat, an_item()).verdict is Verdict.CLOSED


def without_a_plan(path: ExpectedPath | None, **stated: object) -> Decision:
    series = replace(a_series(500.0), expected=path)
    return decided(a_planned(**stated), series, an_item())


def test_without_a_forecast_others_stand_in_and_the_reason_is_said():
    reasons = {
        "no forecast of our own is there yet": without_a_plan(None),
        "is of another basis": without_a_plan(a_path(500, 1, basis=Basis(signal=Signal.MARGINAL))),
        "tells nothing of this hour": without_a_plan(a_path(1, 1, begins=NOW - 6 * HOUR)),
        "too short for such a run": without_a_plan(a_path(500, 1), job_duration=9 * HOUR),
    }
    for text, decision in reasons.items():
        assert decision.decisive.rule == "threshold"
        assert text in decision.decisive.text


def test_a_forecast_that_is_a_day_old_decides_nothing():
    path = a_path(*[500.0] * 20, 1.0, 1.0, issued_at=NOW - 24 * HOUR)
    assert without_a_plan(path).decisive.rule == "threshold"


def test_by_default_a_young_forecast_leaves_it_to_the_threshold():
    young, old = (a_path(500, 1, 1, 500, past_hours=hours) for hours in (191, 192))
    by_default = {"strategy": Strategy.AUTO}

    assert without_a_plan(old, **by_default).decisive.rule == "forecast"
    left = without_a_plan(young, **by_default)
    assert left.decisive.rule == "threshold"
    assert "learned from 191 h" in left.decisive.text
    assert without_a_plan(young).decisive.rule == "forecast", "where it is asked for by name"
    assert "stands in" not in without_a_plan(None, **by_default).decisive.text


def the_case(*grams: float) -> Case:
    series = planned_series(*grams)
    return Case(
        plan=a_planned(Mode.BRAKE),
        now=NOW,
        series=series,
        reading=series.resolved_at(NOW),
        counts=None,
        inputs=Inputs(series=series),
    )


def test_the_planned_start_is_told_with_its_interval_and_what_it_saves():
    planned = planning.planned_start(the_case(*FALLING))
    assert planned is not None
    assert planned.starts_at == NOW + 6 * HOUR
    assert (planned.grams_per_kwh, planned.lower, planned.upper) == (100.0, 80.0, 120.0)
    assert planned.now_grams_per_kwh == 300.0
    assert planned.saving_percent == pytest.approx(200 / 3)


def test_no_start_is_planned_where_nothing_is_known_of_later_or_nothing_waits():
    assert planning.planned_start(the_case(300.0)) is None
    assert planning.planned_start(replace(the_case(*FALLING), plan=a_planned())) is None


def test_many_lengths_of_runs_are_rounded_to_few():
    rng = np.random.default_rng(5)
    items = [
        an_item(float(waited) * MINUTE, duration=float(minutes) * MINUTE)
        for waited, minutes in zip(rng.integers(0, 700, 300), rng.uniform(1, 600, 300), strict=True)
    ]
    series = planned_series(*FALLING)
    together = decided(a_planned(), series, *items).admitted
    alone = sum(decided(a_planned(), series, item).admitted for item in items)
    assert abs(together - alone) <= 15
    assert 0 < together < 300


@pytest.mark.parametrize(("grams", "verdict"), [(42.0, Verdict.OPEN), (900.0, Verdict.CLOSED)])
@pytest.mark.parametrize("measured", [1, 2])
def test_a_value_that_somebody_types_counts_for_the_present_hour_at_once(
    grams: float, verdict: Verdict, measured: int
):
    # The present hour is measured already, as in a replay, or it is not.
    path = replace(a_path(*[300.0] * 3, 250.0, *[300.0] * 20, begins=NOW - HOUR), measured=measured)
    path = replace(path, issued_at=NOW + SECOND)
    typed = replace(
        a_series(300.0, 300.0, grams, starts=[NOW - HOUR, NOW, NOW + 10 * MINUTE]),
        sources=("replay", "replay", "manual"),
        kinds=(Kind.MEASURED, Kind.MEASURED, Kind.MANUAL),
        expected=path,
    )
    decision = decided(a_planned(max_delay=HOUR), typed, an_item(), after=11 * MINUTE)
    assert (decision.decisive.rule, decision.verdict) == ("forecast", verdict)


def test_a_newer_value_of_the_same_source_waits_for_the_next_issue():
    path = a_path(*[300.0] * 24, begins=NOW - HOUR)
    newer = replace(a_series(300.0, 900.0), expected=path)
    assert decided(a_planned(), newer, an_item(), after=MINUTE).verdict is Verdict.OPEN
