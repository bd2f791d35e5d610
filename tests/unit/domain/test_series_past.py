from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from carbon_scaler.domain.series_past import SourceChange, missing_hours, source_change
from carbon_scaler.domain.snapshot import RegionSeries
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, a_series
from tests.grid_builders import an_average, an_outlook


def from_sources(*sources: str) -> RegionSeries:
    """One hourly value of each, the last one at NOW."""
    return replace(a_series(*[300.0] * len(sources)), sources=sources)


# Who gave it


def test_values_of_one_source_tell_no_change():
    assert source_change(from_sources("neso", "neso", "neso"), NOW) is None


def test_a_change_of_source_is_told_with_its_instant():
    series = from_sources("neso", "electricity_maps", "electricity_maps", "neso", "neso")
    assert source_change(series, NOW) == SourceChange(
        former="electricity_maps", present="neso", since=NOW - HOUR
    )


def test_only_values_that_have_begun_count():
    series = from_sources("neso", "neso", "electricity_maps")
    assert source_change(series, NOW - SECOND) is None
    assert source_change(series, NOW).since == NOW


def test_where_a_forecast_or_an_average_counts_the_last_observed_value_came_before_it():
    series = replace(from_sources("neso"), average=an_average())
    assert source_change(series, NOW + 5 * HOUR) == SourceChange(
        former="neso", present="static", since=NOW + 2 * HOUR
    )


def test_a_forecast_of_the_same_source_is_no_change_of_source():
    series = replace(
        from_sources("electricity_maps", "neso"),
        outlook=an_outlook(50, since=NOW + 5 * HOUR, source="neso"),
    )
    assert source_change(series, NOW + 5 * HOUR) == SourceChange(
        former="electricity_maps", present="neso", since=NOW
    )


@pytest.mark.parametrize(
    "series",
    [
        a_series(since=NOW),
        replace(a_series(since=NOW), average=an_average()),
        a_series(300, since=NOW + HOUR),
    ],
    ids=["nothing", "only an average", "only what is to come"],
)
def test_without_a_former_value_nothing_changed(series: RegionSeries):
    assert source_change(series, NOW) is None


# What is missing


def hourly(*, but: set[int], of: int = 200, every: int = 1) -> RegionSeries:
    """Hours before NOW from `of` on, without those."""
    ages = [age for age in range(of, -1, -every) if age not in but]
    return a_series(*[300.0] * len(ages), starts=[NOW - age * HOUR for age in ages])


@pytest.mark.parametrize(
    ("but", "missing"),
    [
        (set(), 0),
        ({50}, 1),
        ({50, 51, 90}, 3),
        ({0, 1}, 0),
        ({0, 1, 2}, 1),
        ({168}, 1),
        ({169}, 0),
    ],
    ids=["none", "one", "three", "on their way", "overdue", "the oldest", "before the week"],
)
def test_hours_without_a_value_are_counted_over_a_week(but: set[int], missing: int):
    assert missing_hours(hourly(but=but), NOW) == missing


@pytest.mark.parametrize("now", [NOW, NOW + 59 * MINUTE], ids=str)
def test_the_minute_does_not_matter(now: datetime):
    assert missing_hours(hourly(but={50}), now) == 1


def test_hours_before_the_first_value_are_not_missing():
    assert missing_hours(hourly(but={5}, of=10), NOW) == 1


def test_an_outage_that_began_before_what_is_loaded_is_seen_up_to_its_end():
    series = replace(hourly(but=set(), of=20), first_at=NOW - 30 * DAY)
    assert missing_hours(series, NOW) == 168 - 20


def five_minutely(*, without_hour: int | None) -> RegionSeries:
    """From 07:00 to NOW."""
    starts = [NOW - 5 * HOUR + step * 5 * MINUTE for step in range(61)]
    kept = [start for start in starts if start.hour != without_hour]
    return a_series(*[300.0] * len(kept), starts=kept)


@pytest.mark.parametrize(("without_hour", "missing"), [(None, 0), (9, 1)])
def test_several_values_in_an_hour_fill_it_once(without_hour: int | None, missing: int):
    assert missing_hours(five_minutely(without_hour=without_hour), NOW) == missing


def test_what_is_too_dense_to_be_loaded_whole_is_judged_from_its_first_row_on():
    seconds = [NOW - step * SECOND for step in range(2500, -1, -1)]
    series = a_series(*np.full(len(seconds), 300.0), starts=seconds, first_at=NOW - 7 * DAY)
    assert missing_hours(series, NOW) == 0


def test_a_region_that_never_had_a_value_misses_none():
    assert missing_hours(replace(a_series(since=NOW), first_at=None), NOW) == 0
