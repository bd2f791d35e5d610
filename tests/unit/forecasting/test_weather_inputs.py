import numpy as np

from carbon_scaler.forecasting.hours import Column, HourlyHistory
from carbon_scaler.forecasting.levels import NO_LEVELS
from carbon_scaler.forecasting.weather import DRIVERS, NO_WEATHER, Weather, WeatherForecast
from carbon_scaler.forecasting.weather_inputs import WEATHER_WIDTH, is_known, weather_rows
from tests.unit.forecasting.grids import FIRST, some_grams, some_weather

HOURS = 400
ORIGIN = np.array([HOURS - 1])
GRAMS = some_grams(HOURS)


def rows_of(weather: Weather, *, factor: float = 1.0, learning: bool = False) -> Column:
    history = HourlyHistory(first=FIRST, grams=factor * GRAMS)
    levels = NO_LEVELS.continued(history.grams)
    return weather_rows(weather, history, levels, ORIGIN, ahead=24, learning=learning)


def steady(hours: int, *, issued: int = FIRST, gust_at: int | None = None) -> Weather:
    """The same weather in all hours but one."""
    wind = np.full(hours, 6.0)
    if gust_at is not None:
        wind[gust_at] = 11.0
    return NO_WEATHER.joined(
        [
            WeatherForecast(
                issued=issued,
                first=issued,
                wind_metres_per_second=wind,
                temperature_celsius=np.full(hours, 20.0),
                radiation_watts_per_square_metre=np.full(hours, 100.0),
            )
        ]
    )


def test_without_weather_all_inputs_are_zero():
    assert not rows_of(NO_WEATHER).any()
    assert rows_of(NO_WEATHER).shape == (24, 1, WEATHER_WIDTH)


def test_steady_weather_is_nothing_unusual_but_known():
    rows = rows_of(steady(HOURS + 24))
    np.testing.assert_allclose(rows[:, :, :-1], 0.0, atol=1e-12)
    assert is_known(rows).all()


def test_a_gust_in_one_hour_to_come_is_seen_for_that_hour_alone():
    rows = rows_of(steady(HOURS + 24, gust_at=HOURS + 4))
    changed = np.abs(rows[:, 0, :-1]).max(-1) > 1e-9
    assert np.flatnonzero(changed).tolist() == [4]
    # Against the week's hours and the newest day's, wind and turbines.
    assert np.flatnonzero(rows[4, 0] > 1e-9).tolist() == [0, 1, DRIVERS, DRIVERS + 1, 20]


def test_hours_beyond_the_weather_forecast_are_as_without():
    rows = rows_of(steady(HOURS + 10, gust_at=HOURS + 4))
    assert is_known(rows)[:, 0].tolist() == [True] * 10 + [False] * 14
    assert not rows[10:].any()


def test_weather_without_a_past_to_compare_it_with_is_not_known():
    assert not rows_of(steady(24, issued=FIRST + HOURS - 1)).any()


def test_a_few_days_of_weather_are_enough():
    assert is_known(rows_of(steady(24 + 72, issued=FIRST + HOURS - 72))).all()


def test_other_units_of_intensity_change_nothing():
    weather = NO_WEATHER.joined(some_weather(HOURS))
    np.testing.assert_allclose(rows_of(weather, factor=1e-3), rows_of(weather), rtol=1e-9)


def test_a_flat_grid_has_no_use_for_weather():
    history = HourlyHistory(first=FIRST, grams=np.zeros(HOURS))
    levels = NO_LEVELS.continued(history.grams)
    weather = NO_WEATHER.joined(some_weather(HOURS))
    rows = weather_rows(weather, history, levels, ORIGIN, ahead=24)
    assert not rows[:, :, :-1].any()


def test_what_is_issued_after_the_origin_serves_learning_alone():
    later = steady(24, issued=FIRST + HOURS, gust_at=4)
    weather = steady(HOURS).joined(later.issues)
    assert not is_known(rows_of(weather)).any()
    assert is_known(rows_of(weather, learning=True)).all()
