from datetime import UTC, datetime, timedelta

import pytest

from carbon_scaler.domain.observation import ForecastPoint
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.forecast_points import SHORTEST_PADDING, forecast_points, tidied

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)


def _hourly(*values: float) -> list[tuple[datetime, float]]:
    return [(NOON + index * HOUR, value) for index, value in enumerate(values)]


def _grams(values: list[tuple[datetime, float]], *, now: datetime = NOON) -> list[float]:
    return [point.grams_per_kwh for point in forecast_points(values, now=now, step=HOUR)]


def test_points_come_in_order_and_once_and_the_last_word_counts() -> None:
    values = [*reversed(_hourly(1, 2, 3)), (NOON + HOUR, 20.0)]

    points = forecast_points(values, now=NOON, step=HOUR)

    assert [point.grams_per_kwh for point in points] == [1, 20, 3]
    assert [point.target_at for point in points] == [NOON, NOON + HOUR, NOON + 2 * HOUR]
    assert {point.lasts for point in points} == {HOUR}


def test_the_interval_that_runs_is_kept_and_the_one_that_ended_is_not() -> None:
    assert _grams(_hourly(1, 2, 3), now=NOON + 1.5 * HOUR) == [2, 3]
    assert _grams(_hourly(1, 2, 3), now=NOON + HOUR) == [2, 3]


def test_a_gap_stays_a_gap() -> None:
    first, second, third, fourth = _hourly(1, 2, 3, 4)

    points = forecast_points([first, second, fourth], now=NOON, step=HOUR)

    assert points[1].target_at + points[1].lasts == third[0]


def test_a_finer_step_within_one_answer_is_taken_as_it_is() -> None:
    values = [*_hourly(1, 2), (NOON + HOUR + QUARTER, 3.0), (NOON + HOUR + 2 * QUARTER, 4.0)]

    points = forecast_points(values, now=NOON, step=HOUR)

    assert [point.lasts for point in points] == [HOUR, QUARTER, QUARTER, QUARTER]


def test_a_quarter_that_ended_is_left_out_although_an_hour_would_not_have() -> None:
    values = [(NOON + index * QUARTER, float(index)) for index in range(4)]

    assert _grams(values, now=NOON + 1.5 * QUARTER) == [1, 2, 3]


def test_a_padded_tail_is_cut_after_its_first_value() -> None:
    assert _grams(_hourly(9, 8, *[7] * SHORTEST_PADDING)) == [9, 8, 7]


def test_a_short_calm_at_the_end_is_no_padding() -> None:
    calm = [7.0] * (SHORTEST_PADDING - 1)

    assert _grams(_hourly(9, 8, *calm)) == [9, 8, *calm]


def test_equal_values_before_the_end_are_no_padding() -> None:
    values = [7.0] * 10 + [8.0]

    assert _grams(_hourly(*values)) == values


def test_a_forecast_that_is_flat_all_along_has_no_tail_to_cut() -> None:
    assert _grams(_hourly(*[28.0] * 24)) == [28.0] * 24


def test_a_value_below_zero_is_left_out_and_zero_is_not() -> None:
    assert _grams(_hourly(-1, 0, 3387)) == [0, 3387]


def test_nothing_gives_nothing_and_one_point_lasts_a_step() -> None:
    assert forecast_points([], now=NOON, step=HOUR) == ()
    assert forecast_points(_hourly(5), now=NOON, step=HOUR)[0].lasts == HOUR


def _point(hour: int, value: float) -> ForecastPoint:
    return ForecastPoint(target_at=NOON + hour * HOUR, lasts=HOUR, grams_per_kwh=value)


def test_tidied_points_are_in_order_and_once_and_without_padding() -> None:
    points = [_point(hour, max(7.0, 9.0 - hour)) for hour in range(10)]

    assert tidied([*reversed(points), points[0]]) == tuple(points[:3])


def test_two_tidied_points_that_disagree_are_refused() -> None:
    with pytest.raises(FieldError, match="two different forecasts for 2026-03-01T12:00Z"):
        tidied([_point(0, 1), _point(0, 2)])
