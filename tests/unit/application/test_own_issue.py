"""One forecast of our own as it is kept."""

import pickle
from math import nan

import numpy as np

from carbon_scaler.application.own_issue import LEAST_GRAMS, issue_of
from carbon_scaler.config.forecast_priors import load_priors
from tests.unit.application.forecast_fakes import HOUR, NOON, lesson

PRIORS = load_priors()


def test_it_is_joined_on_to_the_last_three_measured_hours():
    issue = issue_of(lesson(100.0, 200.0, 300.0, 400.0), PRIORS)

    assert issue is not None
    assert issue.measured == (200.0, 300.0, 400.0)
    assert (issue.known_until, issue.first_at) == (NOON, NOON)
    assert (issue.past_hours, len(issue.grams)) == (4, 51)


def test_an_hour_that_is_not_known_stays_so_among_the_measured_ones():
    between = issue_of(lesson(200.0, nan, 400.0), PRIORS)
    before = issue_of(lesson(100.0, nan, 300.0, 400.0), PRIORS)

    assert between is not None
    assert before is not None
    assert np.array_equal(between.measured, [200.0, nan, 400.0], equal_nan=True)
    assert before.measured == (300.0, 400.0)
    assert before.past_hours == 3


def test_of_nothing_nothing_is_expected():
    assert issue_of(lesson(), PRIORS) is None


def test_what_is_expected_to_be_nothing_is_kept_as_next_to_nothing():
    issue = issue_of(lesson(*[0.0] * 30), PRIORS)

    assert issue is not None
    assert set(issue.grams) == {LEAST_GRAMS}


def test_a_seasoned_grid_says_how_its_forecasts_fared_against_none():
    days = 30 * 24
    grams = 300 + 100 * np.sin(np.arange(days) * 2 * np.pi / 24) + 10 * np.cos(np.arange(days))

    issue = issue_of(lesson(*grams), PRIORS)

    assert issue is not None
    assert issue.error is not None
    assert issue.error.compared > 0
    assert set(issue.by_horizon) == {"1-6", "7-24", "25-48"}
    assert set(issue.against) == {"persistence", "yesterday"}
    assert issue.error.grams < issue.against["persistence"]["mean_error_grams"]


def test_what_began_later_is_taken_for_unknown():
    told = lesson(100.0, 200.0, 300.0, 400.0, until=NOON + 2 * HOUR)

    issue = issue_of(told, PRIORS)

    assert issue is not None
    assert issue.measured == (100.0, 200.0, 300.0)
    assert issue.known_until == NOON + HOUR


def test_a_lesson_gives_the_same_forecast_wherever_it_is_learned():
    told = lesson(*(300 + np.arange(24 * 12) % 24))

    here, there = issue_of(told, PRIORS), issue_of(pickle.loads(pickle.dumps(told)), PRIORS)

    assert here is not None
    assert there is not None
    assert np.array_equal(here.grams, there.grams)
