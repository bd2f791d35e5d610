from itertools import pairwise

import numpy as np

from carbon_scaler.forecasting.intervals import alike, bounds, equally_told
from tests.unit.forecasting.grids import AHEAD, some_priors

NO_ERRORS = np.empty((0, AHEAD))
PATH = np.full(AHEAD, 300.0)


def errors_of_days(days: int, spread: float = 1.0) -> np.ndarray:
    return spread * np.random.default_rng(7).standard_normal((5 * days, AHEAD))


def test_without_own_errors_those_of_other_grids_count():
    lower, upper = bounds(PATH, 10.0, NO_ERRORS, some_priors())
    np.testing.assert_allclose(lower, PATH + 10.0 * some_priors().lower)
    np.testing.assert_allclose(upper, PATH + 10.0 * some_priors().upper)


def test_errors_of_a_fortnight_are_enough():
    few, _ = bounds(PATH, 10.0, errors_of_days(13), some_priors())
    enough, _ = bounds(PATH, 10.0, errors_of_days(14), some_priors())
    np.testing.assert_allclose(few, PATH + 10.0 * some_priors().lower)
    assert (np.abs(enough - few) > 1.0).all()


def test_the_bounds_hold_eight_of_ten_values():
    lower, upper = bounds(PATH, 10.0, errors_of_days(60), some_priors())
    came = PATH + 10.0 * np.random.default_rng(8).standard_normal((4000, AHEAD))
    covered = ((came >= lower) & (came <= upper)).mean()
    assert 0.78 < covered < 0.88


def test_fewer_days_give_wider_bounds():
    few, many = (
        bounds(PATH, 10.0, np.tile(errors_of_days(15), (times, 1)), some_priors())
        for times in (1, 4)
    )
    assert (few[1] - few[0] >= many[1] - many[0]).all()


def test_the_path_lies_between_its_bounds_even_after_one_sided_errors():
    lower, upper = bounds(PATH, 10.0, np.full((300, AHEAD), 3.0), some_priors())
    np.testing.assert_array_equal(lower, PATH)
    np.testing.assert_array_equal(upper, PATH + 30.0)


def test_no_bound_is_negative():
    lower, _ = bounds(np.full(AHEAD, 1.0), 1000.0, NO_ERRORS, some_priors())
    np.testing.assert_array_equal(lower, 0.0)


def test_alike_is_what_was_issued_at_about_this_time_of_day():
    origins = alike(np.arange(100), 121)  # 121 is one hour after a midnight
    assert origins[:8].tolist() == [0, 1, 2, 3, 23, 24, 25, 26]
    assert [later - earlier for earlier, later in pairwise(origins[:5])] == [1, 1, 1, 20]


def test_errors_count_of_forecasts_that_knew_as_much_of_the_weather():
    days = 20
    errors = np.arange(days * 5 * 2.0).reshape(days * 5, 2)
    told = np.zeros((days * 5 + 1, 2), dtype=bool)
    told[::5, 1] = told[1::5, 1] = True  # two of five: too few days to go by
    told[5:, 0] = True
    told[-1] = True
    kept = equally_told(errors, told)
    assert np.isnan(kept[:5, 0]).all()
    np.testing.assert_array_equal(kept[5:, 0], errors[5:, 0])
    np.testing.assert_array_equal(kept[:, 1], errors[:, 1])
