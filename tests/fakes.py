"""One small fake per port."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from carbon_scaler.application.directives import NO_DIRECTIVES
from carbon_scaler.application.known import BacklogStates, Known
from carbon_scaler.application.rulebook import Rulebook, Rules
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.backlog import BacklogState
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.place import UNKNOWN_WHEREABOUTS, Whereabouts
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan


class FakeClock:
    """Stands still until told otherwise."""

    def __init__(self, now: datetime) -> None:
        self.instant = now

    def now(self) -> datetime:
        return self.instant

    def advance(self, by: timedelta) -> None:
        self.instant += by


class FakeIntensityStore:
    """Series in a dictionary."""

    def __init__(self, series: Mapping[str, RegionSeries] | None = None) -> None:
        self.series = dict(series or {})
        self.failure: Exception | None = None
        self.loads: list[Collection[str] | None] = []

    async def load(
        self, regions: Collection[str] | None, *, now: datetime
    ) -> Mapping[str, RegionSeries]:
        self.loads.append(regions)
        if self.failure is not None:
            raise self.failure
        return {
            name: series
            for name, series in self.series.items()
            if regions is None or name in regions
        }

    async def store(self, readings: Sequence[Reading]) -> int:
        raise NotImplementedError


class FakeChanges:
    """Changes that a test announces."""

    def __init__(self) -> None:
        self.last_error: str | None = None
        self._queue: asyncio.Queue[frozenset[str] | None] = asyncio.Queue()

    def announce(self, *regions: str) -> None:
        self._queue.put_nowait(frozenset(regions) or None)

    async def changes(self) -> AsyncIterator[frozenset[str] | None]:
        while True:
            yield await self._queue.get()


class FakeBacklogStates:
    """States that a test sets."""

    def __init__(
        self,
        states: Mapping[str, BacklogState] | None = None,
        namespaces: Mapping[str, Collection[str] | None] | None = None,
    ) -> None:
        self.states = dict(states or {})
        self.allowed = dict(namespaces or {})
        self.awaited: list[str] = []

    @property
    def namespaces(self) -> Mapping[str, Collection[str] | None]:
        return {name: self.allowed.get(name) for name in self.states}

    def state(self, name: str) -> BacklogState:
        return self.states[name]

    async def first_reading(self, name: str) -> None:
        self.awaited.append(name)


class FakeDirectives:
    """What operators say, as a test sets it."""

    def __init__(self) -> None:
        self.current = NO_DIRECTIVES
        self.is_loaded = True

    async def wait_loaded(self, *, seconds: float) -> bool:
        return self.is_loaded


class FakePlaces:
    """Where shared work runs, as a test sets it."""

    def __init__(self) -> None:
        self.whereabouts = UNKNOWN_WHEREABOUTS
        self.is_loaded = True
        self.noted: list[tuple[Plan, datetime]] = []
        self.awaited = 0

    async def wait_loaded(self, *, seconds: float) -> bool:
        self.awaited += 1
        return self.is_loaded

    def of(self, plan: Plan) -> Whereabouts:
        return self.whereabouts

    def note(self, plan: Plan, now: datetime) -> None:
        self.noted.append((plan, now))


class FakeNotes:
    """Remembers what was noted."""

    def __init__(self) -> None:
        self.noted: list[tuple[Plan, Decision]] = []

    def note(self, plan: Plan, decision: Decision, series: RegionSeries | None) -> None:
        self.noted.append((plan, decision))


def a_rulebook(catalog: Catalog, policy: Policy = BUILT_IN_POLICY) -> Rulebook:
    return Rulebook(policy=policy, catalog=catalog)


def what_is_known(snapshots: Snapshots, backlogs: BacklogStates) -> Known:
    """Without a word of any operator."""
    return Known(
        snapshots=snapshots,
        backlogs=backlogs,
        directives=FakeDirectives(),
        places=FakePlaces(),
    )


def rules_of(rulebook: Rulebook, clock: FakeClock) -> Rules:
    """Rules that never change."""

    async def unused(_: Rulebook) -> None:
        raise AssertionError

    return Rules(read=lambda: rulebook, signature=lambda: None, use=unused, clock=clock)
