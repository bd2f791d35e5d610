"""What `explain` tells is what KEDA gets, byte for byte, and whoever answers says the same."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from carbon_scaler.application.directives import Directives
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.known import Known
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.backlog import BacklogState
from carbon_scaler.domain.budget import Budget, BudgetUse
from carbon_scaler.domain.curves import parse_curve
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.policy import (
    BUILT_IN_POLICY,
    Policy,
    StatedSettings,
    Strategy,
    TimeShift,
    WhenBlind,
    WorkloadClass,
)
from carbon_scaler.domain.residency import Enforcement, Level, Residency, Tenant
from carbon_scaler.keda.replies import METRIC_NAME
from carbon_scaler.keda.servicer import RefusedError, Servicer
from carbon_scaler.keda.triggers import KnownTriggers
from carbon_scaler.observability.counters import RpcCounters
from carbon_scaler.protocol import externalscaler_pb2 as pb
from tests.builders import DAY, HOME, HOUR, MINUTE, NOW, a_backlog, a_series, an_override
from tests.explained import CATALOG, NAME, NAMESPACE, Answers, World, decisive, expected
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
from tests.unit.laws.cases import (
    BUDGETS,
    GRAMS,
    INSTANTS,
    RUNNING,
    SERIES,
    USES,
    WAITING,
    WINDOWS,
    central_law,
    law,
)

ABROAD, UNHEARD_OF = "eu-central-1", "mars-1"


STATED = st.builds(
    StatedSettings,
    threshold=st.sampled_from((None, 100.0, 250.0, 400.0)),
    min_renewable_percent=st.sampled_from((None, None, 30.0)),
    max_delay=st.sampled_from((None, 0 * HOUR, HOUR, 6 * HOUR)),
    strategy=st.none() | st.sampled_from(Strategy),
    quantile_percent=st.sampled_from((None, 10.0, 50.0)),
    curve=st.sampled_from((None, parse_curve("100:1,300:0.5,900:0"))),
    when_blind=st.none() | st.sampled_from(WhenBlind),
    release=st.sampled_from((None, 5 * MINUTE)),
)
CLASSES = st.builds(
    WorkloadClass,
    stated=STATED,
    urgent=st.sampled_from((False, False, False, True)),
    preferred_regions=st.sampled_from(((), (ABROAD,))),
    fallback_regions=st.sampled_from(((), ("us-east-1",))),
)
TENANTS = tuple(
    Tenant(
        name="acme",
        level=level,
        mode=mode,
        namespaces=frozenset(namespaces),
        primary_region=primary,
    )
    for level, mode, namespaces, primary in product(
        Level, Enforcement, ((), (NAMESPACE,), ("theirs",)), (None, ABROAD)
    )
)
RESIDENCIES = (
    *[Residency()] * (2 * len(TENANTS)),
    *[
        Residency(tenants={"acme": tenant}, bound=dict.fromkeys(tenant.namespaces, "acme"))
        for tenant in TENANTS
    ],
)


def _policy(
    *,
    defaults: StatedSettings,
    classes: Mapping[str, WorkloadClass],
    enabled: bool,
    time_shift: TimeShift,
    residency: Residency,
    budget: Budget | None,
) -> Policy:
    built_in = BUILT_IN_POLICY.defaults
    stated = {name: getattr(defaults, name) for name in StatedSettings.__dataclass_fields__}
    return Policy(
        version="arbitrary",
        defaults=StatedSettings(
            **{
                name: getattr(built_in, name) if value is None else value
                for name, value in stated.items()
            }
        ),
        classes={**BUILT_IN_POLICY.classes, **classes},
        enabled=enabled,
        time_shift=time_shift,
        residency=residency,
        budgets={} if budget is None else {"search": budget},
    )


POLICIES = st.builds(
    _policy,
    defaults=STATED,
    classes=st.dictionaries(st.sampled_from(("standard", "ours")), CLASSES),
    enabled=st.sampled_from((*[True] * 9, False)),
    time_shift=st.builds(
        TimeShift,
        enabled=st.sampled_from((True, True, True, False)),
        windows=st.sampled_from(WINDOWS),
    ),
    residency=st.sampled_from(RESIDENCIES),
    budget=st.sampled_from(BUDGETS),
)
# What each key says; None: nothing. Most of it is good.
SAID: Mapping[str, Sequence[str | None]] = {
    "region": (*[HOME] * 12, ABROAD, ABROAD, UNHEARD_OF),
    "mode": (*["queue"] * 12, *["brake", "gate"] * 9, "parallel"),
    "backlog": (*["orders"] * 20, "payroll"),
    "workloadClass": (*[None] * 6, *["standard", "ours"] * 3, "deferrable", "urgent"),
    "itemsPerJob": ("1", "3"),
    "maxJobs": (None, "1", "2", "5"),
    "tenant": (*[None] * 14, "acme", "nobody"),
    "service": (None, "search"),
    "shadow": (*[None] * 9, "true"),
    "strategy": (*[None] * 4, "threshold", "quantile", "curve", "forecast", "quantile", "curve"),
    "curve": (None, "150:1,400:0.25,500:0"),
    "maxDelay": (None, "0s", "2h", "12h"),
    "whenBlind": (None, *WhenBlind),
    "threshhold": (*[None] * 9, "3"),
}
METADATA = st.tuples(*map(st.sampled_from, SAID.values())).map(
    lambda values: {key: said for key, said in zip(SAID, values, strict=True) if said is not None}
)


BACKLOG_STATES = st.builds(
    lambda waiting, running, max_age, known: BacklogState(
        reading=a_backlog(*waiting, in_progress=running, max_age=max_age) if known else None,
        failure=None if known else "the server is away",
    ),
    WAITING,
    RUNNING,
    st.sampled_from((MINUTE, *[60 * DAY] * 4)),
    st.sampled_from((*[True] * 9, False)),
)
SUBJECTS: tuple[Mapping[str, Any], ...] = (
    {"region": HOME},
    {"scaled_object": (NAMESPACE, NAME)},
    {"workload_class": "standard"},
)


def _overrides(stated: list[tuple[OverrideAction, Mapping[str, Any], datetime]]) -> Any:
    return tuple(
        an_override(action, id=number, until=until, **subject)
        for number, (action, subject, until) in enumerate(stated)
    )


OVERRIDES: st.SearchStrategy[tuple[Override, ...]] = st.just(()) | st.lists(
    st.tuples(st.sampled_from(OverrideAction), st.sampled_from(SUBJECTS), INSTANTS), max_size=2
).map(_overrides)


def _directives(overrides: tuple[Override, ...], use: BudgetUse | None) -> Directives:
    return Directives(overrides=overrides, budget_use={} if use is None else {"search": use})


DIRECTIVES = st.builds(_directives, OVERRIDES, USES)
# Long enough for a quantile, and measured at every instant.
MEASURED = st.lists(st.sampled_from(GRAMS), min_size=1, max_size=9).map(
    lambda grams: a_series(*(grams * 90)[:90], since=NOW - 50 * HOUR)
)
REGIONS = st.fixed_dictionaries(
    {HOME: MEASURED | MEASURED | SERIES, ABROAD: MEASURED | SERIES}
).map(lambda found: {name: series for name, series in found.items() if series is not None})
WORLDS = st.builds(
    World,
    policy=POLICIES,
    metadata=METADATA,
    regions=REGIONS,
    backlog=BACKLOG_STATES,
    directives=DIRECTIVES,
    now=INSTANTS,
)


class Door:
    """KEDA's calls on raw bytes, with everything behind them but a socket."""

    def __init__(self, policy: Policy, now: datetime) -> None:
        self.clock = FakeClock(now)
        self.backlogs = FakeBacklogStates({"orders": BacklogState(failure="not read yet")})
        self._directives = FakeDirectives()
        self._store = FakeIntensityStore()
        self._snapshots = Snapshots(store=self._store, changes=FakeChanges(), clock=self.clock)
        evaluator = Evaluator(
            rulebook=a_rulebook(CATALOG, policy),
            default_region=None,
            known=Known(
                snapshots=self._snapshots,
                backlogs=self.backlogs,
                directives=self._directives,
                places=FakePlaces(),
            ),
            notes=FakeNotes(),
            clock=self.clock,
        )
        self._servicer = Servicer(
            evaluator=evaluator, triggers=KnownTriggers(evaluator), counters=RpcCounters()
        )

    async def open(self) -> None:
        """Take calls before anything was measured anywhere."""
        await self._snapshots.refresh(None)

    async def learn(self, what: str, world: World) -> None:
        """One of the things that a world consists of."""
        match what:
            case "grid":
                self._store.series = dict(world.regions)
                await self._snapshots.refresh(None)
            case "backlog":
                self.backlogs.states["orders"] = world.backlog
            case "directives":
                self._directives.current = world.directives
            case _:
                self.clock.instant = world.now

    async def answers(self, metadata: Mapping[str, str]) -> Answers:
        """The bytes of the three calls, or why each is refused."""
        ref = pb.ScaledObjectRef(name=NAME, namespace=NAMESPACE, scalerMetadata=dict(metadata))
        asked = pb.GetMetricsRequest(scaledObjectRef=ref, metricName=METRIC_NAME)
        calls = (
            self._servicer.get_metrics(asked.SerializeToString()),
            self._servicer.is_active(ref.SerializeToString()),
            self._servicer.get_metric_spec(ref.SerializeToString()),
        )
        found: list[bytes | str] = []
        for call in calls:
            try:
                found.append(await call)
            except RefusedError as refused:
                found.append(f"{refused.code.name}: {refused}")
        return tuple(found)


