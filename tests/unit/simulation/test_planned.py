"""Starts on what a forecaster would have said."""

from dataclasses import replace

import numpy as np
import pytest

from carbon_scaler.application.backtest import BacktestError, Way
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.decisions.waiting import Costs, bar_at, pays_from
from carbon_scaler.domain.policy import BUILT_IN_POLICY, TimeShift
from carbon_scaler.domain.snapshot import Column
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.planned import Expected, Waiting, expected_of, planned_starts
from tests.builders import a_window
from tests.unit.simulation.worlds import BEGINS, HOUR, a_history, a_world, replayed, some_jobs

DAYS = 20
PRIORS = load_priors()
POLL = 60.0
SUBMITTED = tuple(HOUR * 24 * 12 + 1700.0 * number for number in range(120))


def a_daily_wave(seed: int = 1, step: float = HOUR) -> History:
    hours = np.arange(int(DAYS * 24 * HOUR / step)) * step / HOUR
    noise = np.random.default_rng(seed).normal(0, 15, len(hours))
    return a_history(*(300 + 120 * np.cos(2 * np.pi * hours / 24) + noise), step=step)


def the_waiting(submitted: tuple[float, ...] = SUBMITTED, minutes: float = 90.0) -> Waiting:
    begins = BEGINS + np.array(submitted)
    return Waiting(
        submitted=begins, latest=begins + 12 * HOUR, durations=np.full(len(begins), 60 * minutes)
    )


def the_expected(history: History, lag: float = 0.0) -> Expected:
    return expected_of(history, PRIORS, lag, 14 * HOUR)


def polled(jobs: Waiting, expected: Expected, least: float) -> Column:
    """Every job asked at every poll."""
    started = jobs.latest.copy()
    for job in range(len(started)):
        for at in np.arange(jobs.submitted[job], jobs.latest[job], POLL):
            paths, begun = expected.at(np.array([at]))
            costs = Costs.of(paths, jobs.durations[[job]])
            [pays] = pays_from(costs, begun, bar_at(costs, begun, min_savings_percent=least))
            if pays >= begun[0] + jobs.latest[job] - at:
                started[job] = at
                break
    return started


@pytest.mark.parametrize("minutes", [60.0, 90.0, 47.0])
@pytest.mark.parametrize("least", [0.0, 7.5])
def test_it_starts_where_asking_at_every_poll_would(least: float, minutes: float):
    expected, jobs = the_expected(a_daily_wave()), the_waiting(SUBMITTED[:12], minutes)

    started = planned_starts(jobs, expected, POLL, min_savings_percent=least)

    assert started.tolist() == polled(jobs, expected, least).tolist()


def test_no_start_is_late_or_before_the_submission():
    jobs = the_waiting()
    started = planned_starts(jobs, the_expected(a_daily_wave()), POLL, min_savings_percent=0.0)

    assert (started >= jobs.submitted).all()
    assert (started <= jobs.latest).all()


@pytest.mark.parametrize("lag", [0.0, HOUR, 1.5 * HOUR])
@pytest.mark.parametrize("step", [HOUR, 1800.0])
def test_no_start_depends_on_what_came_after_it(lag: float, step: float):
    history, jobs = a_daily_wave(step=step), the_waiting()
    started = planned_starts(jobs, the_expected(history, lag), POLL, min_savings_percent=0.0)
    turn = BEGINS + 14 * 24 * HOUR
    known = int((turn - lag - BEGINS) // step) + 1
    scrambled = history.grams_per_kwh.copy()
    scrambled[known:] = np.random.default_rng(2).uniform(1, 900, len(scrambled) - known)

    other = replace(history, grams_per_kwh=scrambled)
    again = planned_starts(jobs, the_expected(other, lag), POLL, min_savings_percent=0.0)

    before = started < turn
    assert before.any()
    assert (started[before] == again[before]).all()
    assert (again[~before] >= turn).all()


def test_without_a_past_and_on_a_constant_grid_it_starts_at_once():
    constant, jobs = a_history(*[300.0] * (DAYS * 24)), the_waiting()
    started = planned_starts(jobs, the_expected(constant), POLL, min_savings_percent=0.0)
    assert (started == jobs.submitted).all()

    first_hour = the_waiting((0.0, 60.0))
    late = the_expected(a_daily_wave(), lag=HOUR)
    assert (planned_starts(first_hour, late, POLL, min_savings_percent=0.0)[0]) == BEGINS


def test_a_multiple_of_all_intensities_changes_no_start():
    history, jobs = a_daily_wave(), the_waiting()
    tripled = replace(history, grams_per_kwh=history.grams_per_kwh * 4)

    one, other = (
        planned_starts(jobs, the_expected(each), POLL, min_savings_percent=0.0)
        for each in (history, tripled)
    )

    assert (one == other).all()


def test_it_saves_more_than_the_quantile_and_less_than_the_oracle():
    world = a_world(a_daily_wave())
    found = replayed(world, some_jobs(*SUBMITTED), Way.QUANTILE, Way.FORECAST, Way.ORACLE)

    emitted = {way: starts.emissions_g.sum() for way, starts in found.items()}
    assert emitted["oracle"] <= emitted["forecast"] < emitted["quantile"]


def test_urgent_work_and_a_policy_that_is_off_start_at_once():
    jobs = some_jobs(*SUBMITTED, workload_class="urgent")
    world = a_world(a_daily_wave())
    off = replace(world, policy=replace(BUILT_IN_POLICY, enabled=False))

    for each, work in ((world, jobs), (off, some_jobs(*SUBMITTED))):
        [found] = replayed(each, work, Way.FORECAST).values()
        assert (found.started == work.submitted).all()


def test_with_time_shift_switched_off_it_is_the_threshold():
    off = replace(BUILT_IN_POLICY, time_shift=TimeShift(enabled=False))
    world = a_world(a_daily_wave(), policy=off)

    found = replayed(world, some_jobs(*SUBMITTED), Way.FORECAST, Way.THRESHOLD)

    assert (found["forecast"].started == found["threshold"].started).all()


def test_time_windows_and_a_missing_forecaster_are_refused():
    windows = replace(BUILT_IN_POLICY, time_shift=TimeShift(windows=(a_window(),)))
    with_windows = a_world(a_daily_wave(), policy=windows)

    with pytest.raises(BacktestError, match="does not plan with time windows"):
        replayed(with_windows, some_jobs(*SUBMITTED), Way.FORECAST)
    with pytest.raises(BacktestError, match="needs a forecast"):
        replayed(a_world(a_daily_wave(), priors=None), some_jobs(*SUBMITTED), Way.FORECAST)
