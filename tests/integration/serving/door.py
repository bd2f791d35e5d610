"""KEDA's door over fakes: the real server, and a channel that leads to it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.known import BacklogStates
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.backlog import BacklogState
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.keda.server import GrpcServer
from carbon_scaler.keda.servicer import SERVICE, Servicer
from carbon_scaler.keda.triggers import MOST_TRIGGERS, KnownTriggers
from carbon_scaler.observability.counters import RpcCounters
from carbon_scaler.protocol import externalscaler_pb2 as pb
from carbon_scaler.protocol import externalscaler_pb2_grpc as rpc
from tests.builders import NOW, a_backlog, a_series, an_item
from tests.fakes import (
    FakeBacklogStates,
    FakeChanges,
    FakeClock,
    FakeIntensityStore,
    FakeNotes,
    a_rulebook,
    what_is_known,
)

HOST = "127.0.0.1"
# No call takes this long; a hung one fails its test instead of ending it by the test's time limit.
CALL_SECONDS = 10.0

BRAKE = {"region": "us-west-1", "mode": "brake"}
QUEUE = {"region": "us-west-1", "backlog": "orders"}


@dataclass(kw_only=True)
class Door:
    """The parts behind one open port."""

    clock: FakeClock
    store: FakeIntensityStore
    changes: FakeChanges
    snapshots: Snapshots
    evaluator: Evaluator
    triggers: KnownTriggers
    server: GrpcServer
    channel: grpc.aio.Channel

    @property
    def address(self) -> str:
        return f"{HOST}:{self.server.port}"

    async def spec(self, metadata: Mapping[str, str]) -> pb.GetMetricSpecResponse:
        stub = rpc.ExternalScalerStub(self.channel)
        return await stub.GetMetricSpec(a_ref(metadata), timeout=CALL_SECONDS)

    async def metrics(
        self, metadata: Mapping[str, str], metric_name: str = "carbon-scaler", **said: str
    ) -> pb.GetMetricsResponse:
        asked = pb.GetMetricsRequest(scaledObjectRef=a_ref(metadata, **said))
        asked.metricName = metric_name
        stub = rpc.ExternalScalerStub(self.channel)
        return await stub.GetMetrics(asked, timeout=CALL_SECONDS)

    async def value(self, metadata: Mapping[str, str]) -> float:
        return (await self.metrics(metadata)).metricValues[0].metricValueFloat

    async def is_active(self, metadata: Mapping[str, str], **said: str) -> bool:
        stub = rpc.ExternalScalerStub(self.channel)
        return (await stub.IsActive(a_ref(metadata, **said), timeout=CALL_SECONDS)).result

    async def refusal(
        self, metadata: Mapping[str, str], **said: str
    ) -> tuple[grpc.StatusCode, str]:
        """How both calls of a poll are refused: in the same words."""
        with pytest.raises(grpc.aio.AioRpcError) as values:
            await self.metrics(metadata, **said)
        with pytest.raises(grpc.aio.AioRpcError) as activity:
            await self.is_active(metadata, **said)
        assert activity.value.details() == values.value.details()
        assert activity.value.code() == values.value.code()
        return values.value.code(), values.value.details() or ""

    async def raw(self, method: str, request: bytes) -> bytes:
        """The bytes of an answer to these bytes."""
        call = self.channel.unary_unary(f"/{SERVICE}/{method}", None, None)
        reply: Any = await call(request, timeout=CALL_SECONDS)
        return bytes(reply)

    async def raw_stream(self, method: str, request: bytes) -> bytes:
        """The bytes of a stream's first answer."""
        open_stream = self.channel.unary_stream(f"/{SERVICE}/{method}", None, None)
        call: Any = open_stream(request, timeout=CALL_SECONDS)
        try:
            return bytes(await call.read())
        finally:
            call.cancel()


@asynccontextmanager
async def open_door(
    series: Mapping[str, RegionSeries] | None = None,
    *,
    backlogs: BacklogStates | None = None,
    most_triggers: int = MOST_TRIGGERS,
    store_failure: Exception | None = None,
    ready: bool = True,
) -> AsyncIterator[Door]:
    """A server that knows these grids and backlogs; unless `ready`, its store may be away."""
    clock, changes, tasks = FakeClock(NOW), FakeChanges(), Tasks()
    store = FakeIntensityStore({"us-west-1": a_series(500)} if series is None else series)
    store.failure = store_failure
    snapshots = Snapshots(store=store, changes=changes, clock=clock)
    evaluator = Evaluator(
        rulebook=a_rulebook(load_catalog()),
        default_region=None,
        known=what_is_known(snapshots, FakeBacklogStates() if backlogs is None else backlogs),
        notes=FakeNotes(),
        clock=clock,
    )
    triggers = KnownTriggers(evaluator, most=most_triggers)
    servicer = Servicer(evaluator=evaluator, triggers=triggers, counters=RpcCounters())
    server = GrpcServer(servicer, host=HOST, port=0)
    tasks.start("snapshots", snapshots.run)
    await server.start()
    if ready:
        assert await snapshots.wait_loaded(seconds=CALL_SECONDS)
    unbounded = (("grpc.max_send_message_length", -1),)
    async with grpc.aio.insecure_channel(f"{HOST}:{server.port}", options=unbounded) as channel:
        yield Door(
            clock=clock,
            store=store,
            changes=changes,
            snapshots=snapshots,
            evaluator=evaluator,
            triggers=triggers,
            server=server,
            channel=channel,
        )
    await tasks.stop()
    await server.stop()


def a_ref(
    metadata: Mapping[str, str], *, name: str = "nightly", namespace: str = "batch"
) -> pb.ScaledObjectRef:
    return pb.ScaledObjectRef(name=name, namespace=namespace, scalerMetadata=dict(metadata))


def some_backlogs(waiting: int = 3, in_progress: int = 2) -> FakeBacklogStates:
    """`orders` for everybody, `payroll` for namespace `finance` alone."""
    reading = a_backlog(*[an_item()] * waiting, in_progress=in_progress)
    return FakeBacklogStates(
        {"orders": BacklogState(reading=reading), "payroll": BacklogState(reading=reading)},
        {"payroll": {"finance"}},
    )


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Until it holds, checked often; fails when it does not come to that."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  what is awaited announces nothing
            await asyncio.sleep(0.002)


def grpcurl() -> str:
    """The program, where people and `go install` put it; else the test is skipped."""
    found = shutil.which("grpcurl") or shutil.which("grpcurl", path=Path.home() / "go" / "bin")
    if found is None:
        pytest.skip("grpcurl is not installed")
    return found
