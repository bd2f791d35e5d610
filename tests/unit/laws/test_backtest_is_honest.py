from dataclasses import replace
from math import fsum
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon_scaler.application.backtest import Placing, Way, World
from carbon_scaler.domain.policy import BUILT_IN_POLICY, TimeShift
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.outcome import Yardstick
from carbon_scaler.simulation.starts import Starts
from tests.builders import HOME, a_window, preferred
from tests.unit.laws.cases import law
from tests.unit.simulation.worlds import AWAY, BEGINS, HOUR, a_history, a_world, replayed

# A forecast learns all of the past of each world anew.
planning_law = settings(law, max_examples=40)

DAYS = 9
LOOKING = (Way.THRESHOLD, Way.QUANTILE, Way.FORECAST)
# Every job ends in time, and some are submitted when a week is known and more.
SUBMITTED = st.integers(0, (DAYS * 24 - 20) * 60).map(lambda minutes: 60.0 * minutes)
GRAMS = st.floats(1, 900, allow_subnormal=False) | st.integers(1, 9).map(lambda each: 100.0 * each)


def _history(grams: list[float], region: str, step: float) -> History:
    count = int(DAYS * 24 * HOUR / step)
    return a_history(*(grams * count)[:count], region=region, step=step)


def histories(region: str = HOME) -> st.SearchStrategy[History]:
    return st.builds(
        _history,
        st.lists(GRAMS, min_size=1, max_size=40),
        st.just(region),
        st.sampled_from((HOUR, 1800.0)),
    )


def _jobs(rows: list[tuple[float, float, float, float, int, int]]) -> Jobs:
    submitted, duration, slack, energy, classes, choices = (
        np.array(each) for each in zip(*rows, strict=True)
    )
    return Jobs(
        ids=tuple(f"job-{number}" for number in range(len(rows))),
        submitted=BEGINS + submitted,
        duration=duration,
        energy_kwh=energy,
        slack=slack,
        classes=("urgent", "standard", "deferrable"),
        class_of=classes.astype(np.intp),
        choices=((HOME,), (HOME, AWAY), (AWAY,)),
        choice_of=choices.astype(np.intp),
    )


JOBS = st.builds(
    _jobs,
    st.lists(
        st.tuples(
            SUBMITTED,
            st.sampled_from((60.0, 1000.0, HOUR, 5400.0, 4 * HOUR)),
            st.sampled_from((0.0, 90.0, HOUR, 12 * HOUR)),
            st.floats(0.01, 10),
            st.integers(0, 2),
            st.integers(0, 2),
        ),
        min_size=1,
        max_size=8,
    ),
)
LAGS = st.sampled_from((0.0, HOUR))
POLICIES = tuple(
    replace(BUILT_IN_POLICY, time_shift=TimeShift(windows=windows))
    for windows in ((), (a_window(8, 11.5), preferred(18, 20, 15)))
)
WORLDS = st.builds(
    a_world,
    histories(),
    histories(AWAY),
    lag=LAGS,
    spread=st.sampled_from((0.0, 1200.0)),
    placing=st.sampled_from(Placing),
    policy=st.sampled_from(POLICIES),
)


def figures(world: World, jobs: Jobs, found: dict[str, Starts]) -> dict[str, dict[str, Any]]:
    yardstick = Yardstick(
        jobs=jobs,
        regions=tuple(world.histories),
        at_once=found[Way.RUN_NOW],
        best=found[Way.ORACLE],
    )
    return {name: yardstick.outcome(starts) for name, starts in found.items()}


@planning_law
@given(world=WORLDS, jobs=JOBS)
def test_energy_is_equal_and_nobody_beats_the_oracle_or_starts_out_of_time(
    world: World, jobs: Jobs
):
    found = replayed(world, jobs)
    told = figures(world, jobs, found)

    for way, starts in found.items():
        assert (starts.started >= jobs.submitted).all()
        assert (starts.started <= jobs.latest).all()
        assert told[way]["late_starts"] == 0
        assert told[way]["energy_kwh"] == fsum(jobs.energy_kwh)
        assert (starts.emissions_g >= found[Way.ORACLE].emissions_g * (1 - 1e-9)).all()
        assert told[way]["emissions_g"] == fsum(starts.emissions_g)
        parts = [each["emissions_g"] for each in told[way]["by_class"].values()]
        assert fsum(parts) == pytest.approx(told[way]["emissions_g"], rel=1e-12)


