"""Whatever arrives at the door gets an answer that helps, and everyone else goes on being served."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping

import grpc
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from carbon_scaler.keda.server import MOST_MESSAGE_BYTES
from carbon_scaler.protocol import externalscaler_pb2 as pb
from tests.integration.serving.door import (
    BRAKE,
    QUEUE,
    Door,
    a_ref,
    open_door,
    some_backlogs,
)

# One server takes all that this module throws at it.
pytestmark = pytest.mark.asyncio(loop_scope="module")

LONGEST_TEXT = 1024  # what a Kubernetes event holds
OTHERS_WAIT_SECONDS = 2.0  # generous: a call takes under a millisecond
UNARY = ("GetMetricSpec", "GetMetrics", "IsActive")
STREAMS = ("StreamIsActive", "StreamMetricSpec")

# Metadata, and what the answer has to say of them.
BAD: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "unknown region": (
        {"region": "us-wset-1", "mode": "brake"},
        ("region", '"us-wset-1"', 'did you mean "us-west-1"?', "one of "),
    ),
    "region of another cloud": (
        {"region": "gcp:us-west-1", "mode": "brake"},
        ("region", '"gcp:us-west-1"', "us-west-1 is a region of aws"),
    ),
    "negative threshold": (
        {**BRAKE, "threshold": "-5"},
        ("threshold", '"-5"', "a number above 0 to 10000"),
    ),
    "delay tomorrow": (
        {**BRAKE, "maxDelay": "tomorrow"},
        ("maxDelay", '"tomorrow"', "a duration like 12h"),
    ),
    "two modes": (
        {**BRAKE, "modeFromEnv": "queue"},
        ("mode", '"queue"', "give mode or modeFromEnv, not both"),
    ),
    "two modes in one": (
        {**BRAKE, "mode": "brake,queue"},
        ("mode", '"brake,queue"', "one of queue, brake, gate, parallel, schedule"),
    ),
    "a mode that is to come": (
        {**BRAKE, "mode": "parallel"},
        ("mode", '"parallel"', "this version does not have it; choose queue or brake or gate"),
    ),
    "a curve that rises": (
        {**BRAKE, "curve": "200:0.5,300:1"},
        ("curve", '"200:0.5,300:1"', "levels from 1 down to 0"),
    ),
    "10,000 keys": (
        {**BRAKE, **{f"key{number}": "value" for number in range(10_000)}},
        ("metadata", '"10002 keys"', "at most 128 keys"),
    ),
    "a value of 1 MB": (
        {**BRAKE, "threshold": "9" * 1_000_000},
        ("threshold", '"999', "…", "at most 2048 characters (it has 1000000)"),
    ),
    "a backlog of 1 MB": (
        {**QUEUE, "backlog": "é" * 500_000},
        ("backlog", '"éé', "at most 2048 characters (it has 500000)"),
    ),
    "control characters": (
        {**BRAKE, "region": "us\x00west\x1b[31m-1\n"},
        ("region", '"us�west�[31m-1�"', "a name of letters, digits"),
    ),
    "a text that turns around": (
        {**BRAKE, "region": "us-\u202etsew-1"},
        ("region", '"us-�tsew-1"', "a name of letters, digits"),
    ),
    "NaN": ({**BRAKE, "threshold": "NaN"}, ("threshold", '"NaN"', "a number above 0")),
    "1e400": ({**BRAKE, "threshold": "1e400"}, ("threshold", '"1e400"', "to 10000")),
    "infinity": (
        {**BRAKE, "minRenewablePercent": "inf"},
        ("minRenewablePercent", '"inf"', "a number from 0 to 100"),
    ),
    "digits of another script": (
        {**BRAKE, "threshold": "٣٠٠"},
        ("threshold", '"٣٠٠"', "a number above 0"),
    ),
    "SQL as a backlog": (
        {**QUEUE, "backlog": "orders; DROP TABLE q2q_embedding_queue --"},
        ("backlog", '"orders; DROP TABLE', "a name of letters, digits"),
    ),
    "a URL as a backlog": (
        {**QUEUE, "backlog": "postgresql://user:secret@db/queue"},
        ("backlog", "a name of letters, digits"),
    ),
    "a backlog that is not there": (
        {**QUEUE, "backlog": "oders"},
        ("backlog", '"oders"', 'did you mean "orders"?', "one of orders", "backlogs.yaml"),
    ),
    "someone else's backlog": (
        {**QUEUE, "backlog": "payroll"},
        ("backlog", '"payroll"', 'namespace "batch"', "one of orders"),
    ),
    "no backlog at all": (
        {"region": "us-west-1", "mode": "queue"},
        ("backlog", "is missing", "mode queue needs one"),
    ),
    "an empty value": ({**BRAKE, "workloadClass": "  "}, ("workloadClass", "it is empty")),
    "an unknown class": (
        {**BRAKE, "workloadClass": "deferable"},
        ("workloadClass", 'did you mean "deferrable"?', "deferrable, standard, urgent"),
    ),
    "zero items": (
        {**QUEUE, "itemsPerJob": "0"},
        ("itemsPerJob", '"0"', "a whole number from 1 to 1000000"),
    ),
    "a brake that errs": (
        {**BRAKE, "whenBlind": "error"},
        ("whenBlind", '"error"', "choose open or closed"),
    ),
    "other regions for the work alone": (
        {**BRAKE, "regions": "us-east-1|eu-west-1"},
        ("regions", '"us-east-1,eu-west-1"', "it must name us-west-1 too"),
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door() -> AsyncIterator[Door]:
    """A dirty us-west-1, `orders` for everybody and `payroll` for namespace finance."""
    async with open_door(backlogs=some_backlogs()) as opened:
        yield opened


async def serves_others(door: Door) -> None:
    """A good trigger of a user who did nothing wrong."""
    before = time.monotonic()
    assert await door.is_active(BRAKE, name="good")
    assert await door.value(QUEUE) == 2.0
    assert time.monotonic() - before < OTHERS_WAIT_SECONDS


@pytest.mark.parametrize(("metadata", "parts"), BAD.values(), ids=list(BAD))
async def test_the_answer_names_the_key_the_value_and_what_is_allowed(
    door: Door, metadata: Mapping[str, str], parts: tuple[str, ...]
):
    code, text = await door.refusal(metadata)

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [part for part in parts if part not in text] == [], text
    assert len(text.encode()) <= LONGEST_TEXT
    assert text.isprintable()


async def test_an_answer_never_shows_a_whole_secret_that_was_put_in_the_wrong_place(door: Door):
    _, text = await door.refusal({**QUEUE, "backlog": "x" * 60 + "postgresql://me:secret@db"})

    assert "secret" not in text


async def test_whose_backlog_it_is_gets_it_and_nobody_else_learns_of_it(door: Door):
    theirs = {**QUEUE, "backlog": "payroll"}

    assert await door.is_active(theirs, namespace="finance")
    _, wrong = await door.refusal(theirs, namespace="batch")
    _, absent = await door.refusal({**QUEUE, "backlog": "nowhere"}, namespace="batch")
    assert wrong.replace("payroll", "nowhere") == absent


async def test_everything_wrong_at_once_is_still_one_short_answer(door: Door):
    _, text = await door.refusal(dict.fromkeys((*BRAKE, *MANY_KEYS), "\x00ü" * 200))

    assert len(text.encode()) <= LONGEST_TEXT
    assert text.startswith("backlog: ")


MANY_KEYS = (
    "backlog", "itemsPerJob", "jobDuration", "lead", "maxDelay", "maxJobs", "minRenewablePercent",
    "parallelism", "regions", "release", "requireMix", "schedule", "service", "shadow", "strategy",
    "tenant", "threshold", "timezone", "whenBlind", "window", "workloadClass",
)  # fmt: skip


async def test_a_good_trigger_is_served_while_all_the_bad_ones_are_refused(door: Door):
    bad = [door.refusal(metadata) for metadata, _ in BAD.values()]
    good = [serves_others(door) for _ in range(40)]

    done = await asyncio.wait_for(asyncio.gather(*bad, *good), 20)

    codes = {code for code, _ in done[: len(bad)]}
    assert codes == {grpc.StatusCode.INVALID_ARGUMENT}


async def test_a_mistake_in_one_trigger_is_gone_with_the_next_version_of_it(door: Door):
    await door.refusal({**BRAKE, "threshold": "4oo"})

    assert await door.is_active({**BRAKE, "threshold": "400"})


# Names that a Kubernetes object cannot have


@pytest.mark.parametrize("field", ["name", "namespace"])
async def test_a_name_that_no_object_can_have_is_refused_by_its_length(door: Door, field: str):
    code, text = await door.refusal(BRAKE, **{field: "x" * 1_000_000})

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert f'{field}: "xxx' in text
    assert "at most 253 characters (it has 1000000)" in text
    assert max(len(each.plan.name) for each in door.triggers) <= 253
    assert max(len(each.plan.namespace) for each in door.triggers) <= 253


@pytest.mark.parametrize("letters", ["\x00\x1b[31m", "\u202e", "a\nb", "ü", "' OR 1=1 --", ""])
async def test_a_name_with_any_letters_is_only_a_name(door: Door, letters: str):
    assert await door.is_active(BRAKE, name=letters, namespace=letters)


# Bytes


def requests() -> st.SearchStrategy[bytes]:
    """Noise, and messages that are nearly right: cut, joined, with a byte changed."""
    text = st.text(max_size=12)
    known = st.sampled_from(["region", "mode", "backlog", "threshold", "maxDelayFromEnv"])
    said = st.sampled_from(["us-west-1", "brake", "queue", "orders", "-1", "1e400", "\x00"])
    refs = st.builds(
        lambda name, metadata: a_ref(metadata, name=name),
        text,
        st.dictionaries(known | text, said | text, max_size=4),
    )
    asked = st.builds(
        lambda ref, name: pb.GetMetricsRequest(scaledObjectRef=ref, metricName=name), refs, text
    )
    whole = (refs | asked).map(lambda message: message.SerializeToString())
    cut = st.builds(lambda raw, at: raw[: at % (len(raw) + 1)], whole, st.integers(0, 999))
    joined = st.builds(lambda one, other: one + other, whole | st.binary(max_size=8), whole)
    changed = st.builds(_with_byte, whole, st.integers(0, 999), st.integers(0, 255))
    return st.binary(max_size=64) | whole | cut | joined | changed


def _with_byte(raw: bytes, at: int, byte: int) -> bytes:
    place = at % (len(raw) + 1)
    return raw[:place] + bytes([byte]) + raw[place + 1 :]


INVALID_UTF8 = b"\x0a\x02\xc3\x28"
NESTED_GROUPS = b"\x0b" * 200
ENDLESS_VARINT = b"\xff" * 11
ANSWERS = {
    grpc.StatusCode.OK,
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.UNAVAILABLE,
}


async def status_of(door: Door, method: str, request: bytes) -> grpc.StatusCode:
    return (await answer_to(door, method, request))[0]


async def answer_to(door: Door, method: str, request: bytes) -> tuple[grpc.StatusCode, str]:
    ask = door.raw_stream if method in STREAMS else door.raw
    try:
        await ask(method, request)
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    return grpc.StatusCode.OK, ""


@pytest.mark.parametrize("method", UNARY + STREAMS)
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(request=requests())
@example(request=b"")
@example(request=INVALID_UTF8)
@example(request=NESTED_GROUPS)
@example(request=ENDLESS_VARINT)
async def test_any_bytes_get_a_status_and_the_server_goes_on(
    door: Door, method: str, request: bytes
):
    status, text = await answer_to(door, method, request)

    assert status in ANSWERS
    assert len(text.encode()) <= LONGEST_TEXT
    assert await door.is_active(BRAKE, name="good")


@pytest.mark.parametrize("method", UNARY + STREAMS)
async def test_invalid_utf8_is_no_valid_message(door: Door, method: str):
    assert await status_of(door, method, INVALID_UTF8) is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", UNARY + STREAMS)
async def test_a_message_over_the_limit_is_refused(door: Door, method: str):
    too_long = a_ref({"region": "x" * MOST_MESSAGE_BYTES}).SerializeToString()

    assert await status_of(door, method, too_long) is grpc.StatusCode.RESOURCE_EXHAUSTED
    await serves_others(door)


async def test_a_message_just_below_the_limit_is_answered(door: Door):
    longest = a_ref({"region": "x" * (MOST_MESSAGE_BYTES - 100)}).SerializeToString()

    assert await status_of(door, "IsActive", longest) is grpc.StatusCode.INVALID_ARGUMENT
    await serves_others(door)


async def test_a_metric_name_as_long_as_a_message_is_answered_and_not_kept(door: Door):
    asked = pb.GetMetricsRequest(scaledObjectRef=a_ref(BRAKE))
    asked.metricName = "x" * (MOST_MESSAGE_BYTES - asked.ByteSize() - 10)

    assert await status_of(door, "GetMetrics", asked.SerializeToString()) is grpc.StatusCode.OK
    assert max(len(subject.reply or b"") for subject in door.triggers) < 1_000
    await serves_others(door)


async def test_a_method_that_is_not_there_is_unimplemented(door: Door):
    assert await status_of(door, "Drop", b"") is grpc.StatusCode.UNIMPLEMENTED
