from datetime import UTC, datetime

import numpy as np
import pytest

from carbon_scaler.forecasting.hours import HourlyHistory, hour_of
from carbon_scaler.forecasting.inputs import (
    DAYS_OF_PROFILE,
    INTERCEPT,
    SHARED,
    WIDTH,
    design,
    profile_days,
    seasons,
)
from carbon_scaler.forecasting.levels import NO_LEVELS
from tests.unit.forecasting.grids import FIRST, a_grid, some_grams

ORIGIN = np.array([399])


def test_the_days_of_a_target_are_the_last_seven_known_at_its_hour():
    grams = np.arange(400.0)
    days = profile_days(grams, ORIGIN, 51)
    assert days[0, 0].tolist() == [376.0 - 24 * day for day in range(7)]
    assert days[23, 0].tolist() == [399.0 - 24 * day for day in range(7)]
    assert days[24, 0].tolist() == days[0, 0].tolist()
    assert days[50, 0].tolist() == days[2, 0].tolist()


def test_days_before_the_history_are_unknown():
    days = profile_days(np.arange(30.0), np.array([29]), 3)
    np.testing.assert_array_equal(days[0, 0], [6.0, *[np.nan] * 6])


def test_inputs_are_multiples_of_the_scale_and_never_unknown():
    grams = some_grams(400)
    grams[[100, 250, 390]] = np.nan
    history = HourlyHistory(first=FIRST, grams=grams)
    plain = design(history, NO_LEVELS.continued(grams), ORIGIN, 51)
    scaled = HourlyHistory(first=FIRST, grams=grams * 7)
    times_seven = design(scaled, NO_LEVELS.continued(grams * 7), ORIGIN, 51)
    assert plain.rows.shape == (51, 1, WIDTH)
    assert np.isfinite(plain.rows).all()
    np.testing.assert_allclose(times_seven.rows, plain.rows, rtol=1e-9, atol=1e-12)


def test_a_target_an_hour_before_midnight_sees_the_values_beside_the_same_hour():
    history = a_grid(400)
    levels = NO_LEVELS.continued(history.grams)
    made = design(history, levels, ORIGIN, 24)
    beside = made.rows[9, 0, DAYS_OF_PROFILE : DAYS_OF_PROFILE + 2] * made.scale[0]
    expected = history.grams[[384, 386]] - made.profile[9, 0]
    np.testing.assert_allclose(beside, expected, rtol=1e-9)
    # The hour after the last one is not known yet: the present stands in.
    last = made.rows[23, 0, DAYS_OF_PROFILE + 1] * made.scale[0]
    assert last == pytest.approx(history.grams[399] - made.profile[23, 0])


def test_a_flat_grid_has_no_anomaly():
    history = HourlyHistory(first=FIRST, grams=np.zeros(300))
    made = design(history, NO_LEVELS.continued(history.grams), np.array([299]), 2)
    assert not made.rows[:, :, :SHARED].any()
    assert made.rows[0, 0, INTERCEPT] == 1.0


def test_seasons_know_hour_year_and_weekend():
    noon = hour_of(datetime(2022, 7, 2, 12, tzinfo=UTC))  # a Saturday
    saturday, sunday, monday = (seasons(np.array([noon + 24 * day]))[0] for day in range(3))
    np.testing.assert_allclose(saturday[:2], [0.0, -1.0], atol=1e-12)
    assert saturday[8:10] == pytest.approx([0.0, -1.0], abs=0.03)
    assert [saturday[10], saturday[11]] == [1.0, 0.0]
    assert [sunday[10], sunday[11]] == [0.0, 1.0]
    assert not monday[10:].any()
    np.testing.assert_allclose(saturday[12:16], saturday[:4])
