from datetime import timedelta

import numpy as np

from carbon_scaler.decisions.windows import hours_ahead
from tests.builders import NOW, a_window, preferred

BEGINS = NOW.timestamp()  # noon
HOURS = 30


def test_without_windows_every_hour_counts_as_it_is():
    factors, barred = hours_ahead((), BEGINS, HOURS)
    assert (factors == 1).all()
    assert not barred.any()


def test_a_preferred_hour_counts_by_how_much_of_it_is_preferred():
    factors, barred = hours_ahead((preferred(13.5, 15, 20),), BEGINS, HOURS)
    np.testing.assert_allclose(factors[:4], [1, 0.9, 0.8, 1])
    np.testing.assert_allclose(factors[24:28], [1, 0.9, 0.8, 1])
    assert not barred.any()


def test_an_hour_that_is_forbidden_in_part_is_barred():
    factors, barred = hours_ahead((a_window(13.5, 15.25),), BEGINS, HOURS)
    assert np.flatnonzero(barred).tolist() == [1, 2, 3, 25, 26, 27]
    assert (factors == 1).all()


def test_where_windows_overlap_the_one_of_the_least_priority_counts():
    windows = (
        a_window(13, 15, priority=1),
        preferred(14, 16, 10, priority=2, name="later"),
    )
    factors, barred = hours_ahead(windows, BEGINS, 6)
    assert barred.tolist() == [False, True, True, False, False, False]
    np.testing.assert_allclose(factors, [1, 1, 1, 0.9, 1, 1])


def test_a_window_that_is_on_already_counts_from_the_beginning():
    begins = (NOW + timedelta(hours=2)).timestamp()
    factors, _ = hours_ahead((preferred(13, 15, 10),), begins, 3)
    np.testing.assert_allclose(factors, [0.9, 1, 1])
