"""The same jobs by every strategy, at home and where it is cleanest, with and without the law."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from carbon_scaler.application.backtest import Placing, Way, World, replay
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs, Places
from carbon_scaler.simulation.rehomed import (
    anywhere,
    by_chance,
    only_in,
    stacked,
    taken_apart,
)
from carbon_scaler.simulation.starts import Starts

STRATEGIES = (Way.THRESHOLD, Way.QUANTILE, Way.FORECAST)

Progress = Callable[[str], None]


class Baseline(StrEnum):
    """What a saving is measured against."""

    RUN_NOW = "run_now"
    RANDOM = "random"
    WORST = "worst"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Simulated:
    """Every job's starts in each scenario."""

    jobs: Jobs
    regions: tuple[str, ...]
    baseline: Starts
    # By strategy and place; `run_now` elsewhere than at home is the choice of the region alone.
    scenarios: Mapping[tuple[Way, Placing], Starts]
    # Perfect foresight, at home and free in time and place.
    oracle_at_home: Starts
    oracle: Starts
    # The strategy in the cleanest region, as if no job were bound.
    unbound: Starts


def simulate(
    world: World, jobs: Jobs, *, strategy: Way, baseline: Baseline, progress: Progress
) -> Simulated:
    """All scenarios, through the replay of `backtest`; the world is one where jobs stay at home."""
    regions = tuple(world.histories)
    freed = anywhere(jobs, regions)
    parts = (
        only_in(jobs, regions, _one(world, jobs, Way.RUN_NOW, progress).region_of),
        only_in(jobs, regions, _cleanest(world, jobs, progress)),
        only_in(jobs, regions, _cleanest(world, freed, progress)),
        jobs,
    )
    ways = (Way.RUN_NOW, *STRATEGIES, Way.ORACLE)
    # A job of one region is planned there alone.
    found = replay(replace(world, placing=Placing.PLANNED), stacked(parts), ways, progress)
    at_home, cleanest, unbound, planned = (
        dict(zip(ways, each, strict=True))
        for each in zip(*(taken_apart(starts, len(parts)) for starts in found), strict=True)
    )
    return Simulated(
        jobs=jobs,
        regions=regions,
        baseline=_baseline(world, jobs, baseline, progress),
        scenarios={
            **{(way, Placing.HOME): at_home[way] for way in (Way.RUN_NOW, *STRATEGIES)},
            **{(way, Placing.CLEANEST): cleanest[way] for way in (Way.RUN_NOW, *STRATEGIES)},
            (Way.FORECAST, Placing.PLANNED): planned[Way.FORECAST],
        },
        oracle_at_home=at_home[Way.ORACLE],
        oracle=planned[Way.ORACLE],
        unbound=unbound[strategy],
    )


def _cleanest(world: World, jobs: Jobs, progress: Progress) -> Places:
    """Where the replay would run each job; when does not matter, so by chance."""
    return _one(replace(world, placing=Placing.CLEANEST), jobs, Way.RANDOM, progress).region_of


def _baseline(world: World, jobs: Jobs, baseline: Baseline, progress: Progress) -> Starts:
    match baseline:
        case Baseline.RUN_NOW:
            return _one(world, jobs, Way.RUN_NOW, progress)
        case Baseline.RANDOM:
            scattered = by_chance(jobs, tuple(world.histories), world.seed)
            return _one(world, scattered, Way.RANDOM, progress)
        case Baseline.WORST:
            return _worst(world, jobs, progress)


def _worst(world: World, jobs: Jobs, progress: Progress) -> Starts:
    """What is best where the clean is dirty and the dirty clean."""
    turned = {region: _turned(history) for region, history in world.histories.items()}
    found = _one(replace(world, histories=turned), jobs, Way.ORACLE, progress)
    return replace(found, emissions_g=-found.emissions_g)


def _turned(history: History) -> History:
    return replace(history, grams_per_kwh=-history.grams_per_kwh)


def _one(world: World, jobs: Jobs, way: Way, progress: Progress) -> Starts:
    return replay(world, jobs, (way,), progress)[0]
