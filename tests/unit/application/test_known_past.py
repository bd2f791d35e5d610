"""A past with gaps made into one without, and the jobs that no gap touches."""

import numpy as np
import pytest

from carbon_scaler.application.known_past import KnownPast, known_past, latest, replayable, some
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.forecasting.hours import HourlyHistory
from tests.unit.simulation.worlds import BEGINS, HOUR, some_jobs

GAP = float("nan")


def a_past(*grams: float) -> KnownPast:
    first = int(BEGINS // HOUR)
    return known_past("us-west-1", HourlyHistory(first=first, grams=np.array(grams)), Basis())


def test_a_short_gap_is_bridged_by_a_straight_line():
    past = a_past(100, GAP, GAP, GAP, 500, 500)

    assert past.history.grams_per_kwh.tolist() == [100, 200, 300, 400, 500, 500]
    assert past.bridged.tolist() == [False, True, True, True, False, False]
    assert not past.unknown.any()


def test_a_long_gap_is_unknown():
    past = a_past(100, GAP, GAP, GAP, GAP, 500)

    assert past.unknown.tolist() == [False, True, True, True, True, False]
    assert not past.bridged.any()


@pytest.mark.parametrize(
    ("submitted", "kept"),
    [(0, True), (1, True), (2, False), (4, False), (7, True), (9, True), (10, False)],
)
def test_a_job_that_might_touch_a_long_gap_or_reach_outside_is_left_out(submitted: int, kept: bool):
    past = a_past(*[1.0] * 3, *[GAP] * 4, *[1.0] * 4)
    jobs = some_jobs(submitted * HOUR, slack=0.0)

    # With an hour to wait and an hour to run.
    assert replayable(jobs, past, HOUR).tolist() == [kept]


def test_the_last_part_keeps_what_is_marked():
    part = latest(a_past(1, 2, GAP, 4), 2 * HOUR)

    assert part.history.begins == BEGINS + 2 * HOUR
    assert part.history.grams_per_kwh.tolist() == [3, 4]
    assert part.bridged.tolist() == [True, False]


def test_some_of_the_jobs_keep_their_names():
    jobs = some(some_jobs(0.0, 60.0, 120.0), np.array([True, False, True]))

    assert jobs.ids == ("job-0", "job-2")
    assert (jobs.submitted - BEGINS).tolist() == [0, 120]
