from math import fsum

import numpy as np
import pytest

from carbon_scaler.application.backtest import Placing, Way
from carbon_scaler.application.simulate import STRATEGIES, Baseline, Simulated, simulate
from carbon_scaler.simulation.comparison import energy_kwh, total_kg, violations
from carbon_scaler.simulation.exact_mix import DAY, DrawnJobs, ExactMix, drawn
from tests.builders import HOME
from tests.unit.simulation.worlds import AWAY, BEGINS, a_history, a_world

DAILY = [700.0] * 6 + [350.0] * 6 + [120.0] * 6 + [500.0] * 6
INSIDE = frozenset({AWAY})
MIX = ExactMix(
    days=3, jobs=120, shares=(10, 40, 50), eu_share=0.3, least_kwh=0.1, most_kwh=0.5, seed=7
)
JOBS: DrawnJobs = drawn(MIX)


def simulated(strategy: Way = Way.THRESHOLD, baseline: Baseline = Baseline.RUN_NOW) -> Simulated:
    """Home is cleaner than the region in the EU."""
    world = a_world(
        a_history(*DAILY * 6), a_history(*[2 * grams for grams in DAILY] * 6, region=AWAY)
    )
    jobs = JOBS.on((HOME, AWAY), INSIDE, BEGINS + 2 * DAY)
    heard: list[str] = []
    return simulate(world, jobs, strategy=strategy, baseline=baseline, progress=heard.append)


def test_no_bound_job_leaves_and_all_scenarios_draw_the_same_energy():
    found = simulated()

    inside = np.array([False, True])
    every = [found.baseline, found.oracle, found.oracle_at_home, *found.scenarios.values()]
    assert [violations(JOBS.bound, inside, starts) for starts in every] == [0] * len(every)
    energies = [energy_kwh(found.jobs, starts) for starts in every]
    assert max(energies) - min(energies) < 1e-9


def test_without_the_law_bound_jobs_go_where_it_is_cleaner():
    found = simulated()

    optimised = found.scenarios[Way.THRESHOLD, Placing.CLEANEST]
    moved = found.unbound.region_of != optimised.region_of
    assert (moved == JOBS.bound).all()
    assert total_kg(found.unbound) < total_kg(optimised)


def test_every_strategy_is_tried_at_home_and_where_it_is_cleanest():
    found = simulated()

    assert set(found.scenarios) == {
        (way, place)
        for way in (Way.RUN_NOW, *STRATEGIES)
        for place in (Placing.HOME, Placing.CLEANEST)
    } | {(Way.FORECAST, Placing.PLANNED)}
    at_once = found.scenarios[Way.RUN_NOW, Placing.CLEANEST]
    assert (at_once.started == found.jobs.submitted).all()
    assert total_kg(at_once) < total_kg(found.baseline)
    assert (at_once.region_of == found.scenarios[Way.QUANTILE, Placing.CLEANEST].region_of).all()


def test_nothing_beats_foresight_that_is_free_in_time_and_place():
    found = simulated()

    assert total_kg(found.oracle) <= total_kg(found.oracle_at_home)
    for (_, place), starts in found.scenarios.items():
        bound = found.oracle_at_home if place is Placing.HOME else found.oracle
        assert (bound.emissions_g <= starts.emissions_g + 1e-6).all()
    assert (found.oracle_at_home.region_of == found.baseline.region_of).all()


def test_the_worst_baseline_emits_most():
    worst, best = simulated(baseline=Baseline.WORST), simulated()

    for starts in (*worst.scenarios.values(), worst.oracle, best.baseline):
        assert (worst.baseline.emissions_g >= starts.emissions_g - 1e-6).all()
    assert fsum(worst.baseline.emissions_g) > total_kg(best.baseline) * 1000


def test_the_random_baseline_is_anywhere_allowed_at_any_time_and_repeats():
    one, same = (simulated(baseline=Baseline.RANDOM).baseline for _ in range(2))

    waited = one.started - simulated().jobs.submitted
    assert (one.started == same.started).all()
    assert (one.region_of == same.region_of).all()
    assert (waited >= 0).all()
    assert waited.max() > 3600
    assert set(one.region_of[JOBS.bound]) == {1}
    assert set(one.region_of[~JOBS.bound]) == {0, 1}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_chosen_strategy_is_the_one_that_runs_without_the_law(strategy: Way):
    found = simulated(strategy)

    free = ~JOBS.bound
    optimised = found.scenarios[strategy, Placing.CLEANEST]
    assert (found.unbound.started[free] == optimised.started[free]).all()
