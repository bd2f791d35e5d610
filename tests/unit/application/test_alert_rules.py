"""What is worth telling: low intensity is the opportunity, high is to be avoided."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from carbon_scaler.application.alert_rules import (
    AlertView,
    Condition,
    Severity,
    Spent,
    judge,
)
from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.domain.snapshot import Outlook, RegionSeries
from tests.builders import HOME, HOUR, NOW, a_series

MINUTE = timedelta(minutes=1)


def a_view(series: RegionSeries | None = None, **stated: Any) -> AlertView:
    regions = {} if series is None else {HOME: series}
    view = AlertView(now=NOW, watched_since=NOW - 24 * HOUR, regions=regions)
    return replace(view, **stated)


def judged(view: AlertView) -> Mapping[str, Condition]:
    return {condition.key: condition for condition in judge(view).conditions}


def a_feed(failures: int, **stated: Any) -> FeedRecord:
    feed = FeedRecord(
        source="neso", zone="GB", regions=("eu-west-2",), failures=failures, failure="no answer"
    )
    return replace(feed, **stated)


def a_week(usual: float, present: float) -> RegionSeries:
    return a_series(*([usual] * (7 * 24 - 1)), present)


def test_a_healthy_world_is_not_worth_a_word():
    view = a_view(a_week(300, 300), feeds=[a_feed(2)], quotas={"neso": Spent(calls=79, quota=100)})

    assert judged(view) == {}
    assert judge(view).undecided == frozenset()


# Sources


def test_three_failures_in_a_row_are_told_with_zone_and_cause():
    condition = judged(a_view(feeds=[a_feed(3), a_feed(0, zone="FR")]))["source_failing:neso"]

    assert condition.severity is Severity.WARNING
    assert "GB: 3 times in a row, no answer" in condition.body
    assert "FR" not in condition.body


def test_many_failing_zones_of_a_source_are_one_condition_of_bounded_length():
    conditions = judged(a_view(feeds=[a_feed(4, zone=f"Z{number}") for number in range(400)]))

    assert list(conditions) == ["source_failing:neso"]
    assert conditions["source_failing:neso"].body.endswith("and 395 more")


def test_a_run_without_any_usable_value_is_critical():
    condition = judged(a_view(run_failures={"neso": "no answer"}))["ingest_failed"]

    assert condition.severity is Severity.CRITICAL
    assert condition.body == "neso: no answer"


@pytest.mark.parametrize(("calls", "told"), [(79, False), (80, True), (100, True)])
def test_four_fifths_of_a_quota_are_told(calls: int, told: bool):
    conditions = judged(a_view(quotas={"watttime": Spent(calls=calls, quota=100)}))

    assert ("quota:watttime" in conditions) is told


def test_a_change_of_source_is_told():
    changed = replace(a_series(300, 300, 300), sources=("watttime", "watttime", "neso"))

    condition = judged(a_view(changed))[f"source_changed:{HOME}"]

    assert condition.severity is Severity.INFO
    assert "come from neso, no longer from watttime" in condition.title


def test_a_change_of_source_is_over_when_it_changes_back():
    back = replace(a_series(300, 300, 300), sources=("watttime", "neso", "watttime"))

    assert judged(a_view(back)) == {}


@pytest.mark.parametrize(("hours_ago", "told"), [(23, True), (25, False)])
def test_a_change_of_source_is_old_after_a_day(hours_ago: int, told: bool):
    series = a_series(*[300.0] * 49)
    sources = ("watttime",) * (49 - hours_ago - 1) + ("neso",) * (hours_ago + 1)

    conditions = judged(a_view(replace(series, sources=sources)))

    assert (f"source_changed:{HOME}" in conditions) is told


# Missing values


@pytest.mark.parametrize(("age", "told"), [(3 * HOUR, False), (3 * HOUR + MINUTE, True)])
def test_a_region_without_a_value_for_three_hours_is_critical(age: timedelta, told: bool):
    condition = judged(a_view(a_series(300, since=NOW - age))).get(f"no_data:{HOME}")

    assert (condition is not None) is told
    assert condition is None or condition.severity is Severity.CRITICAL


def test_a_static_average_is_no_value():
    static = replace(a_series(300, since=NOW - HOUR), kinds=(Kind.STATIC,))

    assert f"no_data:{HOME}" in judged(a_view(replace(static, first_at=NOW - 9 * HOUR)))


def test_a_value_of_the_future_is_none_of_now():
    ahead = replace(a_series(300, since=NOW + HOUR), first_at=NOW - 100 * HOUR)

    assert f"no_data:{HOME}" in judged(a_view(ahead))


def test_a_region_that_never_had_a_value_is_missed_after_three_hours_of_looking():
    just_begun = a_view(regions={HOME: None}, watched_since=NOW - HOUR)
    long_since = a_view(regions={HOME: None}, watched_since=NOW - 4 * HOUR)

    assert judged(just_begun) == {}
    assert "never was one" in judged(long_since)[f"no_data:{HOME}"].body


def test_of_a_region_without_a_fresh_value_it_cannot_be_said_whether_it_is_still_dirty():
    stale = a_view(a_series(*[600.0] * 9, since=NOW - 12 * HOUR))

    assert judge(stale).undecided == {f"grid_dirty:{HOME}", f"source_changed:{HOME}"}
    assert f"grid_dirty:{HOME}" not in judged(stale)


# High is to be avoided


def test_a_grid_over_500_g_for_more_than_four_hours_is_to_be_avoided():
    dirty = a_series(*[501.0] * 6)

    condition = judged(a_view(dirty))[f"grid_dirty:{HOME}"]

    assert condition.severity is Severity.WARNING
    assert "avoid" in condition.title


@pytest.mark.parametrize(
    "grams",
    [
        [501.0] * 5,  # four hours, not more
        [500.0] * 9,  # at the limit, not over it
        [600, 600, 600, 499, 600, 600, 600],  # with a break
        [600] * 8 + [400],  # over
    ],
)
def test_less_than_that_is_not_told(grams: list[float]):
    assert f"grid_dirty:{HOME}" not in judged(a_view(a_series(*grams)))


def test_a_gap_breaks_the_dirty_hours():
    starts = [NOW - 9 * HOUR, NOW - 8 * HOUR, NOW - HOUR, NOW]

    assert f"grid_dirty:{HOME}" not in judged(a_view(a_series(*[600.0] * 4, starts=starts)))


# Low is the opportunity


def test_a_value_below_the_weeks_tenth_percentile_is_a_clean_window():
    condition = judged(a_view(a_week(180, 120)))[f"clean_window:{HOME}"]

    assert condition.severity is Severity.INFO
    assert "good time to run" in condition.title
    assert "120 g/kWh" in condition.body


@pytest.mark.parametrize("grams", [250.0, 400.0, 501.0, 900.0])
def test_a_high_value_is_never_an_opportunity_however_rare(grams: float):
    conditions = judged(a_view(a_week(1000, grams)))

    assert f"clean_window:{HOME}" not in conditions


def test_what_is_usual_in_a_clean_grid_is_no_opportunity():
    assert judged(a_view(a_week(30, 30))) == {}


def test_too_short_a_past_tells_nothing_of_what_is_usual():
    assert judged(a_view(a_series(*[180.0] * 20, 100))) == {}


def test_the_forecast_tells_until_when_the_window_lasts():
    starts = np.array([(NOW + hours * HOUR).timestamp() for hours in range(4)])
    outlook = Outlook(
        source="neso",
        issued_at=NOW,
        fetched_at=NOW,
        starts=starts,
        lasts=np.full(4, 3600.0),
        grams_per_kwh=np.array([120.0, 130.0, 190.0, 200.0]),
    )
    until = f"{NOW + 2 * HOUR:%H:%M} UTC"

    condition = judged(a_view(replace(a_week(180, 120), outlook=outlook)))[f"clean_window:{HOME}"]

    assert condition.body.endswith(f"{until}.")