@law
@given(world=WORLDS, jobs=JOBS, minutes=st.integers(0, 720))
def test_no_start_at_all_is_better_than_the_oracles(world: World, jobs: Jobs, minutes: int):
    """Any minute of the slack, in the home region, against the few instants that it tries."""
    best = replayed(world, jobs, Way.ORACLE)[Way.ORACLE]
    at_once = replayed(world, jobs, Way.RUN_NOW)[Way.RUN_NOW]

    for job in range(len(jobs)):
        history = tuple(world.histories.values())[at_once.region_of[job]]
        start = min(jobs.submitted[job] + 60 * minutes, jobs.latest[job])
        tried = jobs.energy_kwh[job] * _mean_by_seconds(history, start, jobs.duration[job])
        assert best.emissions_g[job] <= tried * (1 + 1e-9)


def _mean_by_seconds(history: History, start: float, duration: float) -> float:
    """Interval by interval, how long the run lies in it."""
    begins = history.begins + history.step * np.arange(len(history.grams_per_kwh))
    inside = np.minimum(begins + history.step, start + duration) - np.maximum(begins, start)
    return float(np.maximum(inside, 0) @ history.grams_per_kwh / duration)


@planning_law
@given(world=WORLDS, jobs=JOBS)
def test_emissions_are_those_of_every_interval_that_the_run_lies_in(world: World, jobs: Jobs):
    for starts in replayed(world, jobs).values():
        for job in range(len(jobs)):
            history = tuple(world.histories.values())[starts.region_of[job]]
            mean = _mean_by_seconds(history, starts.started[job], jobs.duration[job])
            assert starts.emissions_g[job] == pytest.approx(jobs.energy_kwh[job] * mean, rel=1e-9)


@planning_law
@given(grams=GRAMS, jobs=JOBS)
def test_a_constant_grid_saves_exactly_nothing(grams: float, jobs: Jobs):
    world = a_world(_history([grams], HOME, HOUR), _history([grams], AWAY, HOUR))

    for told in figures(world, jobs, replayed(world, jobs)).values():
        assert told["saving_percent"] == 0
        assert told["share_of_oracle"] is None


@planning_law
@given(world=WORLDS, jobs=JOBS, factor=st.sampled_from((0.001, 0.37, 3.0, 11.0)))
def test_with_eight_days_known_a_multiple_of_all_intensities_moves_no_start(
    world: World, jobs: Jobs, factor: float
):
    later = replace(jobs, submitted=np.maximum(jobs.submitted, BEGINS + 8 * 24 * HOUR))
    later = replace(later, duration=np.full(len(jobs), 60.0))
    multiplied = replace(
        world,
        histories={
            name: replace(each, grams_per_kwh=each.grams_per_kwh * factor)
            for name, each in world.histories.items()
        },
    )

    for way in (Way.QUANTILE, Way.FORECAST):
        one, other = (replayed(each, later, way)[way] for each in (world, multiplied))

        assert one.started.tolist() == other.started.tolist()


@law
@given(world=WORLDS, jobs=JOBS, share=st.floats(0, 1))
def test_a_longer_slack_never_lowers_what_the_oracle_saves(world: World, jobs: Jobs, share: float):
    shorter = replace(jobs, slack=jobs.slack * share)

    less, more = (replayed(world, each, Way.ORACLE)[Way.ORACLE] for each in (shorter, jobs))

    assert (more.emissions_g <= less.emissions_g * (1 + 1e-9)).all()


@planning_law
@given(
    world=WORLDS,
    jobs=JOBS,
    after=st.integers(0, DAYS * 24),
    scrambled=st.lists(GRAMS, min_size=1, max_size=9),
)
def test_no_start_depends_on_a_value_that_was_published_after_it(
    world: World, jobs: Jobs, after: int, scrambled: list[float]
):
    known_until = BEGINS + after * HOUR
    changed = replace(
        world,
        histories={
            name: _scrambled(each, known_until - world.lag, scrambled)
            for name, each in world.histories.items()
        },
    )

    for way in (*LOOKING, Way.RANDOM, Way.RUN_NOW):
        before, now = (replayed(each, jobs, way)[way] for each in (world, changed))
        decided = before.started < known_until
        assert (before.started[decided] == now.started[decided]).all()
        assert (before.region_of[decided] == now.region_of[decided]).all()
        assert not (now.started[~decided] < known_until).any()


def _scrambled(history: History, since: float, scrambled: list[float]) -> History:
    first = max(0, int(np.ceil((since - history.begins) / history.step)))
    grams = history.grams_per_kwh.copy()
    left = len(grams) - first
    grams[first:] = (scrambled * (left + 1))[: max(left, 0)]
    return replace(history, grams_per_kwh=grams)