EVENTS = ("grid", "backlog", "directives", "clock")


def answered(world: World, events: Sequence[str]) -> Answers:
    """What is answered in the end, by a server that is polled after whatever it learns."""

    async def polled() -> Answers:
        door = Door(world.policy, NOW - 40 * HOUR)
        await door.open()
        for event in events:
            await door.answers(world.metadata)
            await door.learn(event, world)
        return await door.answers(world.metadata)

    return asyncio.run(polled())


@central_law
@given(world=WORLDS, events=st.permutations(EVENTS))
def test_what_is_told_is_what_keda_gets_to_the_byte_in_whatever_order_it_became_known(
    world: World, events: Sequence[str]
):
    assert answered(world, events) == expected(world.told())


@law
@given(world=WORLDS)
def test_verdict_level_and_value_of_an_explanation_say_the_same(world: World):
    told = world.told()
    if told["reason"] == "bad_metadata":
        assert (told["verdict"], told["keda"]) == ("error", None)
        return
    is_open, level = told["verdict"] == "open", told["level"]

    assert told["keda"]["is_active"] == told["active"]
    assert told["keda"]["metric_value"] == told["metric_value"]
    assert decisive(told)["text"] in told["why"]
    assert 0 <= level <= 1
    match told["trigger"]["mode"]:
        case "gate":
            assert told["metric_value"] == level
            assert told["active"] == is_open == (level > 0)
        case "brake":
            assert told["active"] == (not is_open) == (level == 0)
        case _:
            counts = told["backlog"]
            running = 0 if counts is None else counts["in_progress"]
            assert told["admitted"] == max(0, told["metric_value"] - running) or not is_open
            assert told["active"] == (told["metric_value"] > 0)
            assert is_open or not told["admitted"]


def test_the_worlds_are_of_many_kinds():
    """Laws about worlds that are all alike would say nothing."""
    modes, reasons = set(), set()

    @settings(law, derandomize=True, database=None)
    @given(world=WORLDS)
    def look(world: World) -> None:
        told = world.told()
        modes.add(told["trigger"].get("mode"))
        reasons.add(told["reason"])

    look()
    assert {None, "queue", "brake", "gate"} <= modes
    assert len(reasons) >= 10, reasons
