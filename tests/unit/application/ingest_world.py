"""A world for ingest: sources, a store, a ledger and elections that do as they are told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_sources import ErrorKind, SourceError, SourceTraits
from carbon_scaler.application.ingest.loop import Ingest, Rhythm, Stores
from carbon_scaler.application.ports import Term
from carbon_scaler.application.terms import SupersededError, UnstorableError
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis, Kind, Reading
from carbon_scaler.domain.observation import (
    ForecastPoint,
    Observation,
    RegionForecast,
    ZoneForecast,
)
from carbon_scaler.domain.regions import CloudRegion, RegionGrid
from carbon_scaler.domain.snapshot import RegionSeries

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)

HOURLY = SourceTraits(
    name="hourly",
    basis=Basis(),
    accounting="consumption",
    unit="gCO2eq/kWh",
    step=HOUR,
    lag=timedelta(0),
    reads_after=timedelta(minutes=2),
    spread=timedelta(0),
    history_reach=timedelta(days=2),
    history_window=timedelta(days=1),
    horizon=None,
    calls_per_latest=1,
    calls_per_history=1,
    calls_per_minute=None,
    licence_class="open",
    attribution="nobody",
)


class UnreachableError(CarbonScalerError):
    """What an adapter raises."""


class EnoughError(Exception):
    """Ends a loop that runs for ever."""


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.at = START
        self.end = START + timedelta(days=365)
        self.naps = 0
        self.alarms: list[tuple[datetime, Callable[[], None]]] = []

    def now(self) -> datetime:
        return self.at

    def call_at(self, at: datetime, what: Callable[[], None]) -> None:
        self.alarms.append((at, what))

    async def sleep(self, seconds: float) -> None:
        self.naps += 1
        self.at += timedelta(seconds=seconds)
        for alarm in [each for each in self.alarms if each[0] <= self.at]:
            self.alarms.remove(alarm)
            alarm[1]()
        if self.at >= self.end or self.naps > 100_000:
            raise EnoughError
        await asyncio.sleep(0)


@dataclass
class Source:
    """Knows each interval's value from its start."""

    traits: SourceTraits = HOURLY
    zone_names: dict[str, str] = field(default_factory=dict)
    # By the zone or "*": raised instead of an answer.
    failures: dict[str, Exception] = field(default_factory=dict)
    history_failure: Exception | None = None
    forecast_failure: Exception | None = None
    silent: set[str] = field(default_factory=set)
    grams: Callable[[datetime], float] = lambda at: 200.0 + at.hour
    # Changes an observation on its way out; None: it is left out.
    shape: Callable[[Observation], Observation | None] = lambda observation: observation
    latest_intervals: int = 1
    calls: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, datetime]] = field(default_factory=list)
    windows: list[tuple[str, datetime, datetime]] = field(default_factory=list)
    now: datetime = START
    # What happens meanwhile, like time that passes.
    at_history: Callable[[], None] = lambda: None

    def serves(self, region: CloudRegion) -> bool:
        return not self.zone_names or region.name in self.zone_names

    async def zone_of(self, region: CloudRegion, now: datetime) -> str:
        self.calls["zone"] += 1
        if (failure := self.failures.get("zone:" + region.name)) is not None:
            raise failure
        if "zone:" + region.name in self.silent:
            await asyncio.Event().wait()
        return self.zone_names.get(region.name, region.zone)

    async def zones(self) -> Collection[str]:
        return ()

    async def latest(self, zone: str, now: datetime) -> Sequence[Observation]:
        self.calls["latest"] += 1
        self.asked.append((zone, now))
        self.now = now
        if zone in self.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self._fail(zone)
        newest = self._start(now)
        first = newest - (self.latest_intervals - 1) * self.traits.step
        return self._values(zone, first, newest + self.traits.step)

    async def history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        self.calls["history"] += 1
        self.windows.append((zone, since, until))
        self.at_history()
        await asyncio.sleep(0)
        if self.history_failure is not None:
            raise self.history_failure
        self._fail(zone)
        first = self._start(since)
        return self._values(zone, first if first >= since else first + self.traits.step, until)

    async def forecast(self, zone: str, now: datetime) -> ZoneForecast | None:
        self.calls["forecast"] += 1
        if self.forecast_failure is not None:
            raise self.forecast_failure
        start = self._start(now)
        points = [
            ForecastPoint(target_at=start + n * HOUR, lasts=HOUR, grams_per_kwh=100.0 + n)
            for n in range(3)
        ]
        return ZoneForecast(zone=zone, issued_at=None, model=None, points=tuple(points))

    def fail(self, kind: ErrorKind, *, zone: str = "*") -> None:
        text = f"{self.traits.name}: {kind}"
        self.failures[zone] = SourceError(text, source=self.traits.name, kind=kind)

    def _fail(self, zone: str) -> None:
        failure = self.failures.get(zone, self.failures.get("*"))
        if failure is not None:
            raise failure

    def _start(self, at: datetime) -> datetime:
        return self.traits.anchor + (at - self.traits.anchor) // self.traits.step * self.traits.step

    def _values(self, zone: str, first: datetime, until: datetime) -> list[Observation]:
        values = []
        while first < until:
            value = self.shape(
                Observation(
                    zone=zone,
                    starts_at=first,
                    lasts=self.traits.step,
                    grams_per_kwh=self.grams(first),
                    kind=Kind.MEASURED,
                )
            )
            if value is not None:
                values.append(value)
            first += self.traits.step
        return values


