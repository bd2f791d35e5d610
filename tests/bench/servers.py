"""`python -m tests.bench.servers NAME …`: one server under test in a process of its own.

It prints where it is as a line of JSON, then answers commands, each a line on its input, with a line
of JSON; it ends when its input does.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import grpc
import uvloop

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.decision_journal import DecisionJournal, RecordedDecision
from carbon_scaler.application.directives import NO_DIRECTIVES, Directives, DirectiveStates
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.known import Known
from carbon_scaler.application.loop_lag import watch_loop_lag
from carbon_scaler.application.places import Beat, PlaceStates
from carbon_scaler.application.ports import IntensityStore
from carbon_scaler.application.rulebook import Rulebook
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.place import Move, Whereabouts
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.keda.server import GrpcServer
from carbon_scaler.keda.servicer import Servicer
from carbon_scaler.keda.triggers import KnownTriggers
from carbon_scaler.observability.counters import LoopLag, RpcCounters
from carbon_scaler.observability.logging import configure_logging
from carbon_scaler.protocol import externalscaler_pb2 as pb
from carbon_scaler.protocol import externalscaler_pb2_grpc as pb_grpc
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.pool import open_pool
from tests.bench import world

HOST = "127.0.0.1"
TICK_SECONDS = 0.001

Commands = Mapping[str, Callable[..., Awaitable[object]]]


class EmptyServicer(pb_grpc.ExternalScalerServicer):
    """The least that grpc.aio's generated code can do."""

    def __init__(self) -> None:
        value = pb.MetricValue(
            metricName=world.METRIC,
            metricValue=int(world.EMPTY_VALUE),
            metricValueFloat=world.EMPTY_VALUE,
        )
        self._reply = pb.GetMetricsResponse(metricValues=[value])

    async def GetMetrics(self, request: Any, context: Any) -> Any:  # noqa: N802  the contract's name
        return self._reply


async def empty(options: argparse.Namespace) -> None:
    """The server to compare with."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    pb_grpc.add_ExternalScalerServicer_to_server(EmptyServicer(), server)
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    await obey({"port": port}, {})
    await server.stop(0)


class HeldValues:
    """A store in memory whose values are made before they are asked for."""

    def __init__(self, regions: int, values: int) -> None:
        now = SystemClock().now()
        self._steps = count()
        self._sets = [world.series(regions, values, now=now, step=step) for step in (0.0, 1.0)]

    async def load(
        self, regions: Collection[str] | None, *, now: Any
    ) -> Mapping[str, RegionSeries]:
        await asyncio.sleep(0)
        return self._sets[next(self._steps) % 2]

    async def store(self, readings: Sequence[Reading]) -> int:
        raise NotImplementedError


class TimedStore:
    """A store that notes when it was asked and when it had answered."""

    def __init__(self, store: IntensityStore) -> None:
        self._inner = store
        self.asked_at = self.answered_at = 0.0

    async def load(
        self, regions: Collection[str] | None, *, now: Any
    ) -> Mapping[str, RegionSeries]:
        self.asked_at = time.perf_counter()
        loaded = await self._inner.load(regions, now=now)
        self.answered_at = time.perf_counter()
        return loaded

    async def store(self, readings: Sequence[Reading]) -> int:
        return await self._inner.store(readings)


class Swaps:
    """Says that every region changed, again and again, and how long taking it over took."""

    def __init__(self, store: TimedStore) -> None:
        self._store = store
        self._wanted: asyncio.Queue[frozenset[str]] = asyncio.Queue()
        self.done: list[dict[str, float]] = []

    async def changes(self) -> AsyncIterator[frozenset[str] | None]:
        """The store's word; it is asked for the next as soon as a swap is over."""
        while True:
            regions = await self._wanted.get()
            yield regions
            now = time.perf_counter()
            self.done.append(
                {
                    "began_at": self._store.asked_at,
                    "ended_at": now,
                    "load_seconds": self._store.answered_at - self._store.asked_at,
                    "swap_seconds": now - self._store.answered_at,
                }
            )

    async def run(self, regions: Collection[str], times: int, every: float) -> object:
        """So many swaps at this distance, and how long the loop was held at worst meanwhile."""
        self.done.clear()
        watch = asyncio.ensure_future(longest_hold(times * every))
        for _ in range(times):
            self._wanted.put_nowait(frozenset(regions))
            await asyncio.sleep(every)
        return {"swaps": list(self.done), "longest_hold_seconds": await watch}


class WaitingWork:
    """A backlog in memory."""

    name = world.BACKLOG
    refresh = timedelta(seconds=5)
    timeout = timedelta(seconds=2)
    max_age = timedelta(hours=1)  # decisions hold while a benchmark runs
    namespaces = None

    def __init__(self) -> None:
        self._items = world.backlog_items(SystemClock().now())

    async def read(self) -> Items:
        return self._items

    async def close(self) -> None:
        pass


