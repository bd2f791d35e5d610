"""Strategies side by side on the same jobs and the same past, by the decision that serves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

import numpy as np

from carbon_scaler.decisions.openings import openings
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.policy import Policy, StatedSettings, Strategy
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.snapshot import Column, RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Rejection, Trigger, quoted
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.simulation.history import History, meter, published
from carbon_scaler.simulation.jobs import Jobs, Places
from carbon_scaler.simulation.oracle import best_starts
from carbon_scaler.simulation.places import NOWHERE, Sites, cleanest, lawful_until, sites
from carbon_scaler.simulation.planned import Expected, Waiting, expected_of, planned_starts
from carbon_scaler.simulation.starts import Starts, first_polls, random_starts

BACKLOG = "jobs"
NAMESPACE = "backtest"


class Way(StrEnum):
    """How the starts of jobs are chosen."""

    RUN_NOW = "run_now"
    THRESHOLD = "threshold"
    QUANTILE = "quantile"
    FORECAST = "forecast"
    ORACLE = "oracle"
    RANDOM = "random"


STRATEGIES: Mapping[Way, Strategy] = {
    Way.THRESHOLD: Strategy.THRESHOLD,
    Way.QUANTILE: Strategy.QUANTILE,
    Way.FORECAST: Strategy.FORECAST,
}


class Placing(StrEnum):
    """In which of its regions a job runs; the oracle is free to choose."""

    HOME = "home"
    CLEANEST = "cleanest"


class BacktestError(CarbonScalerError):
    """These jobs can't be replayed under this policy."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """The rules, the grids' past and how it is looked at."""

    policy: Policy
    catalog: Catalog
    histories: Mapping[str, History]
    tenant: str | None = None
    # Seconds until a value is known after its interval began.
    lag: float = 0.0
    # Seconds from one look at the gate to the next.
    poll: float = 60.0
    seed: int = 0
    placing: Placing = Placing.HOME
    # What other grids have taught our own forecaster; None: nothing is forecast.
    priors: Priors | None = None

    @property
    def begins(self) -> float:
        """The beginning of the longest history, in Unix seconds."""
        return min(history.begins for history in self.histories.values())

    def plan(self, workload_class: str, region: str, strategy: Strategy | None = None) -> Plan:
        """What a trigger of this class would mean there; a start takes no time."""
        trigger = Trigger(
            namespace=self._namespace(),
            name=workload_class,
            region=region,
            workload_class=workload_class,
            mode=Mode.QUEUE,
            backlog=BACKLOG,
            tenant=self.tenant,
            stated=StatedSettings(strategy=strategy, lead=timedelta(0)),
        )
        around = Surroundings(
            default_region=None,
            catalog=self.catalog,
            stored_regions=self.histories.keys(),
            backlogs={BACKLOG: None},
        )
        plan = resolve(trigger, self.policy, around)
        if isinstance(plan, Rejection):
            raise BacktestError(plan.text())
        return plan

    def _namespace(self) -> str:
        """One that the tenant is bound to, if it is to any."""
        tenant = self.policy.residency.tenants.get(self.tenant or "")
        bound = () if tenant is None else tenant.namespaces
        return next(iter(sorted(bound)), NAMESPACE)


def replay(
    world: World, jobs: Jobs, ways: Sequence[Way], progress: Callable[[str], None]
) -> list[Starts]:
    """The starts of every job, way by way; `progress` hears which one is next."""
    regions = tuple(world.histories)
    placed = _sites(world, jobs, regions)
    meters = tuple(meter(world.histories[region]) for region in regions)
    found = []
    for way in ways:
        progress(way)
        if way is Way.ORACLE:
            region_of, started = best_starts(jobs, placed, meters)
        else:
            region_of = _region_of(world, jobs, placed, way)
            started = _started(world, jobs, region_of, way)
        emitted = np.empty(len(jobs))
        for place, each in enumerate(meters):
            here = region_of == place
            grams = each.mean_grams(started[here], jobs.duration[here])
            emitted[here] = grams * jobs.energy_kwh[here]
        found.append(
            Starts(strategy=way, region_of=region_of, started=started, emissions_g=emitted)
        )
    return found


def _sites(world: World, jobs: Jobs, regions: tuple[str, ...]) -> Sites:
    lawful = {
        region: lawful_until(world.plan(jobs.classes[0], region).tenancy, region, world.begins)
        for region in regions
    }
    found = sites(jobs, regions, lawful)
    nowhere = np.flatnonzero(found.home == NOWHERE)
    if len(nowhere):
        job = int(nowhere[0])
        choice = ", ".join(jobs.choices[jobs.choice_of[job]])
        raise BacktestError(
            f"job {quoted(jobs.ids[job])}: tenant {quoted(world.tenant or '')} may run in none of "
            f"its regions ({choice}); name one that the tenant's residency allows, or leave the "
            f"job out ({len(nowhere)} jobs are like this)"
        )
    return found


def _region_of(world: World, jobs: Jobs, placed: Sites, way: Way) -> Places:
    """Starting at once is what is compared with, so that it always stays at home."""
    if way is Way.RUN_NOW or world.placing is Placing.HOME:
        return placed.home
    return cleanest(jobs, placed, world.histories, world.lag)


def _started(world: World, jobs: Jobs, region_of: Places, way: Way) -> Column:
    if way is Way.RUN_NOW:
        return jobs.submitted
    if way is Way.RANDOM:
        return random_starts(jobs.submitted, jobs.latest, world.poll, world.seed)
    started = jobs.submitted.copy()
    for place, region in enumerate(world.histories):
        history = world.histories[region]
        gates = _Gates(world=world, history=history, way=way, ahead=_longest(jobs))
        for number, workload_class in enumerate(jobs.classes):
            chosen = np.flatnonzero((region_of == place) & (jobs.class_of == number))
            if len(chosen):
                waiting = Waiting(
                    submitted=jobs.submitted[chosen],
                    latest=jobs.latest[chosen],
                    durations=jobs.duration[chosen],
                )
                started[chosen] = gates.starts(waiting, workload_class)
    return started


def _longest(jobs: Jobs) -> float:
    """From a submission to the end of the run, in seconds."""
    return float((jobs.latest - jobs.submitted + jobs.duration).max())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Gates:
    """One strategy on one region's past; what all classes need is made once."""

    world: World
    history: History
    way: Way
    ahead: float

    def starts(self, jobs: Waiting, workload_class: str) -> Column:
        """When jobs of a class start."""
        world, history = self.world, self.history
        plan = world.plan(workload_class, history.region, STRATEGIES[self.way])
        if plan.settings.strategy is Strategy.FORECAST and plan.enabled and not plan.urgent:
            return self._planned(jobs, plan)
        opened = openings(plan, self._series, history.begins, history.ends)
        return first_polls(opened, jobs.submitted, jobs.latest, world.poll)

    def _planned(self, jobs: Waiting, plan: Plan) -> Column:
        if plan.windows:
            raise BacktestError(
                "strategy forecast does not plan with time windows yet; leave "
                "time-shift-policies.yaml and clean_hours out of the policy"
            )
        least = plan.settings.min_savings_percent
        return planned_starts(jobs, self._expected, self.world.poll, min_savings_percent=least)

    @cached_property
    def _series(self) -> RegionSeries:
        return published(self.history, self.world.lag)

    @cached_property
    def _expected(self) -> Expected:
        if self.world.priors is None:
            raise BacktestError("strategy forecast needs a forecast; leave out --forecast none")
        return expected_of(self.history, self.world.priors, self.world.lag, self.ahead)
