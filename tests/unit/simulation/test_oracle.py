import numpy as np
import pytest

from carbon_scaler.application.backtest import Way
from carbon_scaler.simulation.starts import Starts
from tests.builders import HOME
from tests.unit.simulation.worlds import (
    AWAY,
    HOUR,
    a_history,
    a_world,
    hours_waited,
    replayed,
    some_jobs,
)

GRAMS = (500.0, 400.0, 100.0, 300.0, 200.0, 200.0, 900.0, 900.0)


def best(submitted: float, duration: float, slack: float) -> tuple[list[float], Starts]:
    jobs = some_jobs(submitted, duration=duration, slack=slack, energy_kwh=2.0)
    starts = replayed(a_world(a_history(*GRAMS)), jobs, Way.ORACLE)[Way.ORACLE]
    return hours_waited(starts, jobs), starts


def test_it_starts_at_the_boundary_before_the_cleanest_run():
    waited, starts = best(1800.0, HOUR, 5 * HOUR)

    assert waited == [1.5]
    assert starts.emissions_g.tolist() == [200]


def test_it_takes_the_latest_start_where_the_best_one_lies_beyond_it():
    waited, starts = best(0.0, 2.5 * HOUR, 5 * HOUR)

    assert waited == [2.0]
    assert starts.emissions_g.tolist() == [pytest.approx(2 * (100 + 300 + 100) / 2.5)]
    assert best(0.0, 1.5 * HOUR, 1.9 * HOUR)[0] == [1.9]
    assert best(0.0, 1.5 * HOUR, 1.2 * HOUR)[0] == [1.2]


def test_a_run_that_ends_with_the_clean_hours_begins_inside_an_interval():
    jobs = some_jobs(0.0, duration=1.5 * HOUR, slack=4 * HOUR)
    world = a_world(a_history(900.0, 100.0, 50.0, 900.0, 900.0, 900.0))

    starts = replayed(world, jobs, Way.ORACLE)[Way.ORACLE]

    assert hours_waited(starts, jobs) == [1.5]


def test_of_equally_good_ones_it_takes_the_submission_at_home():
    jobs = some_jobs(600.0, regions=(AWAY, HOME))
    even = [a_history(*[300.0] * 24, region=region) for region in (HOME, AWAY)]

    starts = replayed(a_world(*even), jobs, Way.ORACLE)[Way.ORACLE]

    assert hours_waited(starts, jobs) == [0]
    assert starts.region_of.tolist() == [1]


def test_without_slack_it_starts_at_once():
    assert best(600.0, HOUR, 0.0)[0] == [0]


def test_intervals_of_half_an_hour_are_boundaries_too():
    jobs = some_jobs(0.0, duration=1800.0, slack=2 * HOUR)
    grams = np.array([9.0, 9.0, 9.0, 1.0, 9.0, 9.0])

    starts = replayed(a_world(a_history(*grams, step=1800.0)), jobs, Way.ORACLE)[Way.ORACLE]

    assert hours_waited(starts, jobs) == [1.5]