class Nobody:
    """Says nothing and keeps nothing."""

    async def load(self, now: datetime) -> Directives:
        return NO_DIRECTIVES

    async def append(self, decisions: Sequence[RecordedDecision]) -> None: ...


class Silence:
    """Announces nothing."""

    last_error = None

    async def changes(self) -> AsyncIterator[frozenset[str] | None]:
        await asyncio.Event().wait()
        yield None


class Nowhere:
    """Shares no work."""

    async def load(self) -> Mapping[str, Whereabouts]:
        return {}

    async def beat(self, beats: Sequence[Beat], *, holder: str) -> None:
        raise AssertionError

    async def choose(self, move: Move, *, by: str) -> bool:
        raise AssertionError


def evaluator_of(snapshots: Snapshots, backlogs: Backlogs, tasks: Tasks) -> Evaluator:
    """With nobody who says anything, and decisions that are noted and kept nowhere."""
    clock = SystemClock()
    directives = DirectiveStates(store=Nobody(), changes=Silence(), clock=clock)
    places = PlaceStates(
        store=Nowhere(), changes=Silence(), clock=clock, series=dict, holder="bench"
    )
    journal = DecisionJournal(Nobody(), answered_by="bench")
    tasks.start("directives", directives.run)
    tasks.start("decisions", journal.run)
    return Evaluator(
        rulebook=Rulebook(policy=BUILT_IN_POLICY, catalog=load_catalog()),
        default_region=None,
        known=Known(snapshots=snapshots, backlogs=backlogs, directives=directives, places=places),
        notes=journal,
        clock=clock,
    )


async def scaler(options: argparse.Namespace) -> None:
    """The real servicer, evaluator, snapshots and server, put together as `serve` does it."""
    configure_logging(level="info", form="console")
    async with AsyncExitStack() as stack:
        store: IntensityStore = HeldValues(options.regions, options.values)
        if options.database:
            pool = await stack.enter_async_context(open_pool(options.database))
            store = PostgresIntensityStore(pool)
        timed = TimedStore(store)
        swaps, clock, tasks = Swaps(timed), SystemClock(), Tasks()
        snapshots = Snapshots(store=timed, changes=swaps, clock=clock)
        backlogs = Backlogs([WaitingWork()], clock=clock)
        evaluator = evaluator_of(snapshots, backlogs, tasks)
        triggers, counters = KnownTriggers(evaluator), RpcCounters()
        servicer = Servicer(evaluator=evaluator, triggers=triggers, counters=counters)
        server = GrpcServer(servicer, host=HOST, port=0)
        stack.push_async_callback(tasks.stop)
        lag = LoopLag()
        tasks.start("snapshots", snapshots.run)
        tasks.start("loop_lag", lambda: watch_loop_lag(lag))
        backlogs.start(tasks)
        await server.start()
        stack.push_async_callback(server.stop)
        if not await snapshots.wait_loaded(seconds=30):
            raise TimeoutError(snapshots.failure)

        async def swap(times: int, every: float) -> object:
            return await swaps.run(snapshots.current.regions.keys(), times, every)

        async def watch(seconds: float) -> object:
            return {"longest_hold_seconds": await longest_hold(seconds)}

        async def known() -> object:
            return {"triggers": len(triggers), "regions": len(snapshots.current.regions)}

        async def counted() -> object:
            return {f"{method} {code}": n for (method, code), n in counters.calls.items()}

        commands = {"swap": swap, "watch": watch, "known": known, "counted": counted}
        await obey({"port": server.port}, commands)


async def obey(place: Mapping[str, object], commands: Commands) -> None:
    """Say where the server is, then do as told until the input ends."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps(place), flush=True)
    while line := await reader.readline():
        name, *arguments = json.loads(line)
        print(json.dumps(await commands[name](*arguments)), flush=True)


async def longest_hold(seconds: float) -> float:
    """By how much the loop was late at worst, asked every millisecond."""
    now, longest = time.perf_counter(), 0.0
    end = now + seconds
    while now < end:
        await asyncio.sleep(TICK_SECONDS)
        before, now = now, time.perf_counter()
        longest = max(longest, now - before - TICK_SECONDS)
    return longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", choices=("empty", "scaler"))
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    parser.add_argument("--regions", type=int, default=400)
    parser.add_argument("--values", type=int, default=200)
    parser.add_argument("--database", default="")
    options = parser.parse_args()
    serve = empty if options.server == "empty" else scaler
    factory = uvloop.new_event_loop if options.loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options))


if __name__ == "__main__":
    main()
