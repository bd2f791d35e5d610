from dataclasses import replace

import numpy as np
import pytest

from carbon_scaler.application.backtest import Way
from carbon_scaler.domain.policy import BUILT_IN_POLICY, TimeShift
from carbon_scaler.domain.windows import WindowEffect
from carbon_scaler.simulation.outcome import Yardstick
from carbon_scaler.simulation.starts import Starts
from tests.builders import HOME, a_window
from tests.unit.simulation.worlds import (
    BEGINS,
    HOUR,
    a_history,
    a_world,
    hours_waited,
    replayed,
    some_jobs,
)


def starts_after(minutes: list[float], grams: list[float], way: Way = Way.THRESHOLD) -> Starts:
    return Starts(
        strategy=way,
        region_of=np.zeros(len(minutes), dtype=np.intp),
        started=BEGINS + 60 * np.array(minutes),
        emissions_g=np.array(grams),
    )


def test_the_figures_are_against_starting_at_once_and_the_oracle():
    jobs = some_jobs(0.0, 0.0, 0.0, energy_kwh=0.1, slack=HOUR)
    yardstick = Yardstick(
        jobs=jobs,
        regions=(HOME,),
        at_once=starts_after([0, 0, 0], [100.0, 100.0, 200.0]),
        best=starts_after([0, 0, 0], [50.0, 50.0, 100.0]),
    )

    told = yardstick.outcome(starts_after([0, 30, 60], [100.0, 100.0, 150.0]))

    assert told["jobs"] == 3
    assert told["energy_kwh"] == pytest.approx(0.3)
    assert told["emissions_g"] == 350
    assert told["saving_percent"] == 12.5
    assert told["share_of_oracle"] == 0.25
    assert told["late_starts"] == 0
    assert told["delay_minutes"] == {"mean": 30, "p50": 30, "p95": pytest.approx(57), "max": 60}
    assert told["by_class"]["deferrable"]["saving_percent"] == 12.5
    assert told["by_region"][HOME]["emissions_g"] == 350


def test_the_mean_intensity_is_told_by_energy_and_by_job():
    jobs = replace(some_jobs(0.0, 0.0, 0.0), energy_kwh=np.array([3.0, 1.0, 0.0]))
    at_once = starts_after([0, 0, 0], [300.0, 500.0, 0.0])

    told = Yardstick(jobs=jobs, regions=(HOME,), at_once=at_once, best=at_once).outcome(at_once)

    assert told["grams_per_kwh"] == {"weighted_by_energy": 200.0, "plain_mean_over_jobs": 300.0}


def test_where_no_energy_is_used_there_is_no_mean_intensity():
    jobs = some_jobs(0.0, energy_kwh=0.0)
    at_once = starts_after([0], [0.0])

    told = Yardstick(jobs=jobs, regions=(HOME,), at_once=at_once, best=at_once).outcome(at_once)

    assert told["grams_per_kwh"] == {"weighted_by_energy": None, "plain_mean_over_jobs": None}


def test_a_start_past_the_latest_one_is_counted():
    jobs = some_jobs(0.0, slack=HOUR)
    at_once = starts_after([0], [1.0])

    told = Yardstick(jobs=jobs, regions=(HOME,), at_once=at_once, best=at_once).outcome(
        starts_after([61], [1.0])
    )

    assert told["late_starts"] == 1


def test_the_busiest_minute_is_told_in_hours_of_arrivals():
    jobs = some_jobs(*(HOUR * number for number in range(11)), slack=20 * HOUR)
    at_once = starts_after([0] * 11, [1.0] * 11)

    told = Yardstick(jobs=jobs, regions=(HOME,), at_once=at_once, best=at_once).outcome(
        starts_after([600.0, 600.5, 600.9, *range(601, 609)], [1.0] * 11)
    )

    assert told["busiest_minute_hours"] == pytest.approx(3 / 1.1)


def test_a_grid_that_emits_nothing_leaves_no_share_to_save():
    jobs = some_jobs(0.0)
    nothing = starts_after([0], [0.0])

    told = Yardstick(jobs=jobs, regions=(HOME,), at_once=nothing, best=nothing).outcome(nothing)

    assert told["saving_percent"] is None
    assert told["share_of_oracle"] is None


def test_the_threshold_waits_for_a_clean_hour_and_not_longer_than_it_may():
    world = a_world(a_history(900.0, 900.0, 200.0, 900.0, *[900.0] * 20))
    jobs = some_jobs(0.0, 1800.0, 3 * HOUR, slack=4 * HOUR)

    starts = replayed(world, jobs, Way.THRESHOLD)[Way.THRESHOLD]

    assert hours_waited(starts, jobs) == [2, 1.5, 4]


def test_a_value_that_is_known_late_opens_late():
    world = a_world(a_history(900.0, 900.0, 200.0, *[900.0] * 20), lag=1800.0)
    jobs = some_jobs(0.0, slack=4 * HOUR)

    starts = replayed(world, jobs, Way.THRESHOLD)[Way.THRESHOLD]

    assert hours_waited(starts, jobs) == [2.5]


def test_the_policys_windows_count():
    forbidden = a_window(12, 14, WindowEffect.FORBID)
    policy = replace(BUILT_IN_POLICY, time_shift=TimeShift(windows=(forbidden,)))
    jobs = some_jobs(0.0, slack=4 * HOUR)

    starts = replayed(a_world(a_history(*[10.0] * 24), policy=policy), jobs, Way.THRESHOLD)

    assert hours_waited(starts[Way.THRESHOLD], jobs) == [2]


def test_urgent_jobs_and_a_policy_that_is_switched_off_start_at_once():
    dirty = a_history(*[900.0] * 24)
    urgent, others = some_jobs(60.0, workload_class="urgent"), some_jobs(60.0)
    off = replace(BUILT_IN_POLICY, enabled=False)

    for world, jobs in ((a_world(dirty), urgent), (a_world(dirty, policy=off), others)):
        starts = replayed(world, jobs, Way.QUANTILE)[Way.QUANTILE]
        assert hours_waited(starts, jobs) == [0]
