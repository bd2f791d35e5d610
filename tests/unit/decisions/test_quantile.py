from datetime import datetime, timedelta

import pytest

from carbon_scaler.decisions import quantile
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome
from carbon_scaler.domain.intensity import Basis, Signal
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    a_case,
    a_plan,
    a_reading,
    a_series,
    preferred,
    some_settings,
)

# One hundred hours, each as dirty as its number.
HUNDRED = a_series(*range(100, 0, -1))


def limit_of(series: RegionSeries, now: datetime = NOW, **settings: object) -> float | None:
    limit = quantile.limit_at(series, some_settings(**settings), now)
    return None if limit is None else limit.grams_per_kwh


@pytest.mark.parametrize(
    ("percent", "limit"),
    [(0.5, 1), (1.0, 1), (1.1, 2), (7.0, 7), (30.0, 30), (50.0, 50), (99.9, 100), (100.0, 100)],
)
def test_the_quantile_is_the_smallest_value_that_the_share_lies_at_or_below(
    percent: float, limit: float
):
    assert limit_of(HUNDRED, quantile_percent=percent) == limit


@pytest.mark.parametrize(
    ("window", "limit"), [(DAY, 12.0), (2 * DAY, 24.0), (4 * DAY, 48.0), (8 * DAY, 50.0)]
)
def test_only_the_window_counts(window: timedelta, limit: float):
    assert limit_of(HUNDRED, quantile_percent=50.0, quantile_window=window) == limit


def test_values_count_by_how_long_they_last():
    starts = [NOW - 40 * HOUR + index * HOUR for index in range(40)]
    short = [NOW + index * 5 * MINUTE for index in range(12)]
    series = a_series(*[300.0] * 40, *[100.0] * 12, starts=starts + short)
    now = NOW + 55 * MINUTE
    # Twelve of 52 values are the least, but the last of them is all of an hour.
    assert limit_of(series, now, quantile_percent=4.5) == 100.0
    assert limit_of(series, now, quantile_percent=5.0) == 300.0


def test_a_value_before_a_gap_counts_for_an_hour():
    before, after = a_series(*[100.0] * 30), [NOW + 6 * HOUR + index * HOUR for index in range(30)]
    starts = [NOW - (29 - index) * HOUR for index in range(30)]
    series = a_series(*before.grams_per_kwh, *[300.0] * 30, starts=starts + after)
    assert limit_of(series, after[-1], quantile_percent=50.0) == 100.0
    assert limit_of(series, after[-1], quantile_percent=50.9) == 300.0


def test_a_value_that_may_be_used_for_less_than_an_hour_counts_for_less():
    series = a_series(*[100.0] * 47, usable_for=30 * MINUTE)
    assert limit_of(series) is None
    assert limit_of(a_series(*[100.0] * 48, usable_for=30 * MINUTE)) == 100.0


@pytest.mark.parametrize(
    ("series", "known"),
    [
        (a_series(), False),
        (a_series(100.0, since=NOW + HOUR), False),
        (a_series(*[100.0] * 23), False),
        (a_series(*[100.0] * 24), True),
        (a_series(*[100.0] * 30, since=NOW - 20 * HOUR), False),
    ],
    ids=["nothing", "nothing has begun", "23 hours", "24 hours", "some are still to come"],
)
def test_less_than_a_day_of_the_past_is_too_little(series: RegionSeries, known: bool):
    assert (limit_of(series) is not None) is known


def ruling_of(grams: float, series: RegionSeries = HUNDRED, **stated: object):
    plan = a_plan(strategy=Strategy.QUANTILE, **stated)
    return quantile.rule(a_case(plan, series=series, reading=a_reading(grams)))


@pytest.mark.parametrize(
    ("grams", "outcome", "reason"),
    [
        (29.0, Outcome.OPEN, "within_quantile"),
        (30.0, Outcome.OPEN, "within_quantile"),
        (30.1, Outcome.CLOSED, "above_quantile"),
        (float("nan"), Outcome.CLOSED, "above_quantile"),
    ],
)
def test_the_gate_is_open_at_the_quantile_and_below(grams: float, outcome: Outcome, reason: str):
    ruling = ruling_of(grams)
    assert ruling is not None
    assert (ruling.outcome, ruling.reason) == (outcome, reason)


def test_the_ruling_says_what_was_compared_and_where_it_opens():
    closed, opened = ruling_of(45.0), ruling_of(12.0)
    assert closed is not None
    assert opened is not None
    assert closed.text == (
        "45 g/kWh is not among the cleanest 30 % of the last 7d, which end at 30"
    )
    assert closed.remedy == "it opens at 30 g/kWh and below"
    assert opened.text == "12 g/kWh is among the cleanest 30 % of the last 7d, which end at 30"
    assert not opened.remedy
    assert closed.figures["past_hours"] == 100.0


@pytest.mark.parametrize(("bonus", "outcome"), [(9, Outcome.CLOSED), (10, Outcome.OPEN)])
def test_a_preferred_hour_counts_cleaner_and_what_is_equal_but_for_rounding_is_equal(
    bonus: float, outcome: Outcome
):
    ruling = ruling_of(30 / 0.9, windows=(preferred(11, 15, bonus),))
    assert ruling is not None
    assert ruling.outcome is outcome


def test_without_a_value_or_a_series_or_on_another_basis_it_cannot_tell():
    plan = a_plan(strategy=Strategy.QUANTILE)
    marginal = a_reading(10.0, basis=Basis(signal=Signal.MARGINAL))
    cases = [
        a_case(plan),
        a_case(plan, reading=a_reading(10.0)),
        a_case(plan, series=a_series()),
        a_case(plan, series=HUNDRED, reading=marginal),
        a_case(plan, series=a_series(*[10.0] * 23)),
    ]
    assert [quantile.rule(case) for case in cases] == [None] * 5


@pytest.mark.parametrize(
    ("series", "now", "moves_at"),
    [
        (HUNDRED, NOW, None),
        (a_series(*range(50), since=NOW - 40 * HOUR), NOW, NOW + HOUR),
        (a_series(*range(50), since=NOW - 40 * HOUR), NOW + 30 * MINUTE, NOW + HOUR),
    ],
    ids=["no next one is known", "the next begins", "within the hour"],
)
def test_the_limit_moves_when_the_next_value_begins(
    series: RegionSeries, now: datetime, moves_at: datetime | None
):
    limit = quantile.limit_at(series, some_settings(), now)
    assert limit is not None
    assert limit.moves_at == moves_at


def test_a_source_that_lags_leaves_the_window_as_long_as_it_is():
    series = a_series(*range(40, 0, -1))
    limits = [
        limit_of(series, NOW + late, quantile_window=DAY, quantile_percent=50.0)
        for late in (0 * HOUR, HOUR, 3 * HOUR)
    ]
    assert limits == [12.0] * 3


def test_a_decision_by_quantile_changes_with_the_next_value():
    series = a_series(*[100.0] * 60, *[900.0] * 61, 500.0, since=NOW - 120 * HOUR)
    plan = a_plan(strategy=Strategy.QUANTILE, max_delay=DAY)
    before = decide(plan, Inputs(series=series), NOW)
    assert (before.reason, before.changes_at) == ("above_quantile", NOW + HOUR)
    assert before.rulings[-1].until == NOW + HOUR
