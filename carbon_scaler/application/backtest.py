"""Strategies side by side on the same jobs and the same past, by the decision that serves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.phases import phases_of
from carbon_scaler.domain.policy import DEFAULT_SPREAD, Policy, StatedSettings, Strategy
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.trigger import Mode, Plan, Rejection, Trigger, quoted
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.simulation.expected import Sight
from carbon_scaler.simulation.gates import Gates
from carbon_scaler.simulation.history import History, Meter, meter
from carbon_scaler.simulation.issues import Issues
from carbon_scaler.simulation.jobs import Jobs, Places
from carbon_scaler.simulation.oracle import best_starts
from carbon_scaler.simulation.places import NOWHERE, Sites, cleanest, lawful_until, sites
from carbon_scaler.simulation.planned import Looks, Waiting, planned_starts
from carbon_scaler.simulation.starts import Starts, first_polls, random_starts

Flags = NDArray[np.bool_]

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
    PLANNED = "planned"


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
    # Seconds over which the starts of those are spread that waited before a gate opened.
    spread: float = DEFAULT_SPREAD.total_seconds()
    seed: int = 0
    placing: Placing = Placing.HOME
    # What other grids have taught our own forecaster; None: nothing is forecast.
    priors: Priors | None = None
    # What somebody else has forecast for some of the regions.
    forecasts: Mapping[str, Issues] = field(default_factory=dict)

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
    replaying = _Replay(world=world, jobs=jobs)
    found = []
    for way in ways:
        progress(way)
        region_of, started = replaying.starts(way)
        found.append(replaying.emitted(way, region_of, started))
    return found


def sites_of(world: World, jobs: Jobs, regions: tuple[str, ...]) -> Sites:
    """Where each job may run under its tenant's law; raises where that is nowhere."""
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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Replay:
    """The same jobs in the same world, by one way after the other; what all need is made once."""

    world: World
    jobs: Jobs

    def starts(self, way: Way) -> tuple[Places, Column]:
        """Where and when each job starts."""
        jobs, world = self.jobs, self.world
        match way:
            case Way.ORACLE:
                return best_starts(jobs, self._sites, self._meters)
            case Way.RUN_NOW:
                # It is what is compared with, so that it always stays at home.
                return self._sites.home, jobs.submitted
            case Way.RANDOM:
                drawn = random_starts(jobs.submitted, jobs.latest, world.poll, world.seed)
                return self._region_of, drawn
            case Way.FORECAST if world.placing is Placing.PLANNED:
                return self._by_groups(way, self._sites.allowed, self._sites.home)
            case Way.THRESHOLD | Way.QUANTILE | Way.FORECAST:
                one = np.arange(len(world.histories)) == self._region_of[:, None]
                return self._by_groups(way, one, self._region_of)
        assert_never(way)

    def emitted(self, way: Way, region_of: Places, started: Column) -> Starts:
        """What the starts come to."""
        jobs, grams = self.jobs, np.empty(len(self.jobs))
        for place, each in enumerate(self._meters):
            here = region_of == place
            grams[here] = each.mean_grams(started[here], jobs.duration[here])
        return Starts(
            strategy=way,
            region_of=region_of,
            started=started,
            emissions_g=grams * jobs.energy_kwh,
        )

    def _by_groups(self, way: Way, allowed: Flags, home: Places) -> tuple[Places, Column]:
        """Jobs of one class that may use the same regions are asked about together."""
        region_of, started = home.copy(), self.jobs.submitted.copy()
        patterns, pattern_of = np.unique(allowed, axis=0, return_inverse=True)
        for number, workload_class in enumerate(self.jobs.classes):
            for row, pattern in enumerate(patterns):
                chosen = np.flatnonzero((self.jobs.class_of == number) & (pattern_of == row))
                if len(chosen):
                    places = np.flatnonzero(pattern)
                    waiting = self._waiting(chosen, np.searchsorted(places, home[chosen]))
                    where, when = self._group(way, workload_class, waiting, places)
                    region_of[chosen], started[chosen] = places[where], when
        return region_of, started

    def _group(
        self, way: Way, workload_class: str, jobs: Waiting, places: Places
    ) -> tuple[Places, Column]:
        """Where among the places, and when."""
        regions = [tuple(self.world.histories)[place] for place in places]
        plans = [self.world.plan(workload_class, region, STRATEGIES[way]) for region in regions]
        gates = [self._gates[region] for region in regions]
        if plans[0].enabled and plans[0].settings.strategy is Strategy.FORECAST:
            return self._planned(jobs, plans, gates)
        started = jobs.submitted.copy()
        for place, (plan, gate) in enumerate(zip(plans, gates, strict=True)):
            here = jobs.home == place
            some = jobs.some(np.flatnonzero(here))
            held = some.phases * self.world.spread
            started[here] = first_polls(
                gate.openings(plan), some.submitted, some.latest, self.world.poll, held=held
            )
        return jobs.home, started

    def _planned(
        self, jobs: Waiting, plans: Sequence[Plan], gates: Sequence[Gates]
    ) -> tuple[Places, Column]:
        grids = [grid for gate, plan in zip(gates, plans, strict=True) if (grid := gate.grid(plan))]
        if not grids:
            raise BacktestError("strategy forecast needs a forecast; leave out --forecast none")
        looks = Looks(
            poll=self.world.poll,
            spread=self.world.spread,
            min_savings_percent=plans[0].settings.min_savings_percent,
        )
        if plans[0].urgent:
            jobs = replace(jobs, latest=jobs.submitted)
        return planned_starts(jobs, grids, looks)

    def _waiting(self, chosen: Places, home: Places) -> Waiting:
        jobs = self.jobs
        return Waiting(
            submitted=jobs.submitted[chosen],
            latest=jobs.latest[chosen],
            durations=jobs.duration[chosen],
            phases=self._phases[chosen],
            home=home,
        )

    @cached_property
    def _sites(self) -> Sites:
        return sites_of(self.world, self.jobs, tuple(self.world.histories))

    @cached_property
    def _region_of(self) -> Places:
        """Where a job runs that is not planned; gates without a plan take the cleanest then."""
        if self.world.placing is Placing.HOME:
            return self._sites.home
        return cleanest(self.jobs, self._sites, self.world.histories, self.world.lag)

    @cached_property
    def _meters(self) -> tuple[Meter, ...]:
        return tuple(map(meter, self.world.histories.values()))

    @cached_property
    def _phases(self) -> Column:
        return phases_of(self.jobs.ids)

    @cached_property
    def _gates(self) -> Mapping[str, Gates]:
        world, jobs = self.world, self.jobs
        # From a submission to the end of the run.
        ahead = float((jobs.latest - jobs.submitted + jobs.duration).max())
        sight = Sight(lag=world.lag, ahead=ahead)
        return {
            region: Gates(
                history=history,
                sight=sight,
                priors=world.priors,
                issues=world.forecasts.get(region),
            )
            for region, history in world.histories.items()
        }
