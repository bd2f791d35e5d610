from datetime import UTC, datetime

import numpy as np
import pytest

from carbon_scaler.forecasting.hours import EMPTY, HourlyHistory, hour_of, hourly, instant_of
from tests.unit.forecasting.grids import FIRST, a_grid, some_grams

START = FIRST * 3600.0


def hours_of(*grams: float) -> HourlyHistory:
    return HourlyHistory(first=FIRST, grams=np.array(grams, dtype=float))


def test_hourly_values_stay_as_they_are():
    history = hourly(START + 3600 * np.arange(3), np.array([100.0, 200.0, 300.0]))
    assert history.first == FIRST
    assert history.grams.tolist() == [100.0, 200.0, 300.0]
    assert history.known_until == datetime(2022, 1, 1, 3, tzinfo=UTC)


def test_shorter_values_are_averaged_by_how_long_they_last():
    starts = START + np.array([0.0, 900.0, 3600.0])
    history = hourly(starts, np.array([100.0, 500.0, 300.0]), np.array([900.0, 2700.0, 3600.0]))
    assert history.grams.tolist() == [400.0, 300.0]


def test_without_lengths_a_value_lasts_until_the_next_one_and_an_hour_at_most():
    starts = START + np.array([0.0, 1800.0, 3 * 3600.0])
    history = hourly(starts, np.array([100.0, 200.0, 300.0]))
    np.testing.assert_array_equal(history.grams, [150.0, 200.0, np.nan, 300.0])


def test_a_value_of_three_hours_counts_in_each():
    history = hourly(np.array([START]), np.array([100.0]), np.array([10_800.0]))
    assert history.grams.tolist() == [100.0, 100.0, 100.0]


def test_an_hour_that_is_hardly_covered_is_not_known():
    starts = START + np.array([0.0, 3600.0])
    history = hourly(starts, np.array([100.0, 200.0]), np.array([3600.0, 900.0]))
    assert history.grams.tolist() == [100.0]


def test_a_missing_hour_stays_unknown():
    history = hourly(START + 3600 * np.array([0.0, 2.0]), np.array([100.0, 300.0]))
    np.testing.assert_array_equal(history.grams, [100.0, np.nan, 300.0])


def test_of_two_values_with_one_start_the_later_counts():
    history = hourly(np.array([START, START]), np.array([100.0, 200.0]))
    assert history.grams.tolist() == [200.0]


def test_the_order_of_values_does_not_matter():
    starts = START + 3600 * np.array([2.0, 0.0, 1.0])
    assert hourly(starts, np.array([3.0, 1.0, 2.0])).grams.tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_what_is_no_intensity_is_not_there(bad: float):
    history = hourly(START + 3600 * np.arange(3), np.array([100.0, bad, 300.0]))
    np.testing.assert_array_equal(history.grams, [100.0, np.nan, 300.0])


def test_no_values_are_no_history():
    history = hourly(np.empty(0), np.empty(0))
    assert history.grams.tolist() == []


def test_a_last_value_repeated_for_more_than_six_hours_is_cut():
    history = hours_of(*some_grams(48), *[250.0] * 8)
    assert history.without_repeated_tail().grams.tolist() == [*some_grams(48), 250.0]


def test_a_last_value_repeated_for_six_hours_stays():
    history = hours_of(*some_grams(48), *[250.0] * 6)
    assert history.without_repeated_tail() is history


def test_a_grid_that_stands_still_by_itself_is_not_cut():
    always = hours_of(*[24.0] * 100)
    often = hours_of(*[24.0] * 20, *[30.0] * 12, *[24.0] * 15)
    assert always.without_repeated_tail() is always
    assert often.without_repeated_tail() is often


def test_until_ends_with_a_known_hour():
    history = hours_of(1.0, 2.0, np.nan, 4.0)
    assert history.until(FIRST + 3).grams.tolist() == [1.0, 2.0]
    assert history.until(FIRST).grams.tolist() == []


def test_newer_hours_join_on_and_revise():
    joined = hours_of(1.0, 2.0, 3.0).joined(
        HourlyHistory(first=FIRST + 1, grams=np.array([9.0, np.nan, 4.0]))
    )
    assert joined.first == FIRST
    assert joined.grams.tolist() == [1.0, 9.0, 3.0, 4.0]


def test_joining_with_nothing_changes_nothing():
    history = a_grid(5)
    assert history.joined(EMPTY) is history
    assert EMPTY.joined(history) is history


def test_a_gap_between_two_histories_is_unknown():
    joined = hours_of(1.0).joined(HourlyHistory(first=FIRST + 2, grams=np.array([3.0])))
    np.testing.assert_array_equal(joined.grams, [1.0, np.nan, 3.0])


def test_hours_and_instants_agree():
    assert instant_of(FIRST) == datetime(2022, 1, 1, tzinfo=UTC)
    assert hour_of(datetime(2022, 1, 1, 0, 59, tzinfo=UTC)) == FIRST


def test_values_without_any_intensity_are_no_history():
    starts = START + 3600 * np.arange(2)
    assert hourly(starts, np.array([np.nan, -5.0])).grams.tolist() == []
    assert hourly(starts, np.array([1.0, 2.0]), np.array([60.0, 60.0])).grams.tolist() == []
    assert EMPTY.without_repeated_tail() is EMPTY


@pytest.mark.parametrize(("begins", "hours"), [(0.0, 24), (1800.0, 25)])
def test_the_longest_value_counts_for_a_day(begins: float, hours: int):
    history = hourly(np.array([START + begins]), np.array([7.0]), np.array([90 * 86_400.0]))
    assert history.grams.tolist() == [7.0] * hours
