import numpy as np
import pytest

from carbon_scaler.decisions.openings import Openings
from carbon_scaler.simulation.starts import first_polls, random_starts

SUBMITTED, LATEST = np.array([0.0]), np.array([3600.0])


def started(*spans: tuple[float, float], poll: float = 60.0, latest: float = 3600.0) -> float:
    begins, ends = ([span[side] for span in spans] for side in (0, 1))
    opened = Openings(begins=np.array(begins), ends=np.array(ends))
    return float(first_polls(opened, SUBMITTED, np.array([latest]), poll)[0])


def test_what_is_open_at_the_submission_starts_then():
    assert started((-5, 10)) == 0


def test_a_job_waits_for_the_first_poll_inside_a_span():
    assert started((61, 200)) == 120


def test_a_span_between_two_polls_is_missed():
    assert started((61, 119), (200, 300)) == 240


def test_a_span_that_ends_at_a_poll_is_missed():
    assert started((61, 120), (200, 300)) == 240


@pytest.mark.parametrize("spans", [(), ((-9, 0),), ((3599, 4000),), ((3600, 4000),)])
def test_without_one_in_time_it_starts_at_its_latest(spans: tuple[tuple[float, float], ...]):
    assert started(*spans) == 3600


def test_no_start_is_later_than_the_latest_although_the_next_poll_is():
    assert started((70, 4000), poll=100, latest=90) == 90


def test_random_starts_are_polls_of_the_whole_slack_and_the_same_for_a_seed():
    submitted, latest = np.zeros(5000), np.full(5000, 600.0)

    starts = random_starts(submitted, latest, 60.0, seed=3)

    assert set(starts.tolist()) == {60.0 * number for number in range(11)}
    assert starts.mean() == pytest.approx(300, rel=0.05)
    assert starts.tolist() == random_starts(submitted, latest, 60.0, seed=3).tolist()
    assert starts.tolist() != random_starts(submitted, latest, 60.0, seed=4).tolist()
