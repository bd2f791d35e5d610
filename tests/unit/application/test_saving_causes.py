"""Which of the known causes of low savings the figures show."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from carbon_scaler.application.advice import Trials
from carbon_scaler.application.saving_causes import Evidence, causes_document, causes_of
from carbon_scaler.domain.policy import Strategy, TimeShift
from tests.unit.application.advice_world import DAILY, EVEN, a_policy, hourly_jobs, some_trials
from tests.unit.simulation.worlds import HOUR


def applying(
    trials: Trials,
    *,
    missing_percent: float = 0.0,
    age: timedelta | None = None,
    elsewhere: Mapping[str, float] | None = None,
    target_percent: float = 10.0,
) -> set[str]:
    evidence = Evidence(
        grams=trials.history.grams_per_kwh,
        missing_percent=missing_percent,
        age=age,
        elsewhere=elsewhere or {},
        target_percent=target_percent,
    )
    return {cause.name for cause in causes_of(trials, evidence) if cause.applies}


def test_a_grid_that_hardly_moves_is_the_cause_and_not_the_slack():
    found = applying(some_trials(EVEN, policy=a_policy(Strategy.FORECAST)))

    assert found == {"grid_hardly_moves"}


def test_a_slack_that_is_too_short_is_the_cause_where_a_longer_one_would_do():
    trials = some_trials(jobs=hourly_jobs(slack=HOUR), policy=a_policy(Strategy.FORECAST))

    assert applying(trials) == {"slack_too_short"}


def test_too_much_urgent_work_is_the_cause_where_the_rest_could_save_enough():
    jobs = hourly_jobs(class_of=(0, 0, 0, 2))
    trials = some_trials(jobs=jobs, policy=a_policy(Strategy.FORECAST))

    assert applying(trials) == {"too_much_urgent"}


@pytest.mark.parametrize(
    ("threshold", "cause"),
    [(250.0, {"always_shut"}), (600.0, {"always_open"}), (400.0, set[str]())],
)
def test_a_limit_that_the_grid_is_never_or_always_below_is_a_cause(
    threshold: float, cause: set[str]
):
    trials = some_trials(policy=a_policy(threshold=threshold))

    found = {name for name in applying(trials) if name.startswith("threshold")}

    assert found == {f"threshold_{each}:deferrable" for each in cause}


def test_a_limit_is_no_cause_where_another_strategy_decides():
    trials = some_trials(policy=a_policy(Strategy.QUANTILE))

    assert not {name for name in applying(trials) if name.startswith("threshold")}


@pytest.mark.parametrize(
    ("age", "missing", "stale"),
    [
        (timedelta(hours=3), 0.0, False),
        (timedelta(hours=3, seconds=1), 0.0, True),
        (None, 5.0, False),
        (None, 5.1, True),
    ],
)
def test_data_that_are_late_or_missing_are_a_cause(
    age: timedelta | None, missing: float, stale: bool
):
    found = applying(some_trials(), age=age, missing_percent=missing)

    assert ("data_stale" in found) is stale


def test_a_cleaner_region_is_a_cause_where_it_saves_what_is_hoped_for():
    mean = float(np.mean(DAILY))

    assert "cleaner_region_elsewhere" in applying(some_trials(), elsewhere={"b": 0.9 * mean})
    assert "cleaner_region_elsewhere" not in applying(some_trials(), elsewhere={"b": 0.91 * mean})


def test_what_is_switched_off_is_named():
    policy = replace(a_policy(), time_shift=TimeShift(enabled=False))

    assert "switched_off" in applying(some_trials(policy=policy))


def test_causes_that_apply_come_first_and_each_says_what_helps():
    trials = some_trials()
    evidence = Evidence(
        grams=trials.history.grams_per_kwh,
        missing_percent=0.0,
        age=None,
        elsewhere={},
        target_percent=10.0,
    )
    told = causes_document(causes_of(trials, evidence))

    flags = [each["applies"] for each in told]
    assert flags == sorted(flags, reverse=True)
    assert flags[0]
    assert all(each["text"] and each["fix"] for each in told)
