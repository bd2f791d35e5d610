"""KEDA's contract on the wire: a real channel, the real server, fakes only behind the ports."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from structlog.testing import capture_logs

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.backlog import BacklogReading, BacklogState, Items
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.keda.servicer import SERVICE
from carbon_scaler.protocol import externalscaler_pb2 as pb
from carbon_scaler.protocol import externalscaler_pb2_grpc as rpc
from carbon_scaler.storage.pool import DatabaseUnreachableError
from tests.builders import DAY, HOUR, MINUTE, NOW, a_backlog, a_series, an_item
from tests.fakes import FakeBacklogStates
from tests.integration.serving.door import (
    BRAKE,
    CALL_SECONDS,
    QUEUE,
    Door,
    a_ref,
    eventually,
    grpcurl,
    open_door,
    some_backlogs,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
ALIVE = ("", "liveness")
READY = ("readiness", SERVICE)
CLEAN, DIRTY = a_series(100), a_series(500)
FIFTY, THREE_LATE = [an_item()] * 50, [an_item(2 * HOUR)] * 3


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    """A dirty us-west-1, and the backlogs `orders` and `payroll`."""
    async with open_door(backlogs=some_backlogs()) as opened:
        yield opened


# GetMetricSpec


@pytest.mark.parametrize(
    ("metadata", "target"),
    [
        (BRAKE, 0.0),
        (QUEUE, 1.0),
        ({**QUEUE, "itemsPerJob": "25"}, 25.0),
        ({"region": "us-wset-1", "mode": "brake"}, 1.0),
        ({"mode": "nonsense", "threshold": "-1"}, 1.0),
        ({}, 1.0),
    ],
    ids=["brake", "queue", "items-per-job", "typo", "several-typos", "nothing"],
)
async def test_there_is_exactly_one_spec_also_for_bad_metadata(
    door: Door, metadata: Mapping[str, str], target: float
):
    (spec,) = (await door.spec(metadata)).metricSpecs

    assert spec.metricName == "carbon-scaler"
    assert (spec.targetSize, spec.targetSizeFloat) == (int(target), target)


async def test_a_spec_is_answered_before_anything_is_known():
    unread = FakeBacklogStates({"orders": BacklogState()})
    away = DatabaseUnreachableError("the database at db:5432 does not answer")
    async with open_door(backlogs=unread, store_failure=away, ready=False) as door:
        (spec,) = (await door.spec(QUEUE)).metricSpecs

        assert spec.targetSizeFloat == 1.0
        assert unread.awaited == []


# GetMetrics and IsActive


@pytest.mark.parametrize("name", ["carbon-scaler", "s0-carbon-scaler", "", "naïve ✓", "x" * 5000])
async def test_whatever_metric_is_asked_for_exactly_one_value_comes_back_under_its_name(
    door: Door, name: str
):
    (value,) = (await door.metrics(BRAKE, name)).metricValues

    assert value.metricName == name
    assert (value.metricValue, value.metricValueFloat) == (1, 0.001)


async def test_the_same_trigger_may_be_asked_under_changing_names(door: Door):
    names = ["s0-carbon-scaler", "s1-carbon-scaler", "s0-carbon-scaler"]

    told = [(await door.metrics(BRAKE, name)).metricValues[0].metricName for name in names]

    assert told == names


@pytest.mark.parametrize(
    ("grid", "orders", "more", "value"),
    [
        (CLEAN, a_backlog(*FIFTY), {}, 50.0),
        (CLEAN, a_backlog(*FIFTY, in_progress=20), {}, 70.0),
        (CLEAN, a_backlog(*FIFTY, in_progress=20), {"maxJobs": "40"}, 40.0),
        (CLEAN, a_backlog(), {}, 0.0),
        (DIRTY, a_backlog(*FIFTY), {}, 0.0),
        (DIRTY, a_backlog(*FIFTY, in_progress=20), {}, 20.0),
        (DIRTY, a_backlog(*FIFTY, *THREE_LATE), {}, 3.0),
        (DIRTY, a_backlog(*FIFTY, *THREE_LATE, in_progress=20), {}, 23.0),
        (DIRTY, a_backlog(*THREE_LATE), {"whenBlind": "error", "region": "us-east-1"}, 3.0),
    ],
)
async def test_a_queue_is_active_when_its_value_is_above_zero(
    grid: RegionSeries, orders: BacklogReading, more: Mapping[str, str], value: float
):
    states = FakeBacklogStates({"orders": BacklogState(reading=orders)})
    async with open_door({"us-west-1": grid}, backlogs=states) as door:
        (told,) = (await door.metrics({**QUEUE, **more})).metricValues

        assert told.metricValueFloat == value
        assert told.metricValue == math.ceil(value)
        assert await door.is_active({**QUEUE, **more}) is (value > 0)


@pytest.mark.parametrize(("grid", "braked"), [(DIRTY, True), (CLEAN, False)])
async def test_a_brake_is_active_while_it_holds_and_its_value_never_changes(
    grid: RegionSeries, braked: bool
):
    async with open_door({"us-west-1": grid}) as door:
        (told,) = (await door.metrics(BRAKE)).metricValues

        assert await door.is_active(BRAKE) is braked
        assert (told.metricValue, told.metricValueFloat) == (1, 0.001)


async def test_bad_metadata_are_named_with_all_that_is_wrong(door: Door):
    code, text = await door.refusal(
        {"region": "us-wset-1", "mode": "brake", "threshold": "-5", "maxDelay": "tomorrow"}
    )

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert 'region: "us-wset-1" is not allowed; did you mean "us-west-1"?' in text
    assert 'threshold: "-5" is not allowed; a number above 0' in text
    assert 'maxDelay: "tomorrow" is not allowed; a duration like' in text


async def test_a_trigger_that_says_nothing_is_told_what_it_must_say(door: Door):
    code, text = await door.refusal({})

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "region: is missing; name the cloud region" in text
    assert "mode: is missing; choose queue or brake" in text


async def test_blind_with_when_blind_error_is_unavailable_and_names_the_region(door: Door):
    blind = {**QUEUE, "region": "us-east-1", "whenBlind": "error"}

    code, text = await door.refusal(blind)

    assert code is grpc.StatusCode.UNAVAILABLE
    assert text == "no usable data for us-east-1: none stored; whenBlind is error"


async def test_values_that_are_too_old_are_unavailable_and_say_how_old():
    nothing_waits = BacklogState(reading=a_backlog(max_age=DAY))
    async with open_door(backlogs=FakeBacklogStates({"orders": nothing_waits})) as door:
        door.clock.advance(5 * HOUR)

        code, text = await door.refusal({**QUEUE, "whenBlind": "error"})

    assert code is grpc.StatusCode.UNAVAILABLE
    assert "the newest value, from electricity_maps, is 5h old" in text


@pytest.mark.parametrize(
    ("state", "cause"),
    [
        (BacklogState(failure="cannot connect to db:5432"), "cannot connect to db:5432"),
        (BacklogState(), "not read yet"),
        (
            BacklogState(reading=a_backlog(read_at=NOW - HOUR), failure="query failed"),
            "last read 3600 s ago; query failed",
        ),
    ],
)
async def test_an_unknown_backlog_is_unavailable_and_says_why(state: BacklogState, cause: str):
    async with open_door(backlogs=FakeBacklogStates({"orders": state})) as door:
        code, text = await door.refusal(QUEUE)

    assert code is grpc.StatusCode.UNAVAILABLE
    assert text == f'backlog "orders" is unknown: {cause}'


async def test_a_reading_that_grows_too_old_is_no_number_any_more(door: Door):
    assert await door.value(QUEUE) == 2.0

    door.clock.advance(MINUTE)

    code, text = await door.refusal(QUEUE)
    assert code is grpc.StatusCode.UNAVAILABLE
    assert "last read 60 s ago" in text


async def test_an_item_is_released_at_its_instant_without_any_news():
    waiting = a_backlog(an_item(due_in=2 * HOUR), max_age=HOUR)
    states = FakeBacklogStates({"orders": BacklogState(reading=waiting)})
    # An hour of work and a minute of lead: it has to start after 59 minutes.
    patient = {**QUEUE, "workloadClass": "deferrable"}
    async with open_door(backlogs=states) as door:
        before = await door.value(patient)
        door.clock.advance(timedelta(minutes=58, seconds=59))
        just_before = await door.value(patient)
        door.clock.advance(timedelta(seconds=1))
        after = await door.value(patient)

    assert (before, just_before, after) == (0.0, 0.0, 1.0)


# Streams


async def test_a_stream_of_activity_answers_at_once_and_stays_open(door: Door):
    call: Any = rpc.ExternalScalerStub(door.channel).StreamIsActive(a_ref(BRAKE))

    first = await asyncio.wait_for(call.read(), 5)
    rest = asyncio.ensure_future(call.read())
    # Whatever comes later, an answered call shows that the server had its turn.
    await door.is_active(BRAKE)

    assert first.result is True
    assert not rest.done()
    assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rest


async def test_a_stream_of_specs_answers_at_once_and_stays_open(door: Door):
    call: Any = rpc.ExternalScalerStub(door.channel).StreamMetricSpec(a_ref(QUEUE))

    first = await asyncio.wait_for(call.read(), 5)
    await door.spec(QUEUE)

    assert first == await door.spec(QUEUE)
    assert not call.done()
    call.cancel()


async def test_a_stream_of_a_bad_trigger_ends_with_the_reason(door: Door):
    call: Any = rpc.ExternalScalerStub(door.channel).StreamIsActive(a_ref({"region": "mars"}))

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await asyncio.wait_for(call.read(), 5)

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "mars" in (refused.value.details() or "")


async def test_many_open_streams_leave_the_calls_alone(door: Door):
    stub = rpc.ExternalScalerStub(door.channel)
    streams: list[Any] = [
        stub.StreamIsActive(a_ref(BRAKE, name=f"object-{number}")) for number in range(300)
    ]

    firsts = await asyncio.wait_for(asyncio.gather(*(stream.read() for stream in streams)), 10)

    assert all(first.result for first in firsts)
    assert await door.is_active(BRAKE)
    for stream in streams:
        stream.cancel()


# Health


async def test_liveness_serves_at_once_and_readiness_when_it_is_ready(door: Door):
    stub = health_pb2_grpc.HealthStub(door.channel)

    async def told(services: tuple[str, ...]) -> set[int]:
        asked = [health_pb2.HealthCheckRequest(service=service) for service in services]
        return {(await stub.Check(each, timeout=CALL_SECONDS)).status for each in asked}

    assert await told(ALIVE) == {SERVING}
    assert await told(READY) == {NOT_SERVING}

    await door.server.set_ready(ready=True)
    assert await told(ALIVE + READY) == {SERVING}

    await door.server.set_ready(ready=False)
    assert await told(ALIVE) == {SERVING}
    assert await told(READY) == {NOT_SERVING}


@pytest.mark.parametrize("service", READY)
async def test_who_watches_readiness_hears_of_each_change(door: Door, service: str):
    stub = health_pb2_grpc.HealthStub(door.channel)
    watch: Any = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=CALL_SECONDS)

    heard = [(await watch.read()).status]
    await door.server.set_ready(ready=True)
    heard.append((await watch.read()).status)
    await door.server.set_ready(ready=False)
    heard.append((await watch.read()).status)

    assert heard == [NOT_SERVING, SERVING, NOT_SERVING]
    watch.cancel()


async def test_a_service_that_is_not_there_is_not_found(door: Door):
    stub = health_pb2_grpc.HealthStub(door.channel)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.Check(health_pb2.HealthCheckRequest(service="mars"), timeout=CALL_SECONDS)

    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


# Reflection


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_lists_and_describes_the_service(door: Door, version: str):
    reflect = door.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    call: Any = reflect(timeout=CALL_SECONDS)
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    listed = await call.read()
    await call.write(reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE))
    described = await call.read()
    await call.done_writing()

    files = [
        FileDescriptorProto.FromString(raw)
        for raw in described.file_descriptor_response.file_descriptor_proto
    ]
    services = {service.name for service in listed.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= services
    assert {method.name for file in files for each in file.service for method in each.method} == {
        "IsActive",
        "StreamIsActive",
        "GetMetricSpec",
        "GetMetrics",
        "StreamMetricSpec",
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list",), SERVICE),
        (("list", SERVICE), f"{SERVICE}.GetMetrics"),
        (("describe", SERVICE), "rpc StreamMetricSpec"),
        (("describe", "externalscaler.ScaledObjectRef"), "map<string, string> scalerMetadata"),
    ],
    ids=["services", "methods", "service", "message"],
)
async def test_grpcurl_needs_no_files(door: Door, arguments: tuple[str, ...], said: str):
    process = await asyncio.create_subprocess_exec(
        grpcurl(),
        "-plaintext",
        door.address,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 10)

    assert process.returncode == 0, output
    assert said in output.decode()


# What changes an answer, and what does not


async def test_a_grid_that_becomes_clean_changes_the_next_answer(door: Door):
    assert await door.is_active(BRAKE)
    assert await door.value(QUEUE) == 2.0

    before = door.snapshots.current
    door.store.series["us-west-1"] = a_series(500, 100)
    door.changes.announce("us-west-1")
    await eventually(lambda: door.snapshots.current is not before)

    assert not await door.is_active(BRAKE)
    assert await door.value(QUEUE) == 5.0


async def test_a_region_that_gets_its_first_value_is_known_from_then_on(door: Door):
    mine = {**BRAKE, "region": "our-own-site"}
    code, _ = await door.refusal(mine)
    assert code is grpc.StatusCode.INVALID_ARGUMENT

    door.store.series["our-own-site"] = DIRTY
    door.changes.announce("our-own-site")
    await eventually(lambda: "our-own-site" in door.snapshots.current.regions)

    assert await door.is_active(mine)


async def test_a_store_that_fails_leaves_the_answers_as_they_are(door: Door):
    assert await door.is_active(BRAKE)
    loads = len(door.store.loads)

    door.store.series["us-west-1"] = CLEAN
    door.store.failure = DatabaseUnreachableError("the database at db:5432 does not answer")
    door.changes.announce("us-west-1")
    await eventually(lambda: len(door.store.loads) > loads)

    assert await door.is_active(BRAKE)
    assert await door.value(QUEUE) == 2.0
    assert await door.is_active({**BRAKE, "threshold": "450"}), "also for a trigger never seen"


async def test_the_order_of_the_map_makes_no_other_trigger(door: Door):
    metadata = {**BRAKE, "threshold": "450", "workloadClass": "deferrable", "maxDelay": "2h"}
    head = a_ref({}).SerializeToString()
    entries = [
        pb.ScaledObjectRef(scalerMetadata={key: value}).SerializeToString()
        for key, value in metadata.items()
    ]
    orders = [entries, entries[::-1], entries[2:] + entries[:2]]

    for order in orders:
        asked = head + b"".join(order)
        assert pb.IsActiveResponse.FromString(await door.raw("IsActive", asked)).result
    await door.metrics(metadata)
    await door.spec(metadata)

    assert len({head + b"".join(order) for order in orders}) == 3
    assert len(door.triggers) == 1


async def test_the_table_of_triggers_is_bounded():
    async with open_door(most_triggers=8) as door:
        for number in range(40):
            assert await door.is_active(BRAKE, name=f"object-{number}")
            assert len(door.triggers) <= 8

        assert await door.is_active(BRAKE, name="object-0"), "the forgotten are resolved anew"
        await door.is_active(BRAKE, name="object-0")
        names = [subject.plan.name for subject in door.triggers]
        assert names.count("object-0") == 1


# Waiting


async def test_a_first_call_waits_for_the_first_snapshot_and_is_then_answered_from_it():
    away = DatabaseUnreachableError("the database at db:5432 does not answer")
    async with open_door(store_failure=away, ready=False) as door:
        call = asyncio.ensure_future(door.is_active(BRAKE))
        await eventually(lambda: len(door.triggers) == 1)
        assert not call.done()

        door.store.failure = None

        assert await call is True, "braked by what was loaded, for without data standard opens"


async def test_a_first_call_waits_for_the_snapshot_only_so_long():
    away = DatabaseUnreachableError("the database at db:5432 does not answer")
    async with open_door(store_failure=away, ready=False) as door:
        before = time.monotonic()
        opened = not await door.is_active(BRAKE)
        took = time.monotonic() - before

    assert opened, "blind, and class standard opens then"
    assert 1.9 < took < 5


class _Silent:
    """A backlog that answers never, or when told to."""

    name = "orders"
    namespaces = None
    refresh = timedelta(seconds=5)
    timeout = timedelta(seconds=0.2)
    max_age = timedelta(seconds=60)

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[Items] = asyncio.get_running_loop().create_future()

    async def read(self) -> Items:
        self.asked.set()
        return await asyncio.shield(self.answer)

    async def close(self) -> None:
        self.answer.cancel()


async def test_a_first_call_waits_for_its_backlog_only_so_long():
    tasks, silent = Tasks(), _Silent()
    backlogs = Backlogs([silent], SystemClock())
    backlogs.start(tasks)
    async with open_door(backlogs=backlogs) as door:
        before = time.monotonic()
        code, text = await door.refusal(QUEUE)
        took = time.monotonic() - before
    await tasks.stop()
    await backlogs.close()

    assert code is grpc.StatusCode.UNAVAILABLE
    assert text.startswith('backlog "orders" is unknown: not answered within 0.2 s')
    assert took < 5


async def test_a_first_call_is_answered_from_the_reading_that_it_waited_for():
    tasks, slow = Tasks(), _Silent()
    slow.timeout = timedelta(seconds=5)
    backlogs = Backlogs([slow], SystemClock())
    backlogs.start(tasks)
    async with open_door({"us-west-1": CLEAN}, backlogs=backlogs) as door:
        call = asyncio.ensure_future(door.value(QUEUE))
        await asyncio.wait_for(slow.asked.wait(), 5)
        await eventually(lambda: len(door.triggers) == 1)
        assert not call.done()

        slow.answer.set_result(Items.of([an_item()] * 7))

        assert await call == 7.0
    await tasks.stop()
    await backlogs.close()


class _Broken(FakeBacklogStates):
    """Fails in a way that nobody foresaw."""

    def state(self, name: str) -> BacklogState:
        raise ZeroDivisionError(name)


async def test_a_failure_that_nobody_foresaw_is_internal_logged_and_no_ones_elses():
    async with open_door(backlogs=_Broken({"orders": BacklogState()})) as door:
        with capture_logs() as logs:
            code, text = await door.refusal(QUEUE)

        assert await door.is_active(BRAKE)
    assert code is grpc.StatusCode.INTERNAL
    assert text == "carbon-scaler failed to answer; its log says why"
    assert [log["method"] for log in logs if log["event"] == "grpc.call_failed"] == [
        "GetMetrics",
        "IsActive",
    ]


# The end


async def test_stopping_answers_what_is_under_way_and_cuts_what_stays_open():
    async with open_door() as door:
        stream: Any = rpc.ExternalScalerStub(door.channel).StreamIsActive(a_ref(BRAKE))
        await stream.read()
        before = time.monotonic()

        await door.server.stop()

        took = time.monotonic() - before
        with pytest.raises(grpc.aio.AioRpcError) as cut:
            await stream.read()
    assert took < 4
    assert cut.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
