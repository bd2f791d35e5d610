import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hours import Column, HourlyHistory, instant_of
from carbon_scaler.forecasting.learner import Learner
from carbon_scaler.forecasting.zone import ZoneForecaster
from tests.unit.forecasting.grids import FIRST, some_grams

law = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# A day ahead is what models are judged by; less to compute than all hours.
PRIORS = load_priors().up_to(24)
HOURS = st.integers(1, 700)
SEEDS = st.integers(0, 1000)


def issued(grams: Column, hours: int | None = None) -> Forecast:
    forecaster = ZoneForecaster(PRIORS)
    forecaster.learn(HourlyHistory(first=FIRST, grams=grams))
    forecast = forecaster.issue(instant_of(FIRST + (len(grams) if hours is None else hours) - 0.5))
    assert forecast is not None
    return forecast


def with_gaps(grams: Column, seed: int) -> Column:
    """A tenth of the hours and one whole day unknown; the first and last are there."""
    random = np.random.default_rng(seed)
    unknown = random.random(len(grams)) < 0.1
    day = int(random.integers(0, len(grams)))
    unknown[day : day + 24] = True
    unknown[[0, -1]] = False
    return np.where(unknown, np.nan, grams)


@law
@given(hours=HOURS, seed=SEEDS, factor=st.floats(1e-3, 1e3))
def test_other_units_give_the_same_forecast_in_those_units(hours: int, seed: int, factor: float):
    grams = some_grams(hours, seed=seed)
    plain, scaled = issued(grams), issued(grams * factor)
    assert scaled.model == plain.model
    np.testing.assert_allclose(scaled.grams, plain.grams * factor, rtol=1e-9)
    np.testing.assert_allclose(scaled.lower, plain.lower * factor, rtol=1e-6)
    np.testing.assert_allclose(scaled.upper, plain.upper * factor, rtol=1e-6)


@law
@given(hours=HOURS, seed=SEEDS)
def test_nothing_that_comes_later_changes_a_forecast(hours: int, seed: int):
    grams, later = some_grams(hours, seed=seed), some_grams(60, seed=seed + 1, level=900.0)
    known = issued(grams)
    foresight = issued(np.concatenate([grams, later]), hours)
    np.testing.assert_array_equal(foresight.grams, known.grams)
    np.testing.assert_array_equal(foresight.lower, known.lower)
    np.testing.assert_array_equal(foresight.upper, known.upper)
    assert foresight.known_until == known.known_until


@law
@given(hours=st.integers(250, 900), seed=SEEDS, cut=st.integers(0, 250))
def test_no_path_of_the_past_depends_on_what_came_after_it(hours: int, seed: int, cut: int):
    grams = some_grams(hours, seed=seed)
    scrambled = grams.copy()
    scrambled[hours - cut :] = np.random.default_rng(seed).permutation(grams)[:cut] * 3
    true = Learner(PRIORS).advance(HourlyHistory(first=FIRST, grams=grams))
    other = Learner(PRIORS).advance(HourlyHistory(first=FIRST, grams=scrambled))
    np.testing.assert_array_equal(other[: hours - cut], true[: hours - cut])


@law
@given(hours=HOURS, seed=SEEDS, wild=st.booleans())
def test_a_forecast_is_never_negative_and_never_unknown(hours: int, seed: int, wild: bool):
    grams = some_grams(hours, seed=seed)
    if wild:
        grams = np.random.default_rng(seed).pareto(1.0, hours) * 10
    forecast = issued(with_gaps(grams, seed))
    for column in (forecast.grams, forecast.lower, forecast.upper):
        assert np.isfinite(column).all()
        assert (column >= 0).all()
    assert (forecast.lower <= forecast.grams).all()
    assert (forecast.grams <= forecast.upper).all()


@settings(law, max_examples=5)
@given(hours=st.integers(25, 350), seed=SEEDS)
def test_hour_by_hour_or_at_once_gives_the_same_forecast(hours: int, seed: int):
    grams = with_gaps(some_grams(hours, seed=seed), seed)
    forecaster = ZoneForecaster(PRIORS)
    for hour in range(hours):
        forecaster.learn(HourlyHistory(first=FIRST + hour, grams=grams[hour : hour + 1]))
    grown = forecaster.issue(instant_of(FIRST + hours - 0.5))
    assert grown is not None
    at_once = issued(grams)
    assert grown.model == at_once.model
    np.testing.assert_allclose(grown.grams, at_once.grams, rtol=1e-9)
    np.testing.assert_allclose(grown.lower, at_once.lower, rtol=1e-9)
    np.testing.assert_allclose(grown.upper, at_once.upper, rtol=1e-9)


@pytest.mark.parametrize("hours", [192, 264, 265, 432])
def test_a_restart_changes_nothing(hours: int):
    grams = some_grams(hours)
    forecaster = ZoneForecaster(PRIORS)
    forecaster.learn(HourlyHistory(first=FIRST, grams=grams[:200]))
    forecaster.learn(HourlyHistory(first=FIRST, grams=grams))
    kept = forecaster.issue(instant_of(FIRST + hours - 0.5))
    assert kept is not None
    np.testing.assert_allclose(kept.grams, issued(grams).grams, rtol=1e-9)
