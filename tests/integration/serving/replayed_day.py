"""A recorded day lived through once more: ingest, own forecasts and KEDA's polls, by its clock."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache

import grpc
import numpy as np

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.own_forecasts import OwnForecasts
from carbon_scaler.application.own_issue import Lesson, OwnIssue, issue_of
from carbon_scaler.application.snapshots import Snapshots, no_averages
from carbon_scaler.backlogs.postgres import PostgresBacklog
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.intensity import Kind, Reading
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.keda.server import GrpcServer
from carbon_scaler.keda.servicer import Servicer
from carbon_scaler.keda.triggers import KnownTriggers
from carbon_scaler.observability.counters import RpcCounters
from carbon_scaler.protocol import externalscaler_pb2 as pb
from carbon_scaler.protocol import externalscaler_pb2_grpc as rpc
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.pool import Pool
from carbon_scaler.wiring.own_forecasts import forecast_stores
from tests.builders import a_share
from tests.fakes import FakeChanges, FakeClock, FakeNotes, a_rulebook, what_is_known
from tests.integration.serving.recorded_day import (
    CLASS,
    HOUR,
    POLL,
    REGION,
    Looked,
    instant,
    recorded,
)

SOURCE = "meter"
CALL_SECONDS = 10.0
TABLE = """
CREATE TABLE work (
  id text PRIMARY KEY, enqueued_at timestamptz NOT NULL, deadline_at timestamptz NOT NULL,
  duration interval NOT NULL, backlog text NOT NULL, started_at timestamptz
)
"""
WAITING = """
SELECT id, enqueued_at, deadline_at, duration FROM work
WHERE started_at IS NULL AND backlog = '{name}'
"""


class _Leader:
    """Ingest's leader: stores what has become known, then issues what is expected."""

    token = None

    def __init__(self, pool: Pool, clock: FakeClock, lag: float) -> None:
        self._clock, self._lag = clock, lag
        self._store = PostgresIntensityStore(pool)
        grid = RegionGrid(region=load_catalog()[REGION], basis=recorded().basis, chain=(SOURCE,))
        self._forecasts = OwnForecasts(
            [grid],
            stores=forecast_stores(pool, "the test's"),
            forecasting=_forecasting,
            averages=no_averages,
            clock=clock,
        )
        self._stored = 0

    async def cycle(self) -> bool:
        """Whether anything was new."""
        history, now = recorded(), self._clock.now().timestamp()
        known = int((now - self._lag - history.begins) // HOUR) + 1
        fresh = range(self._stored, known)
        if not fresh:
            return False
        await self._store.store([self._reading(hour) for hour in fresh])
        self._stored = known
        # What is asked of the past is what lies before now.
        self._clock.advance(timedelta(seconds=1))
        assert await self._forecasts.issue_due(self) == 1
        return True

    async def lost(self) -> None:
        raise AssertionError

    def _reading(self, hour: int) -> Reading:
        history = recorded()
        begins = history.begins + hour * HOUR
        return Reading(
            region=REGION,
            observed_at=instant(begins),
            grams_per_kwh=float(history.grams_per_kwh[hour]),
            renewable=a_share(None),
            source=SOURCE,
            kind=Kind.MEASURED,
            basis=history.basis,
            fetched_at=instant(begins + self._lag),
            usable_for=timedelta(seconds=HOUR + self._lag),
        )


class _Forecaster:
    async def issue(self, lesson: Lesson) -> OwnIssue | None:
        return _issued(_ByContent(lesson=lesson))


@asynccontextmanager
async def _forecasting() -> AsyncIterator[_Forecaster]:
    yield _Forecaster()


@dataclass(frozen=True, kw_only=True, eq=False)
class _ByContent:
    """The days of several tests teach the same lessons."""

    lesson: Lesson

    def _key(self) -> tuple[object, ...]:
        lesson = self.lesson
        columns = (lesson.starts, lesson.grams, lesson.covered)
        return (lesson.now, *(column.tobytes() for column in columns))

    def __hash__(self) -> int:
        return hash(self._key())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ByContent) and self._key() == other._key()


@cache
def _issued(asked: _ByContent) -> OwnIssue | None:
    return issue_of(asked.lesson, load_priors())


