"""What `explain` tells is what comes out of a real gRPC channel, to the byte, and is right."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import pytest

from carbon_scaler.application.directives import Directives
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.known import Known
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.backlog import BacklogState
from carbon_scaler.domain.budget import BudgetAction
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy, TimeShift
from carbon_scaler.domain.residency import Enforcement, Level, Residency, Tenant
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.keda.replies import METRIC_NAME
from carbon_scaler.keda.server import GrpcServer
from carbon_scaler.keda.servicer import SERVICE, Servicer
from carbon_scaler.keda.triggers import KnownTriggers
from carbon_scaler.observability.counters import RpcCounters
from carbon_scaler.protocol import externalscaler_pb2 as pb
from tests.builders import (
    HOME,
    HOUR,
    NOW,
    a_backlog,
    a_budget,
    a_budget_use,
    a_series,
    a_window,
    an_item,
    an_override,
    preferred,
)
from tests.explained import CATALOG, NAME, NAMESPACE, Answers, World, expected
from tests.fakes import (
    FakeBacklogStates,
    FakeChanges,
    FakeClock,
    FakeDirectives,
    FakeIntensityStore,
    FakeNotes,
    FakePlaces,
    a_rulebook,
)
from tests.integration.serving.door import CALL_SECONDS, HOST

CLEAN, HALFWAY, DIRTY = 100.0, 300.0, 500.0
BRAKE = {"mode": "brake", "maxDelay": "12h"}
GATE = {"mode": "gate", "maxDelay": "12h"}
QUEUE = {"backlog": "orders", "maxJobs": "4", "maxDelay": "12h"}
CURVE = {"strategy": "curve", "curve": "200:1,400:0"}
QUANTILE = {"strategy": "quantile", "quantilePercent": "40"}
ABROAD = "eu-central-1"
MONTHLY_KG = 100.0


def tenant(level: Level, mode: Enforcement = Enforcement.STRICT, **stated: Any) -> Policy:
    """The built-in policy, and the namespace's tenant."""
    acme = Tenant(name="acme", level=level, mode=mode, namespaces=frozenset({NAMESPACE}), **stated)
    return replace(
        BUILT_IN_POLICY,
        residency=Residency(tenants={"acme": acme}, bound={NAMESPACE: "acme"}),
    )


def budget(action: BudgetAction) -> Policy:
    """The built-in policy, and a budget for service `search`."""
    spent = a_budget(MONTHLY_KG, action=action, throttle_percent=50.0)
    return replace(BUILT_IN_POLICY, budgets={"search": spent})


def hours(window: Any) -> Policy:
    """The built-in policy, and one window."""
    return replace(BUILT_IN_POLICY, time_shift=TimeShift(windows=(window,)))


DENIED, REDIRECTED = tenant(Level.EU_STRICT), tenant(Level.EU_STRICT, primary_region=ABROAD)
ADVISED = tenant(Level.EU_STRICT, Enforcement.ADVISORY)
SPENT = {**QUEUE, "service": "search"}
THROTTLING, DEFERRING = budget(BudgetAction.THROTTLE), budget(BudgetAction.DEFER)
FORBIDDEN, PREFERRED = hours(a_window(10, 14)), hours(preferred(10, 14, 50.0))
OFF = replace(BUILT_IN_POLICY, enabled=False)
HELD = (an_override(OverrideAction.HOLD, scaled_object=(NAMESPACE, NAME)),)
RELEASED = (an_override(OverrideAction.RELEASE, workload_class="standard"),)
EXPIRED = (an_override(OverrideAction.HOLD, until=NOW),)

