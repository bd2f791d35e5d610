"""Settings chosen on the first part of a past and judged on the rest."""

from dataclasses import replace

import numpy as np
import pytest

from carbon_scaler.application.advice import (
    SLACKS,
    Setting,
    TooLittleToAdviseError,
    by_class,
    by_slack,
    require_enough,
)
from carbon_scaler.application.backtest import Way
from carbon_scaler.domain.policy import Strategy
from tests.unit.application.advice_world import (
    DAILY,
    DAYS,
    EVEN,
    a_policy,
    hourly_jobs,
    some_trials,
)
from tests.unit.simulation.worlds import HOUR, a_history


def test_a_class_whose_limit_is_never_met_is_told_what_would_have_met_it():
    (advice,) = by_class(some_trials())

    assert advice.workload_class == "deferrable"
    assert advice.current is not None
    assert advice.current.setting == Setting(strategy=Way.THRESHOLD, threshold=250.0)
    assert advice.best.judged_percent > advice.current.judged_percent
    assert advice.best.judged_percent == pytest.approx(advice.oracle_percent, abs=0.5)


def test_what_is_tried_follows_from_the_first_part_alone():
    trials = some_trials()
    place = int((trials.boundary - trials.history.begins) / HOUR) + 1
    scrambled = trials.history.grams_per_kwh.copy()
    scrambled[place:] = 900.0
    history = a_history(*scrambled)
    world = replace(trials.world, histories={history.region: history})
    other = replace(trials, world=world, history=history, made={})

    assert other.settings == trials.settings
    assert [each.best.setting for each in by_class(other)] == [
        each.best.setting for each in by_class(trials)
    ]
    first = [each.best.chosen_on_percent for each in by_class(trials)]
    assert [each.best.chosen_on_percent for each in by_class(other)] == first


def test_no_job_is_of_both_parts_and_those_that_might_reach_over_are_of_none():
    trials = some_trials()
    longest = trials.jobs.submitted + SLACKS[-1] + trials.jobs.duration

    assert not (trials.first & trials.last).any()
    assert (longest[trials.first] <= trials.boundary).all()
    assert (trials.jobs.submitted[trials.last] > trials.boundary).all()


def test_nothing_beats_the_oracle_and_a_longer_slack_never_lowers_it():
    rows = by_slack(some_trials())

    oracle = [row.oracle_percent for row in rows]
    assert oracle == sorted(oracle)
    for row in rows:
        assert {each.setting.strategy for each in row.best} == {
            Way.THRESHOLD,
            Way.QUANTILE,
            Way.FORECAST,
        }
        assert all(each.judged_percent <= row.oracle_percent + 1e-9 for each in row.best)


def test_an_even_grid_saves_nothing_by_any_setting():
    trials = some_trials(EVEN)

    for row in by_slack(trials):
        assert row.oracle_percent == pytest.approx(0, abs=1e-9)
        assert [each.judged_percent for each in row.best] == pytest.approx([0, 0, 0], abs=1e-9)


@pytest.mark.parametrize("way", [Way.THRESHOLD, Way.QUANTILE, Way.FORECAST, Way.ORACLE])
def test_all_slacks_at_once_are_as_each_alone(way: Way):
    together = some_trials(jobs=hourly_jobs(class_of=(0, 2), slack=HOUR))
    alone = some_trials(jobs=hourly_jobs(class_of=(0, 2), slack=SLACKS[-1]))

    emitted = together.emitted(way, slack=SLACKS[-1])

    assert np.array_equal(emitted, alone.emitted(way))
    assert not np.array_equal(emitted, together.emitted(way))


def test_urgent_work_never_waits_in_any_trial():
    trials = some_trials(jobs=hourly_jobs(class_of=(0, 2)))
    urgent = trials.jobs.class_of == 0

    assert not trials.waits[urgent].any()
    for setting in trials.settings:
        emitted = trials.emitted(setting.strategy, slack=SLACKS[-1])
        assert np.array_equal(emitted[urgent], trials.at_once[urgent])
    assert [each.workload_class for each in by_class(trials)] == ["deferrable"]


@pytest.mark.parametrize(
    ("strategy", "way"),
    [(Strategy.AUTO, Way.FORECAST), (Strategy.QUANTILE, Way.QUANTILE), (Strategy.CURVE, None)],
)
def test_what_there_is_now_is_replayed_by_its_own_strategy(strategy: Strategy, way: Way | None):
    (advice,) = by_class(some_trials(policy=a_policy(strategy)))

    assert (advice.current and advice.current.setting.strategy) == way


def test_a_policy_that_is_switched_off_is_advised_on_as_if_it_were_on():
    off = replace(a_policy(), enabled=False)
    (advice,) = by_class(some_trials(policy=off))

    assert advice.current is not None
    assert advice.current.judged_percent == pytest.approx(0, abs=1e-9)
    assert advice.best.judged_percent > 5


def test_work_that_never_waits_is_refused():
    trials = some_trials(jobs=hourly_jobs(class_of=(0,)))

    with pytest.raises(TooLittleToAdviseError, match="no job waits"):
        require_enough(trials)


def test_too_short_a_past_is_refused_with_how_long_it_is():
    trials = some_trials(jobs=hourly_jobs(3))

    with pytest.raises(TooLittleToAdviseError, match=r"span 1\.9 days"):
        require_enough(trials)
    require_enough(some_trials(DAILY, hourly_jobs(DAYS)))
