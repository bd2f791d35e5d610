from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hours import HourlyHistory, instant_of
from carbon_scaler.forecasting.zone import ZoneForecaster
from tests.unit.forecasting.grids import AHEAD, FIRST, a_grid, some_grams, some_priors

HOUR = timedelta(hours=1)


def fed(history: HourlyHistory, average: float | None = None) -> ZoneForecaster:
    forecaster = ZoneForecaster(some_priors(), average)
    forecaster.learn(history)
    return forecaster


def issued(history: HourlyHistory, average: float | None = None) -> Forecast:
    forecast = fed(history, average).issue(history.known_until)
    assert forecast is not None
    return forecast


def test_without_history_or_average_nothing_is_expected():
    assert ZoneForecaster(some_priors()).issue(instant_of(FIRST)) is None


def test_without_history_the_average_stands_in_from_the_present_hour_on():
    forecast = ZoneForecaster(some_priors(), 320.0).issue(instant_of(FIRST) + 0.5 * HOUR)
    assert forecast is not None
    assert forecast.model == "static_average"
    assert forecast.known_until is None
    assert forecast.expected_at(instant_of(FIRST)) == 320.0
    assert (forecast.lower < 320.0).all()
    assert (forecast.upper > 320.0).all()


@pytest.mark.parametrize(
    ("hours", "model"),
    [
        (1, "static_average"),
        (23, "static_average"),
        (24, "profile_offset"),
        (191, "profile_offset"),
        (192, "regression"),
        (700, "regression"),
    ],
)
def test_each_length_of_history_has_its_model(hours: int, model: str):
    assert issued(a_grid(hours), average=320.0).model == model


def test_without_an_average_the_present_value_stays_until_a_day_is_known():
    forecast = issued(a_grid(5))
    assert forecast.model == "persistence"
    np.testing.assert_array_equal(forecast.grams, a_grid(5).grams[-1])


def test_the_average_joins_on_to_the_present_value():
    history = HourlyHistory(first=FIRST, grams=np.array([200.0]))
    forecast = issued(history, average=300.0)
    assert forecast.grams[0] == pytest.approx(300.0 - 100.0 * 0.9)
    assert forecast.grams[-1] == pytest.approx(300.0 - 100.0 * 0.9**AHEAD)


def test_it_covers_the_hours_after_the_last_measured_one():
    forecast = issued(a_grid(300))
    assert forecast.starts[0] == (FIRST + 300) * 3600
    assert len(forecast.grams) == AHEAD
    assert np.diff(forecast.starts).tolist() == [3600.0] * (AHEAD - 1)
    assert forecast.known_until == instant_of(FIRST + 300)


def test_hours_that_are_measured_late_are_expected_too():
    forecaster = fed(a_grid(300))
    now = instant_of(FIRST + 302) + 0.5 * HOUR
    late = forecaster.issue(now)
    assert late is not None
    assert late.issued_at == now
    assert late.known_until == instant_of(FIRST + 300)
    np.testing.assert_array_equal(late.grams, issued(a_grid(300)).grams)
    assert late.expected_at(now) == late.grams[2]


def test_a_history_that_ended_long_ago_leaves_the_average():
    now = instant_of(FIRST + 300 + AHEAD)
    assert fed(a_grid(300)).issue(now) is None
    standing_in = fed(a_grid(300), 320.0).issue(now)
    assert standing_in is not None
    assert standing_in.model == "static_average"


def test_hours_after_now_are_taken_for_unknown():
    forecast = fed(a_grid(400)).issue(instant_of(FIRST + 299))
    assert forecast is not None
    np.testing.assert_array_equal(forecast.grams, issued(a_grid(300)).grams)


@pytest.mark.parametrize(
    "since",
    [
        440,  # after the last fit
        400,  # before the last fit
        200,  # before the first
        100,  # before anything was learned
    ],
)
def test_a_revised_hour_counts_as_if_it_had_come_like_that(since: int):
    revised = HourlyHistory(first=FIRST + since, grams=some_grams(10, seed=9))
    forecaster = fed(a_grid(450))
    forecaster.learn(revised)
    again = forecaster.issue(instant_of(FIRST + 450))
    anew = issued(a_grid(450).joined(revised))
    assert again is not None
    np.testing.assert_allclose(again.grams, anew.grams, rtol=1e-9)
    np.testing.assert_allclose(again.upper, anew.upper, rtol=1e-9)


def test_unknown_hours_at_the_end_are_not_measured():
    grams = np.append(some_grams(300), [np.nan, np.nan])
    forecaster = fed(HourlyHistory(first=FIRST, grams=grams))
    assert forecaster.known_until == instant_of(FIRST + 300)