@dataclass
class Store:
    """Keeps readings by what identifies them, forecasts, records and grids."""

    rows: dict[tuple[str, datetime, str], Reading] = field(default_factory=dict)
    forecasts: list[RegionForecast] = field(default_factory=list)
    records: dict[tuple[str, str], FeedRecord] = field(default_factory=dict)
    grids: tuple[RegionGrid, ...] = ()
    calls: list[int] = field(default_factory=list)
    keeps: int = 0
    failure: Exception | None = None
    unstorable: float | None = None
    # Writes of earlier terms are refused.
    term: int = 0

    async def store(self, readings: Sequence[Reading], *, term: int | None = None) -> int:
        await self._write(term)
        if self.unstorable in [each.grams_per_kwh for each in readings]:
            raise UnstorableError("no such value")
        self.calls.append(len(readings))
        changed = 0
        for each in readings:
            key = (each.region, each.observed_at, each.source)
            former = self.rows.get(key)
            if former is None or replace(former, fetched_at=each.fetched_at) != each:
                changed += 1
                self.rows[key] = each
        return changed

    async def store_forecasts(
        self, forecasts: Sequence[RegionForecast], *, term: int | None = None
    ) -> int:
        await self._write(term)
        self.forecasts.extend(forecasts)
        return len(forecasts)

    async def feeds(self) -> Sequence[FeedRecord]:
        await self._write(None)
        return tuple(self.records.values())

    async def keep_feeds(self, records: Sequence[FeedRecord], *, term: int | None = None) -> None:
        await self._write(term)
        self.keeps += 1
        self.records |= {(record.source, record.zone): record for record in records}

    async def keep_grids(self, grids: Sequence[RegionGrid], *, term: int | None = None) -> None:
        await self._write(term)
        self.grids = tuple(grids)

    async def load(
        self, regions: Collection[str] | None, *, now: datetime
    ) -> Mapping[str, RegionSeries]:
        await self._write(None)
        usable = [each for each in self.rows.values() if _decides(each)]
        found = {each.region for each in usable}
        wanted = found if regions is None else found & set(regions)
        return {region: _series(region, usable) for region in wanted}

    def starts(self, region: str, source: str = "hourly") -> list[datetime]:
        return sorted(at for name, at, by in self.rows if (name, by) == (region, source))

    def flag(self, region: str, at: datetime, source: str = "hourly") -> str | None:
        provenance = self.rows[region, at, source].provenance
        assert provenance is not None
        return provenance.flagged

    async def _write(self, term: int | None) -> None:
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        if term is not None and term < self.term:
            raise SupersededError("another process writes")


def _decides(reading: Reading) -> bool:
    return reading.provenance is None or reading.provenance.flagged is None


def _series(region: str, usable: Sequence[Reading]) -> RegionSeries:
    rows = sorted(
        (each for each in usable if each.region == region), key=lambda each: each.observed_at
    )
    return RegionSeries(
        region=region,
        basis=Basis(),
        first_at=rows[0].observed_at,
        starts=np.array([each.observed_at.timestamp() for each in rows]),
        grams_per_kwh=np.array([each.grams_per_kwh for each in rows]),
        renewable_at_least=np.zeros(len(rows)),
        renewable_at_most=np.full(len(rows), 100.0),
        fetched=np.array([each.fetched_at.timestamp() for each in rows]),
        usable_for=np.array([each.usable_for.total_seconds() for each in rows]),
        sources=tuple(each.source for each in rows),
        kinds=tuple(each.kind for each in rows),
    )


class ATerm:
    """Lasts until it is ended."""

    def __init__(self, token: int) -> None:
        self.token = token
        self.over = asyncio.Event()

    async def lost(self) -> None:
        await self.over.wait()


class Elections:
    """Always won, one term after another."""

    def __init__(self, store: Store) -> None:
        self.terms: list[ATerm] = []
        self._store = store

    @asynccontextmanager
    async def term(self) -> AsyncIterator[Term]:
        self.terms.append(ATerm(len(self.terms) + 1))
        self._store.term = self.terms[-1].token
        yield self.terms[-1]


class World:
    """All of it, and the ways to let time pass."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = Store()
        self.elections = Elections(self.store)
        self.sources: dict[str, Source] = {"hourly": Source()}
        self.regions: dict[str, str] = {"a": "A", "b": "B"}
        self.plausible: tuple[float, float] | None = None
        self.rhythm = Rhythm()

    @property
    def source(self) -> Source:
        return self.sources["hourly"]

    def hourly(self, **changes: object) -> None:
        """The hourly source declares this instead."""
        self.source.traits = replace(self.source.traits, **changes)  # type: ignore[arg-type]

    def add(self, source: Source) -> Source:
        self.sources[source.traits.name] = source
        return source

    def ingest(self) -> Ingest:
        chain = (*self.sources, "static")
        return Ingest(
            [
                RegionGrid(
                    region=region(n, z), basis=Basis(), chain=chain, plausible=self.plausible
                )
                for n, z in self.regions.items()
            ],
            self.sources,
            stores=Stores(intensities=self.store, forecasts=self.store, feeds=self.store),
            clock=self.clock,
            rhythm=self.rhythm,
            sleep=self.clock.sleep,
        )

    async def run_for(self, duration: timedelta, ingest: Ingest | None = None) -> None:
        self.clock.end = self.clock.at + duration
        with pytest.raises(EnoughError):
            await (ingest or self.ingest()).run(self.elections)

    def hours(self, count: int) -> list[datetime]:
        """The starts of this many hours up to the present one."""
        present = self.clock.at.replace(minute=0, second=0, microsecond=0)
        return [present - n * HOUR for n in range(count - 1, -1, -1)]


def region(name: str, zone: str) -> CloudRegion:
    return CloudRegion(
        name=name,
        provider="aws",
        country="XX",
        zone=zone,
        latitude=0.0,
        longitude=0.0,
        eu_eea="no",
    )
