import numpy as np
import pytest

from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hindcast import hindcast
from carbon_scaler.forecasting.hours import Column, HourlyHistory, instant_of
from carbon_scaler.forecasting.zone import ZoneForecaster
from tests.unit.forecasting.grids import FIRST, some_grams

# A day ahead is what models are judged by; less to compute than all hours.
PRIORS = load_priors().up_to(24)


def issued(grams: Column, average: float | None) -> Forecast:
    forecaster = ZoneForecaster(PRIORS, average)
    forecaster.learn(HourlyHistory(first=FIRST, grams=grams))
    forecast = forecaster.issue(instant_of(FIRST + len(grams) - 0.5))
    assert forecast is not None
    return forecast


def turbulent(hours: int) -> Column:
    """A wave of a day, then steps that only the last value tells, then the wave again."""
    random = np.random.default_rng(3)
    steps = np.repeat(random.uniform(100, 500, 20), 60)[:1000] + random.uniform(0, 1, 1000)
    return np.concatenate([some_grams(500), steps, some_grams(500)])[:hours]


@pytest.mark.parametrize("average", [None, 320.0])
def test_each_row_is_what_was_issued_at_its_hour(average: float | None):
    grams = turbulent(1900)
    grams[[30, 310, 311, 800]] = np.nan
    every = hindcast(HourlyHistory(first=FIRST, grams=grams), PRIORS, average)
    for hour in (0, 5, 23, 24, 191, 192, 500, 700, 1000, 1400, 1899):
        live = issued(grams[: hour + 1], average)
        assert every.models[hour] == live.model
        np.testing.assert_allclose(every.paths[hour], live.grams, rtol=1e-9)


def test_the_turbulent_grid_has_each_model_in_its_time():
    models = hindcast(HourlyHistory(first=FIRST, grams=turbulent(1900)), PRIORS, 320.0).models
    assert set(models) >= {"static_average", "profile_offset", "regression", "persistence"}


def test_at_an_hour_that_was_not_measured_nothing_is_issued():
    grams = some_grams(300)
    grams[250] = np.nan
    every = hindcast(HourlyHistory(first=FIRST, grams=grams), PRIORS)
    assert every.models[250] == ""
    assert np.isnan(every.paths[250]).all()


def test_looking_less_far_ahead_changes_nothing_of_the_hours_that_are_left():
    history = HourlyHistory(first=FIRST, grams=some_grams(900))
    far, near = (hindcast(history, load_priors().up_to(ahead)) for ahead in (51, 24))
    assert near.paths.shape == (900, 24)
    assert near.models == far.models
    np.testing.assert_allclose(near.paths, far.paths[:, :24], rtol=1e-9)
