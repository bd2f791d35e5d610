import numpy as np
import pytest

from carbon_scaler.forecasting.accuracy import (
    accuracy,
    clearly_worse,
    errors_of,
    losses_of,
    mean_squares,
    scored_origins,
    targets_of,
)

FORTNIGHT = 14 * 24


def test_targets_are_what_came_and_unknown_beyond_the_history():
    targets = targets_of(np.array([1.0, 2.0, 3.0]), np.array([0, 1]), 2)
    np.testing.assert_array_equal(targets, [[2.0, 3.0], [3.0, np.nan]])


def test_the_error_is_told_in_grams_and_in_percent_of_what_came():
    targets = np.full((2, 48), 200.0)
    paths = np.full((2, 48), 200.0)
    paths[:, :6], paths[:, 6:24], paths[:, 24:] = 190.0, 220.0, 100.0
    scored = accuracy("own", errors_of(paths, targets), targets)
    assert scored is not None
    assert scored.pairs == 48
    assert scored.grams == pytest.approx(17.5)
    assert scored.percent == pytest.approx(8.75)
    assert scored.by_horizon == (10.0, 20.0, 100.0)


def test_what_did_not_come_yet_does_not_count():
    errors = np.full((3, 48), np.nan)
    errors[0, 0] = -4.0
    scored = accuracy("own", errors, np.full((3, 48), 100.0))
    assert scored is not None
    assert scored.pairs == 1
    assert scored.by_horizon == (4.0, None, None)
    assert mean_squares(errors) == (16.0, None, None)


def test_without_a_pair_there_is_no_accuracy():
    unknown = np.full((3, 48), np.nan)
    assert accuracy("own", unknown, unknown) is None


def test_a_grid_of_zeros_has_no_percentage_error():
    scored = accuracy("own", np.full((1, 24), -1.0), np.zeros((1, 24)))
    assert scored is not None
    assert scored.percent == 0.0


def test_only_forecasts_of_the_last_fortnight_whose_day_is_over_are_scored():
    origins = scored_origins(1000)
    assert origins[0] == 1000 - 24 - FORTNIGHT
    assert origins[-1] == 1000 - 25
    assert scored_origins(20).tolist() == []


def test_losses_are_of_a_day_ahead():
    errors = np.concatenate([np.full((1, 24), -3.0), np.full((1, 24), 90.0)], axis=1)
    assert losses_of(errors).tolist() == [3.0]


def losses(mean: float, spread: float, seed: int = 0, hours: int = FORTNIGHT) -> np.ndarray:
    return mean + spread * np.random.default_rng(seed).standard_normal(hours)


def test_a_difference_beyond_chance_is_clearly_worse():
    assert clearly_worse(losses(20, 1), losses(15, 1, seed=1))


def test_a_difference_that_chance_makes_is_not():
    assert not clearly_worse(losses(15.2, 10), losses(15, 10, seed=1))


def test_what_is_better_is_not_worse():
    assert not clearly_worse(losses(10, 1), losses(15, 1, seed=1))


def test_equal_losses_are_not_worse():
    assert not clearly_worse(np.full(FORTNIGHT, 3.0), np.full(FORTNIGHT, 3.0))


def test_a_few_days_say_nothing():
    assert not clearly_worse(losses(20, 1, hours=6 * 24), losses(15, 1, hours=6 * 24))
    assert clearly_worse(losses(20, 1, hours=7 * 24), losses(15, 1, hours=7 * 24))
