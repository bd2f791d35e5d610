import math
from dataclasses import replace

import numpy as np
import pytest

from carbon_scaler.simulation.load import load_by_hour_of_day
from tests.unit.simulation.worlds import BEGINS, HOUR, some_jobs

# The worlds begin at noon.
NOON = 12


def test_a_run_draws_evenly_while_it_lasts():
    jobs = some_jobs(1.5 * HOUR, duration=2 * HOUR, energy_kwh=4.0)

    load = load_by_hour_of_day(jobs, jobs.submitted)

    expected = np.zeros(24)
    expected[[NOON + 1, NOON + 2, NOON + 3]] = [1.0, 2.0, 1.0]
    assert load == pytest.approx(expected)


def test_days_are_averaged_and_a_run_may_cross_midnight():
    jobs = some_jobs(11.5 * HOUR, 36 * HOUR, duration=HOUR, energy_kwh=3.0)

    load = load_by_hour_of_day(jobs, jobs.submitted)

    expected = np.zeros(24)
    expected[[23, 0]] = [0.5, 1.5]
    # Three days: noon of the first to the first hour of the third.
    assert load == pytest.approx(expected)


def test_all_energy_is_drawn_whenever_jobs_start():
    random = np.random.default_rng(7)
    jobs = some_jobs(*random.uniform(0, 20 * 24 * HOUR, 500))
    jobs = replace(jobs, duration=random.uniform(60, 30 * HOUR, 500))

    started = jobs.submitted + random.uniform(0, 12 * HOUR, 500)

    load = load_by_hour_of_day(jobs, started)

    midnight = BEGINS - NOON * HOUR
    days = math.ceil(((started + jobs.duration).max() - midnight) / (24 * HOUR))
    assert load.min() >= 0
    assert load.sum() * days == pytest.approx(500)
