from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.weather import DRIVERS, NO_WEATHER, Weather, WeatherForecast
from tests.unit.forecasting.grids import some_weather

START = 1000


def an_issue(issued: int, wind: list[float], *, first: int | None = None) -> WeatherForecast:
    column = np.array(wind, dtype=np.float64)
    return WeatherForecast(
        issued=issued,
        first=issued if first is None else first,
        wind_metres_per_second=column,
        temperature_celsius=np.full(len(column), 18.0),
        radiation_watts_per_square_metre=np.zeros(len(column)),
    )


def winds(drivers: Column) -> list[float | None]:
    """Metres per second again; None where the weather is not known."""
    return [None if np.isnan(value) else round(float(value) * 5, 6) for value in drivers[..., 0]]


def test_wind_sun_cooling_and_heating_drive_a_grid():
    issue = replace(
        an_issue(START, [6.0, 12.0, 24.0]),
        temperature_celsius=np.array([28.0, 18.0, -2.0]),
        radiation_watts_per_square_metre=np.array([0.0, 200.0, 800.0]),
    )
    np.testing.assert_allclose(
        issue.drivers(),
        [[1.2, 0.125, 0.0, 1.0, 0.0], [2.4, 1.0, 0.5, 0.0, 0.0], [4.8, 1.0, 2.0, 0.0, 2.0]],
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("wind_metres_per_second", -1.0),
        ("wind_metres_per_second", 1e6),
        ("wind_metres_per_second", np.nan),
        ("temperature_celsius", -273.15),  # a blank in kelvin
        ("temperature_celsius", np.inf),
        ("radiation_watts_per_square_metre", -9999.0),
    ],
)
def test_an_hour_with_a_missing_or_impossible_value_is_not_known(column: str, value: float):
    spoilt = replace(an_issue(START, [7.0, 7.0]), **{column: np.array([value, 10.0])})
    weather = NO_WEATHER.joined([spoilt])
    known = np.isfinite(weather.said(START, START + 2)).all(-1)
    assert known.tolist() == [False, True]


def test_each_past_hour_is_as_last_said_before_it_came():
    weather = NO_WEATHER.joined([an_issue(START + 2, [5.0] * 4), an_issue(START, [1.0] * 4)])
    said = weather.said(START - 1, START + 7)
    assert winds(said) == [None, 1.0, 1.0, 5.0, 5.0, 5.0, 5.0, None]


def test_what_an_issue_says_of_the_hours_before_it_does_not_count():
    weather = NO_WEATHER.joined([an_issue(START + 2, [4.0] * 4, first=START)])
    assert winds(weather.said(START, START + 4)) == [None, None, 4.0, 4.0]


def test_an_issue_is_known_from_its_hour_on():
    weather = NO_WEATHER.joined([an_issue(START, [1.0] * 9), an_issue(START + 3, [5.0] * 9)])
    expected = weather.expected(np.array([START + 2, START + 3]), 2)
    assert winds(expected[:, 0]) == [1.0, 1.0]
    assert winds(expected[:, 1]) == [5.0, 5.0]


def test_hours_that_the_newest_issue_does_not_reach_are_left_to_the_one_before():
    weather = NO_WEATHER.joined([an_issue(START, [1.0] * 5), an_issue(START + 1, [2.0] * 2)])
    expected = weather.expected(np.array([START + 1]), 4)
    assert winds(expected[:, 0]) == [2.0, 1.0, 1.0, None]
    assert weather.is_known(np.array([START + 1]), 4).tolist() == [[True, True, True, False]]


def test_learning_reads_the_first_that_was_said_of_an_hour_after_the_origin():
    weather = NO_WEATHER.joined(
        [
            an_issue(START, [1.0, 1.0]),
            an_issue(START + 1, [2.0] * 2),
            an_issue(START + 2, [3.0] * 3),
        ]
    )
    origin = np.array([START])
    assert winds(weather.expected(origin, 5)[:, 0]) == [1.0, None, None, None, None]
    assert winds(weather.learnable(origin, 5)[:, 0]) == [1.0, 2.0, 3.0, 3.0, None]


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_all_origins_at_once_are_as_each_by_itself(seed: int):
    random = np.random.default_rng(seed)
    weather = NO_WEATHER.joined(
        an_issue(
            START + int(random.integers(0, 30)),
            list(random.uniform(0, 20, random.integers(1, 12))),
            first=START + int(random.integers(-3, 40)),
        )
        for _ in range(8)
    )
    origins = START + np.flatnonzero(random.random(36) < 0.7)
    if not len(origins):
        return
    together = weather.expected(origins, 6), weather.learnable(origins, 6)
    for column, origin in enumerate(origins):
        for hour in range(6):
            wanted = naive(weather, int(origin), int(origin) + 1 + hour)
            found = tuple(made[hour, column, 0] * 5 for made in together)
            np.testing.assert_allclose(found, wanted)


def naive(weather: Weather, origin: int, hour: int) -> tuple[float, float]:
    """What was expected of an hour at an origin, and what can be learned of it."""
    of = [i for i in weather.issues if i.first <= hour < i.end and i.issued <= hour]
    values = [float(i.wind_metres_per_second[hour - i.first]) for i in of]
    known = [value for i, value in zip(of, values, strict=True) if i.issued <= origin]
    expected = known[-1] if known else np.nan
    return expected, (known or values[:1] or [np.nan])[-1]


def test_of_two_issues_of_one_hour_the_later_given_counts():
    weather = NO_WEATHER.joined([an_issue(START, [1.0])]).joined([an_issue(START, [2.0])])
    assert len(weather.issues) == 1
    assert winds(weather.said(START, START + 1)) == [2.0]


def test_the_same_again_changes_nothing():
    weather = NO_WEATHER.joined(some_weather(48))
    assert weather.first_change(weather.joined(some_weather(48))) is None


def test_a_change_counts_from_the_hour_of_the_issue_that_is_new_or_other():
    before = NO_WEATHER.joined([an_issue(START, [1.0]), an_issue(START + 5, [1.0])])
    assert before.first_change(before.joined([an_issue(START + 7, [1.0])])) == START + 7
    assert before.first_change(before.joined([an_issue(START + 5, [2.0])])) == START + 5


def test_without_any_forecast_no_weather_is_known():
    assert not NO_WEATHER
    assert NO_WEATHER.said(START, START + 2).shape == (2, DRIVERS)
    assert np.isnan(NO_WEATHER.expected(np.array([START]), 3)).all()


def test_what_was_issued_later_was_not_known():
    weather = NO_WEATHER.joined([an_issue(START, [1.0]), an_issue(START + 1, [2.0])])
    assert [issue.issued for issue in weather.until(START + 1).issues] == [START]
