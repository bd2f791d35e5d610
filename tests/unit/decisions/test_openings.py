from dataclasses import replace
from typing import Any

import pytest

from carbon_scaler.decisions.openings import openings
from carbon_scaler.domain.curves import parse_curve
from carbon_scaler.domain.policy import Strategy, WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOUR, NOW, a_plan, a_series, a_window, preferred

END = 10


def hours(plan: Plan, series: RegionSeries) -> list[tuple[float, float]]:
    """From when to when it is open, in hours after the beginning."""
    since = NOW.timestamp()
    found = openings(plan, series, since, since + END * 3600)
    begins, ends = ((each - since) / 3600 for each in (found.begins, found.ends))
    return list(zip(begins.tolist(), ends.tolist(), strict=True))


def an_item(workload_class: str = "standard", **stated: Any) -> Plan:
    return a_plan(Mode.QUEUE, workload_class, **stated)


def values(*grams: float) -> RegionSeries:
    return a_series(*grams, since=NOW, usable_for=HOUR)


def test_it_is_open_while_the_grid_is_below_the_limit():
    series = values(100, 100, 500, 100, *[500] * 6)

    assert hours(an_item(), series) == [(0, 2), (3, 4)]


def test_a_preferred_hour_counts_cleaner_and_a_forbidden_one_never_opens():
    dim = preferred(13, 14, 50)
    shut = a_window(15, 16, priority=2)

    found = hours(an_item(windows=(dim, shut)), values(500, 500, 500, 100, 100, *[500] * 5))

    assert found == [(1, 2), (4, 5)]


def test_a_window_may_turn_inside_an_interval():
    found = hours(an_item(windows=(a_window(12.25, 12.75),)), values(*[100] * 10))

    assert found == [(0, 0.25), (0.75, END)]


@pytest.mark.parametrize(
    ("when_blind", "expected"),
    [(WhenBlind.OPEN, [(0, END)]), (WhenBlind.CLOSED, [(0, 3)]), (WhenBlind.ERROR, [(0, 3)])],
)
def test_where_nothing_is_known_the_blind_decide(
    when_blind: WhenBlind, expected: list[tuple[float, float]]
):
    assert hours(an_item(when_blind=when_blind), values(100, 100, 100)) == expected


def test_a_curve_is_open_where_something_may_run():
    plan = an_item(strategy=Strategy.CURVE, curve=parse_curve("100:1,300:0.2,600:0"))

    assert hours(plan, values(100, 599, 600, 700, *[599] * 6)) == [(0, 2), (4, END)]


def test_a_quantile_is_told_by_the_threshold_until_a_day_is_known():
    plan = an_item(strategy=Strategy.QUANTILE, quantile_percent=50.0, when_blind=WhenBlind.CLOSED)
    past = a_series(*range(900, 900 - 23, -1), 100, 800, 500, since=NOW - 22 * HOUR)

    # Up to the first hour 23 are known, with the next one the median counts.
    assert hours(plan, replace(past, usable_for=past.usable_for / 2)) == [(1, 4)]


@pytest.mark.parametrize("plan", [an_item("urgent"), an_item(enabled=False), an_item(shadow=True)])
def test_what_never_waits_is_always_open(plan: Plan):
    assert hours(plan, values(900)) == [(0, END)]
