from dataclasses import replace

import numpy as np
import pytest

from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.inputs import INTERCEPT, WIDTH, Design
from carbon_scaler.forecasting.regression import Sums, path
from tests.unit.forecasting.grids import some_priors

AHEAD = 3


def some_rows(origins: int, *, seed: int = 5) -> Design:
    rows = np.random.default_rng(seed).standard_normal((AHEAD, origins, WIDTH))
    rows[:, :, INTERCEPT] = 1.0
    return Design(rows=rows, profile=np.full((AHEAD, origins), 300.0), scale=np.full(origins, 50.0))


def truth(seen: Design, coefficients: Column) -> Column:
    return seen.profile + 50.0 * (seen.rows @ coefficients[:, :, None])[:, :, 0]


def teaching(*, size: float = 0.1) -> Column:
    return size * np.random.default_rng(6).standard_normal((AHEAD, WIDTH))


def test_without_history_the_prior_stays():
    priors = replace(some_priors(AHEAD), coefficients=teaching())
    np.testing.assert_allclose(Sums(AHEAD).fitted(priors), teaching(), rtol=1e-12)


def test_much_history_overrules_the_prior():
    seen, sums = some_rows(20_000), Sums(AHEAD)
    sums.add(seen, truth(seen, teaching()))
    np.testing.assert_allclose(sums.fitted(some_priors(AHEAD)), teaching(), atol=0.02)


def test_as_much_history_as_the_prior_weighs_goes_half_the_way():
    seen, sums = some_rows(500, seed=1), Sums(AHEAD)
    sums.add(seen, truth(seen, teaching()))
    shared = np.delete(sums.fitted(some_priors(AHEAD)) / teaching(), INTERCEPT, axis=1)
    assert np.median(shared) == pytest.approx(0.5, abs=0.1)


def test_an_unknown_target_counts_for_nothing():
    seen, sums, without = some_rows(40), Sums(AHEAD), Sums(AHEAD)
    targets = truth(seen, teaching())
    targets[:, 10:] = np.nan
    sums.add(seen, targets)
    first = Design(rows=seen.rows[:, :10], profile=seen.profile[:, :10], scale=seen.scale[:10])
    without.add(first, targets[:, :10])
    np.testing.assert_allclose(sums.squares, without.squares, rtol=1e-12)
    np.testing.assert_allclose(sums.products, without.products, rtol=1e-12, atol=1e-12)


def test_a_target_without_profile_or_scale_counts_for_nothing():
    seen = some_rows(2)
    seen.profile[:, 0] = np.nan
    seen.scale[1] = 0.0
    sums = Sums(AHEAD)
    sums.add(seen, np.full((AHEAD, 2), 400.0))
    assert not sums.squares.any()
    assert not sums.products.any()


def test_a_freak_target_is_clipped():
    wanted = Sums.wanted(some_rows(1), np.full((AHEAD, 1), 1e9))
    np.testing.assert_array_equal(wanted, 8.0)


def test_a_path_is_the_profile_and_what_stands_above_it():
    seen = some_rows(4)
    expected = truth(seen, teaching()).T
    np.testing.assert_allclose(path(seen, teaching()), expected)
    assert path(seen, teaching(size=100.0)).min() == 0.0


def test_inputs_beyond_the_shared_ones_are_learned_whatever_their_unit():
    seen = some_rows(20_000)
    weather = np.random.default_rng(8).standard_normal((AHEAD, 20_000, 1))
    effect = 25.0 * weather[:, :, 0]
    for unit in (1.0, 1e-3, 1e3):
        told = np.concatenate([seen.rows, unit * weather, np.ones_like(weather)], axis=2)
        sums = Sums(AHEAD).copy(WIDTH + 2)
        sums.add(replace(seen, rows=told), seen.profile + effect)
        learned = sums.fitted_with_weather(some_priors(AHEAD))[:, WIDTH]
        np.testing.assert_allclose(learned * unit, 0.5, rtol=0.03)


def test_what_was_never_known_teaches_nothing():
    seen, plain = some_rows(1000), Sums(AHEAD)
    plain.add(seen, truth(seen, teaching()))
    wide = plain.copy(WIDTH + 3).fitted_with_weather(some_priors(AHEAD))
    np.testing.assert_allclose(wide[:, :WIDTH], plain.fitted(some_priors(AHEAD)), rtol=1e-9)
    np.testing.assert_array_equal(wide[:, WIDTH:], 0.0)