THREE_WAITING = (an_item(),) * 3
ONE_LATE = (an_item(13 * HOUR), an_item(), an_item())


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A case by name, and the reason and the value that are right; None: no value."""

    name: str
    says: Mapping[str, str]
    reason: str
    value: float | None
    grams: float | None = DIRTY
    policy: Policy = BUILT_IN_POLICY
    overrides: tuple[Override, ...] = ()
    spent_kg: float | None = None
    waiting: tuple[Any, ...] = field(default=THREE_WAITING)

    def world(self) -> World:
        use = None if self.spent_kg is None else a_budget_use(self.spent_kg)
        return World(
            policy=self.policy,
            metadata={"region": HOME, **self.says},
            regions=self._regions(),
            backlog=BacklogState(reading=a_backlog(*self.waiting, in_progress=1)),
            directives=Directives(
                overrides=self.overrides, budget_use={} if use is None else {"search": use}
            ),
            now=NOW,
        )

    def _regions(self) -> Mapping[str, RegionSeries]:
        if self.grams is None:
            return {}
        # Half of the two days before were cleaner than halfway, half dirtier.
        past = [CLEAN, DIRTY] * 24
        return {HOME: a_series(*past, self.grams)}


def row(name: str, says: Mapping[str, str], reason: str, value: float | None, **known: Any) -> Row:
    return Row(name=name, says=says, reason=reason, value=value, **known)


ROWS = (
    row("queue, dirty", QUEUE, "above_threshold", 1),
    row("queue, clean", QUEUE, "below_threshold", 4, grams=CLEAN),
    row("queue, dirty, one is late", QUEUE, "deadline", 2, waiting=ONE_LATE),
    row("queue, urgent", {**QUEUE, "workloadClass": "urgent"}, "urgent", 4),
    row("queue, nothing waits", QUEUE, "above_threshold", 1, waiting=()),
    row("queue, half of a curve", {**QUEUE, **CURVE}, "curve", 2, grams=HALFWAY),
    row("queue, above the curve", {**QUEUE, **CURVE}, "above_curve", 1),
    row("queue, within quantile", {**QUEUE, **QUANTILE}, "within_quantile", 4, grams=CLEAN),
    row("queue, above quantile", {**QUEUE, **QUANTILE}, "above_quantile", 1, grams=HALFWAY),
    row("queue, blind", {**QUEUE, "whenBlind": "closed"}, "blind_closed", 1, grams=None),
    row(
        "queue, blind is an error", {**QUEUE, "whenBlind": "error"}, "blind_error", None, grams=None
    ),
    row("queue, held", QUEUE, "held", 1, grams=CLEAN, overrides=HELD),
    row(
        "queue, a hold that has ended", QUEUE, "below_threshold", 4, grams=CLEAN, overrides=EXPIRED
    ),
    row("queue, released", QUEUE, "released", 4, overrides=RELEASED),
    row("queue, denied", QUEUE, "residency_denied", 0, grams=CLEAN, policy=DENIED),
    row(
        "queue, denied though released",
        QUEUE,
        "residency_denied",
        0,
        policy=DENIED,
        overrides=RELEASED,
    ),
    row("queue, redirected", QUEUE, "residency_redirect", 0, grams=CLEAN, policy=REDIRECTED),
    row("queue, advised", QUEUE, "below_threshold", 4, grams=CLEAN, policy=ADVISED),
    row("queue, no such tenant", {**QUEUE, "tenant": "nobody"}, "tenant_unknown", 0, grams=CLEAN),
    row(
        "queue, throttled",
        SPENT,
        "below_threshold",
        2,
        grams=CLEAN,
        policy=THROTTLING,
        spent_kg=MONTHLY_KG,
    ),
    row(
        "queue, deferred",
        SPENT,
        "budget_deferred",
        1,
        grams=CLEAN,
        policy=DEFERRING,
        spent_kg=MONTHLY_KG,
    ),
    row("queue, forbidden hours", QUEUE, "forbidden_hours", 1, grams=CLEAN, policy=FORBIDDEN),
    row("queue, preferred hours", QUEUE, "below_threshold", 4, policy=PREFERRED),
    row("queue, switched off", QUEUE, "disabled", 4, policy=OFF),
    row("queue, shadow", {**QUEUE, "shadow": "true"}, "shadow", 4),
    row("brake, dirty", BRAKE, "above_threshold", 0.001),
    row("brake, clean", BRAKE, "below_threshold", 0.001, grams=CLEAN),
    row("brake, held", BRAKE, "held", 0.001, grams=CLEAN, overrides=HELD),
    row("brake, redirected", BRAKE, "residency_redirect", 0.001, grams=CLEAN, policy=REDIRECTED),
    row("gate, dirty", GATE, "above_threshold", 0),
    row("gate, half of a curve", {**GATE, **CURVE}, "curve", 0.5, grams=HALFWAY),
    row("gate, denied", GATE, "residency_denied", 0, grams=CLEAN, policy=DENIED),
    row("gate, released", GATE, "released", 1, overrides=RELEASED),
    row("gate, forbidden hours", GATE, "forbidden_hours", 0, grams=CLEAN, policy=FORBIDDEN),
    row("a typo", {**QUEUE, "strategy": "astrology"}, "bad_metadata", None),
)


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_a_channel_gets_what_explain_tells(row: Row):
    world = row.world()
    told = world.told()

    async with channel_to(world) as channel:
        answers = await answers_of(channel, world.metadata)

    assert answers == expected(told)
    assert told["reason"] == row.reason
    assert value_of(answers) == row.value


def value_of(answers: Answers) -> float | None:
    """The value that KEDA reads; None: it is refused one."""
    if isinstance(answers[0], str):
        return None
    return pb.GetMetricsResponse.FromString(answers[0]).metricValues[0].metricValueFloat


async def answers_of(channel: grpc.aio.Channel, metadata: Mapping[str, str]) -> Answers:
    """What comes back over the wire, or why nothing does."""
    ref = pb.ScaledObjectRef(name=NAME, namespace=NAMESPACE, scalerMetadata=dict(metadata))
    asked = pb.GetMetricsRequest(scaledObjectRef=ref, metricName=METRIC_NAME)
    calls = (("GetMetrics", asked), ("IsActive", ref), ("GetMetricSpec", ref))
    return tuple([await _answer(channel, name, message) for name, message in calls])


async def _answer(channel: grpc.aio.Channel, method: str, message: Any) -> bytes | str:
    call: Any = channel.unary_unary(f"/{SERVICE}/{method}", None, None)
    try:
        return bytes(await call(message.SerializeToString(), timeout=CALL_SECONDS))
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"


@asynccontextmanager
async def channel_to(world: World) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to a server that lives in this world."""
    clock, directives = FakeClock(world.now), FakeDirectives()
    directives.current = world.directives
    store = FakeIntensityStore(world.regions)
    snapshots = Snapshots(store=store, changes=FakeChanges(), clock=clock)
    await snapshots.refresh(None)
    evaluator = Evaluator(
        rulebook=a_rulebook(CATALOG, world.policy),
        default_region=None,
        known=Known(
            snapshots=snapshots,
            backlogs=FakeBacklogStates({"orders": world.backlog}),
            directives=directives,
            places=FakePlaces(),
        ),
        notes=FakeNotes(),
        clock=clock,
    )
    servicer = Servicer(
        evaluator=evaluator, triggers=KnownTriggers(evaluator), counters=RpcCounters()
    )
    server = GrpcServer(servicer, host=HOST, port=0)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"{HOST}:{server.port}") as channel:
            yield channel
    finally:
        await server.stop()