@dataclass(kw_only=True)
class Day:
    """A server behind an open port, the database that it reads, and the workers."""

    looked: Looked
    jobs: Jobs
    pool: Pool
    clock: FakeClock
    leader: _Leader
    snapshots: Snapshots
    backlogs: Backlogs
    channel: grpc.aio.Channel
    # In which order the workers take up waiting jobs.
    order: Sequence[str]
    started: dict[str, datetime] = field(default_factory=dict)

    async def live(self) -> None:
        """Poll by poll, until the last job has started."""
        for at in self._polls():
            await self._ingested_until(at)
            self.clock.instant = at
            for name, names in self._waiting(at).items():
                await self.backlogs.read_once(name)
                admitted = await self._admitted(name)
                await self._start(names[:admitted], at)
            if len(self.started) == len(self.jobs):
                return

    async def _ingested_until(self, at: datetime) -> None:
        hour = at.replace(minute=0, second=0, microsecond=0)
        if self.clock.now() < hour:
            self.clock.instant = hour
            if await self.leader.cycle():
                await self.snapshots.refresh([REGION])

    async def _admitted(self, backlog: str) -> int:
        asked = pb.GetMetricsRequest(metricName="carbon-scaler")
        asked.scaledObjectRef.CopyFrom(self._trigger(backlog))
        stub = rpc.ExternalScalerStub(self.channel)
        told = await stub.GetMetrics(asked, timeout=CALL_SECONDS)
        return round(told.metricValues[0].metricValueFloat)

    def _trigger(self, backlog: str) -> pb.ScaledObjectRef:
        return pb.ScaledObjectRef(
            name=backlog,
            namespace="backtest",
            scalerMetadata={
                "region": REGION,
                "backlog": backlog,
                "workloadClass": CLASS,
                "strategy": self.looked.way.value,
                "maxDelay": "7d",
                "lead": "0s",
                "spread": f"{self.looked.spread:.0f}s",
            },
        )

    async def _start(self, names: Sequence[str], at: datetime) -> None:
        await self.pool.execute("UPDATE work SET started_at = $1 WHERE id = ANY ($2)", at, names)
        self.started.update(dict.fromkeys(names, at))

    def _waiting(self, at: datetime) -> Mapping[str, list[str]]:
        submitted = dict(zip(self.jobs.ids, self.jobs.submitted, strict=True))
        found: dict[str, list[str]] = {}
        for name in self.order:
            if name not in self.started and submitted[name] <= at.timestamp():
                found.setdefault(_backlog_of(name, self.looked), []).append(name)
        return found

    def _polls(self) -> Iterator[datetime]:
        at, ends = self.jobs.submitted.min(), self.jobs.latest.max()
        while at <= ends:
            yield instant(at)
            at += POLL


@asynccontextmanager
async def lived_day(
    pool: Pool, url: str, jobs: Jobs, looked: Looked, *, order: Sequence[str]
) -> AsyncIterator[Day]:
    """All of it, on the morning of the recorded day; the month before is stored."""
    await _enqueue(pool, jobs, looked)
    clock = FakeClock(instant(np.floor(jobs.submitted.min() / HOUR) * HOUR))
    snapshots = Snapshots(store=PostgresIntensityStore(pool), changes=FakeChanges(), clock=clock)
    backlogs = Backlogs(_sources(url, jobs, looked), clock)
    evaluator = Evaluator(
        rulebook=a_rulebook(load_catalog()),
        default_region=None,
        known=what_is_known(snapshots, backlogs),
        notes=FakeNotes(),
        clock=clock,
    )
    servicer = Servicer(
        evaluator=evaluator, triggers=KnownTriggers(evaluator), counters=RpcCounters()
    )
    server = GrpcServer(servicer, host="127.0.0.1", port=0)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(backlogs.close)
        await server.start()
        stack.push_async_callback(server.stop)
        channel = grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")
        leader = _Leader(pool, clock, looked.lag)
        await leader.cycle()
        await snapshots.refresh(None)
        yield Day(
            looked=looked,
            jobs=jobs,
            pool=pool,
            clock=clock,
            leader=leader,
            snapshots=snapshots,
            backlogs=backlogs,
            channel=await stack.enter_async_context(channel),
            order=order,
        )


async def _enqueue(pool: Pool, jobs: Jobs, looked: Looked) -> None:
    basis = recorded().basis
    await pool.execute(
        "INSERT INTO grid_regions (region, signal, factors, chain) VALUES ($1, $2, $3, $4)",
        REGION,
        basis.signal,
        basis.factors,
        [SOURCE],
    )
    await pool.execute(TABLE)
    await pool.executemany(
        "INSERT INTO work VALUES ($1, $2, $3, $4, $5)",
        [
            (name, instant(begins), instant(latest + lasts), timedelta(seconds=lasts), backlog)
            for name, begins, latest, lasts in zip(
                jobs.ids, jobs.submitted, jobs.latest, jobs.duration, strict=True
            )
            for backlog in [_backlog_of(name, looked)]
        ],
    )


def _sources(url: str, jobs: Jobs, looked: Looked) -> list[PostgresBacklog]:
    names = dict.fromkeys(_backlog_of(name, looked) for name in jobs.ids)
    return [
        PostgresBacklog(
            BacklogSettings(
                name=name,
                kind=BacklogKind.POSTGRES,
                url_env="ORDERS",
                url=url,
                query=WAITING.format(name=name),
            )
        )
        for name in names
    ]


def _backlog_of(job: str, looked: Looked) -> str:
    return job if looked.alone else "all"