def test_older_history_starts_anew():
    forecaster = fed(HourlyHistory(first=FIRST + 50, grams=some_grams(300)[50:]))
    forecaster.learn(a_grid(300))
    again = forecaster.issue(instant_of(FIRST + 300))
    assert again is not None
    np.testing.assert_array_equal(again.grams, issued(a_grid(300)).grams)


def test_a_repeated_last_value_is_not_measured():
    repeated = np.concatenate([some_grams(300), np.full(9, 250.0)])
    forecast = fed(HourlyHistory(first=FIRST, grams=repeated)).issue(instant_of(FIRST + 309))
    assert forecast is not None
    assert forecast.known_until == instant_of(FIRST + 301)
    assert forecast.expected_at(instant_of(FIRST + 309)) == forecast.grams[8]


def test_a_missing_month_falls_back_to_what_is_known_since():
    grams = some_grams(2000)
    grams[1000:1720] = np.nan
    for hours, model in ((1721, "persistence"), (1760, "profile_offset"), (2000, "regression")):
        forecast = issued(HourlyHistory(first=FIRST, grams=grams[:hours]))
        assert forecast.model == model
        assert np.isfinite(forecast.grams).all()


def test_single_missing_hours_change_little():
    grams = some_grams(1000)
    holed = grams.copy()
    holed[np.arange(5, 995, 17)] = np.nan
    whole = issued(HourlyHistory(first=FIRST, grams=grams))
    missing = issued(HourlyHistory(first=FIRST, grams=holed))
    assert missing.model == "regression"
    np.testing.assert_allclose(missing.grams, whole.grams, rtol=0.1)


def test_a_constant_grid_stays_constant():
    forecast = issued(HourlyHistory(first=FIRST, grams=np.full(400, 24.0)))
    np.testing.assert_allclose(forecast.grams, 24.0, rtol=1e-12)


def test_a_grid_of_nothing_but_zeros_is_expected_to_stay():
    forecast = issued(HourlyHistory(first=FIRST, grams=np.zeros(400)))
    np.testing.assert_array_equal(forecast.grams, 0.0)


def test_the_recent_error_is_told():
    forecast = issued(a_grid(800))
    assert forecast.accuracy is not None
    assert forecast.accuracy.model == forecast.model
    assert 0 < forecast.accuracy.percent < 20


def test_all_models_are_scored_on_the_same_pairs():
    scores = fed(a_grid(800), 320.0).scores()
    assert set(scores) == {
        "regression",
        "profile_offset",
        "yesterday",
        "static_average",
        "persistence",
    }
    assert len({score.pairs for score in scores.values()}) == 1
    assert fed(a_grid(100)).scores() == {}
    assert ZoneForecaster(some_priors()).scores() == {}


def test_a_model_that_is_worse_than_no_model_is_not_used_and_told():
    # A wave of a day for a month, and then a level that only its last value tells.
    random = np.random.default_rng(3)
    wave = 300 + 100 * np.sin(2 * np.pi * np.arange(900) / 24)
    steps = np.repeat(random.uniform(100, 500, 20), 60)[:1000] + random.uniform(0, 1, 1000)
    forecast = issued(HourlyHistory(first=FIRST, grams=np.concatenate([wave, steps])))
    assert forecast.model == "persistence"
    assert [r.accuracy.model for r in forecast.rejected] == ["regression", "profile_offset"]
    for rejection in forecast.rejected:
        assert rejection.better.grams < rejection.accuracy.grams


def test_bounds_come_from_own_errors_once_there_are_enough():
    wide = replace(some_priors(), lower=np.full(AHEAD, -50.0), upper=np.full(AHEAD, 50.0))
    young, old = (ZoneForecaster(wide) for _ in range(2))
    young.learn(a_grid(192 + 10 * 24))
    old.learn(a_grid(192 + 40 * 24))
    first = young.issue(instant_of(FIRST + 192 + 10 * 24))
    later = old.issue(instant_of(FIRST + 192 + 40 * 24))
    assert first is not None
    assert later is not None
    assert (first.upper - first.grams > 1000).all()
    assert (later.upper - later.grams < 100).all()
    assert (later.upper - later.lower > 10).all()


def test_nothing_is_expected_beyond_the_forecast():
    forecast = issued(a_grid(300))
    before, after = instant_of(FIRST + 299), instant_of(FIRST + 300 + AHEAD)
    assert forecast.expected_at(before) is None
    assert forecast.expected_at(after) is None


def test_known_until_is_where_the_last_measured_hour_ends():
    assert ZoneForecaster(some_priors()).known_until is None
    assert fed(a_grid(30)).known_until == instant_of(FIRST + 30)


def test_instants_are_aware():
    until = a_grid(3).known_until
    assert isinstance(until, datetime)
    assert until.utcoffset() == timedelta(0)
