import asyncio
import logging
import re
import ssl
import traceback
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.providers.transport import Answer, Patience, Request, Transport, new_client
from tests.fakes import FakeClock
from tests.peers.server import Fault, Peer, Reply, in_order, page, redirect
from tests.peers.server import Request as Seen

TransportTo = Callable[..., Transport]
NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
SECRET = "tok-very-secret-9"
REQUEST = Request(
    path="/latest", query={"zone": "DE", "key": SECRET}, headers={"auth-token": SECRET}
)
DOCUMENT = {"zone": "DE", "carbonIntensity": 302, "datetime": "2026-10-01T12:00:00.000Z"}
OK = Reply(body=DOCUMENT)
# For answers that never come; those that do have ample time even on a busy machine.
IMPATIENT = Patience(total_seconds=0.4)


class Pauses:
    """Takes no time, and remembers how long it should have taken."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.passed = 0.0

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.passed += seconds

    def monotonic(self) -> float:
        return self.passed


class Quota:
    """So many requests and no more."""

    def __init__(self, left: int = 10_000) -> None:
        self.left = left
        self.spent = 0

    async def __call__(self) -> bool:
        self.spent += self.left > 0
        self.left -= 1
        return self.left >= 0


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with new_client() as client:
        yield client


@pytest.fixture
def transport_to(client: httpx.AsyncClient, pauses: Pauses) -> TransportTo:
    def transport(address: str, **settings: Any) -> Transport:
        defaults = {"source": "a_source", "spend": Quota(), "sleep": pauses}
        defaults |= {"clock": FakeClock(NOW), "monotonic": pauses.monotonic}
        return Transport(client, address=address, **(defaults | settings))

    return transport


async def refusal(transport: Transport, request: Request = REQUEST) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await transport.get(request)
    return caught.value


def patience_with(reply: Reply) -> Patience:
    return IMPATIENT if reply.fault is Fault.SILENT else Patience()


async def test_a_document_is_returned_and_the_request_is_as_built(transport_to: TransportTo):
    with Peer(lambda _: OK) as peer:
        document = await transport_to(peer.url + "/").get(REQUEST)

    assert document == DOCUMENT
    [seen] = peer.requests
    assert (seen.method, seen.path, seen.query) == ("GET", "/latest", REQUEST.query)
    assert seen.headers["auth-token"] == SECRET
    assert re.fullmatch(r"carbon-scaler/\d+\.\d+\.\d+", seen.headers["user-agent"])


@pytest.mark.parametrize(
    "bad",
    [
        *(Reply(status=status) for status in (500, 502, 503, 504, 429, 408)),
        OK.broken(Fault.SILENT),
        OK.broken(Fault.CUT_BEFORE),
        OK.broken(Fault.CUT_WITHIN),
        OK.broken(Fault.TRUNCATED),
        page(status=403),
    ],
    ids=lambda bad: str(bad.fault or bad.status),
)
async def test_what_may_pass_is_asked_again_after_a_growing_jittered_pause(
    transport_to: TransportTo, pauses: Pauses, bad: Reply
):
    with Peer(in_order(bad, bad, OK)) as peer:
        document = await transport_to(peer.url, patience=patience_with(bad)).get(REQUEST)

    assert document == DOCUMENT
    first, second = pauses.seconds
    assert 0.5 <= first <= 1.0
    assert 1.0 <= second <= 2.0
    assert len(peer.requests) == 3


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (Reply(status=500), ErrorKind.SERVER),
        (Reply(status=429), ErrorKind.RATE_LIMITED),
        (OK.broken(Fault.SILENT), ErrorKind.TIMEOUT),
        (OK.broken(Fault.CUT_BEFORE), ErrorKind.UNREACHABLE),
        (OK.broken(Fault.CUT_WITHIN), ErrorKind.UNREACHABLE),
        (OK.broken(Fault.TRUNCATED), ErrorKind.MALFORMED),
    ],
)
async def test_three_attempts_are_all_there_are(
    transport_to: TransportTo, bad: Reply, kind: ErrorKind
):
    with Peer(lambda _: bad) as peer:
        error = await refusal(transport_to(peer.url, patience=patience_with(bad)))

    assert error.kind is kind
    assert error.source == "a_source"
    assert len(peer.requests) == 3


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (Reply(status=400), ErrorKind.ZONE),
        (Reply(status=401, body={"error": "no"}), ErrorKind.KEY),
        (Reply(status=403, body={"error": "no"}), ErrorKind.PLAN),
        (Reply(status=404, body={"error": "no"}), ErrorKind.NO_DATA),
        (page(status=404), ErrorKind.MALFORMED),
        (Reply(status=204), ErrorKind.MALFORMED),
        (page(status=200), ErrorKind.MALFORMED),
        (Reply(body=page().body), ErrorKind.MALFORMED),
        (
            Reply(body=b"\x1f\x8bnot gzip", headers={"Content-Encoding": "gzip"}),
            ErrorKind.MALFORMED,
        ),
    ],
)
async def test_what_stays_wrong_is_asked_once(
    transport_to: TransportTo, bad: Reply, kind: ErrorKind
):
    with Peer(lambda _: bad) as peer:
        error = await refusal(transport_to(peer.url))

    assert error.kind is kind
    assert len(peer.requests) == 1


@pytest.mark.parametrize("body", ['{"a": NaN}', '{"a": -Infinity}', "[" * 100_000, "", '{"a"'])
async def test_what_is_no_json_is_no_document(transport_to: TransportTo, body: str):
    with Peer(lambda _: Reply(body=body)) as peer:
        error = await refusal(transport_to(peer.url))

    assert error.kind is ErrorKind.MALFORMED


async def test_json_counts_whatever_it_calls_itself(transport_to: TransportTo):
    with Peer(lambda _: Reply(body=DOCUMENT, content_type="text/plain")) as peer:
        assert await transport_to(peer.url).get(REQUEST) == DOCUMENT


async def test_a_redirection_is_not_followed_and_its_host_is_named(transport_to: TransportTo):
    with Peer(lambda _: redirect(f"https://elsewhere.example/login?back={SECRET}")) as peer:
        error = await refusal(transport_to(peer.url))

    assert error.kind is ErrorKind.MALFORMED
    assert "elsewhere.example" in str(error)
    assert SECRET not in str(error)
    assert len(peer.requests) == 1


async def test_a_silence_is_given_up_after_the_time_for_one_read(pauses: Pauses):
    with Peer(lambda _: OK.broken(Fault.SILENT)) as peer:
        async with new_client(read_seconds=0.1) as client:
            error = await refusal(
                Transport(client, source="s", address=peer.url, spend=Quota(), sleep=pauses)
            )

    assert error.kind is ErrorKind.TIMEOUT


async def test_an_answer_without_an_end_is_given_up_after_the_total_time(transport_to: TransportTo):
    patience = Patience(attempts=1, total_seconds=0.15)
    with Peer(lambda _: OK.broken(Fault.DRIPPING)) as peer:
        error = await refusal(transport_to(peer.url, patience=patience))

    assert error.kind is ErrorKind.TIMEOUT


async def test_waiting_for_a_turn_takes_nothing_from_an_answers_time(transport_to: TransportTo):
    patience = Patience(total_seconds=1.0)
    with Peer(lambda _: OK.late(0.25)) as peer:
        transport = transport_to(peer.url, patience=patience, most_at_once=1)
        documents = await asyncio.gather(*(transport.get(REQUEST) for _ in range(5)))

    assert documents == [DOCUMENT] * 5


async def test_an_answer_that_is_too_large_is_not_kept(transport_to: TransportTo):
    with Peer(lambda _: Reply(body=b" " * (16 * 1024 * 1024 + 1))) as peer:
        error = await refusal(transport_to(peer.url))

    assert error.kind is ErrorKind.MALFORMED
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "retry_after", ["7", format_datetime(NOW + timedelta(seconds=7), usegmt=True)]
)
async def test_the_source_says_when_to_ask_again(
    transport_to: TransportTo, pauses: Pauses, retry_after: str
):
    limited = Reply(status=429, headers={"Retry-After": retry_after})
    with Peer(in_order(limited, OK)) as peer:
        assert await transport_to(peer.url).get(REQUEST) == DOCUMENT

    assert pauses.seconds == [7.0]


async def test_who_wants_to_be_left_alone_for_long_is_left_alone_by_all(
    transport_to: TransportTo, pauses: Pauses
):
    limited = Reply(status=429, headers={"Retry-After": "61"})
    with Peer(in_order(limited, OK)) as peer:
        transport = transport_to(peer.url)
        first = await refusal(transport)
        second = await refusal(transport)
        asked = len(peer.requests)
        pauses.passed += 61.0
        assert await transport.get(REQUEST) == DOCUMENT

    assert first.kind is second.kind is ErrorKind.RATE_LIMITED
    assert pauses.seconds == []
    assert asked == 1


async def test_what_one_request_is_told_to_wait_all_wait(transport_to: TransportTo, pauses: Pauses):
    limited = Reply(status=429, headers={"Retry-After": "30"})
    with Peer(in_order(limited, OK)) as peer:
        transport = transport_to(peer.url, most_at_once=1)
        documents = await asyncio.gather(*(transport.get(REQUEST) for _ in range(50)))

    assert documents == [DOCUMENT] * 50
    assert len(peer.requests) == 51
    assert pauses.seconds == [30.0]


async def test_a_fault_that_will_last_is_not_waited_for(transport_to: TransportTo, pauses: Pauses):
    with Peer(lambda _: Reply(status=503, headers={"Retry-After": "3600"})) as peer:
        error = await refusal(transport_to(peer.url))

    assert error.kind is ErrorKind.SERVER
    assert pauses.seconds == []
    assert len(peer.requests) == 1


async def test_a_dead_source_is_asked_no_more_after_three_silences_in_a_row(
    transport_to: TransportTo, pauses: Pauses
):
    quota = Quota()
    with Peer(lambda _: OK.broken(Fault.CUT_BEFORE)) as peer:
        transport = transport_to(peer.url, spend=quota, most_at_once=1)
        errors = await asyncio.gather(
            *(refusal(transport, Request(path=f"/{zone}")) for zone in range(400))
        )
        asked = len(peer.requests)
        peer.handler = lambda _: OK
        pauses.passed += 45.0
        assert await transport.get(REQUEST) == DOCUMENT

    assert {error.kind for error in errors} == {ErrorKind.UNREACHABLE}
    assert asked == 3
    assert quota.spent == 4


async def test_one_zone_that_is_never_answered_leaves_the_others_alone(
    transport_to: TransportTo,
):
    def handler(request: Seen) -> Reply:
        return OK.broken(Fault.CUT_BEFORE) if request.query["zone"] == "DE" else OK

    with Peer(handler) as peer:
        transport = transport_to(peer.url)
        error = await refusal(transport)
        document = await transport.get(Request(path="/latest", query={"zone": "FR"}))

    assert error.kind is ErrorKind.UNREACHABLE
    assert document == DOCUMENT


async def test_an_answer_between_silences_counts(transport_to: TransportTo):
    cut = OK.broken(Fault.CUT_BEFORE)
    with Peer(in_order(cut, cut, OK, cut, OK, cut, OK)) as peer:
        transport = transport_to(peer.url)
        for zone in ("a", "b", "c"):
            assert await transport.get(Request(path=f"/{zone}")) == DOCUMENT

    assert len(peer.requests) == 7


async def test_nobody_listening_is_told_from_a_slow_answer(transport_to: TransportTo):
    with Peer(lambda _: OK) as peer:
        address = peer.url
    error = await refusal(transport_to(address))

    assert error.kind is ErrorKind.UNREACHABLE
    assert "cannot be reached" in str(error)


@pytest.mark.parametrize("address", ["ftp://host", "nonsense", "http://[::1"])
async def test_an_address_that_is_none_is_said(transport_to: TransportTo, address: str):
    error = await refusal(transport_to(address))

    assert error.kind is ErrorKind.UNREACHABLE


async def test_an_untrusted_certificate_ends_it(transport_to: TransportTo):
    with Peer(lambda _: OK, tls=True) as peer:
        error = await refusal(transport_to(peer.url))

    assert error.kind is ErrorKind.TLS
    assert "self-signed certificate" in str(error)
    assert peer.requests == []


async def test_a_trusted_certificate_is_taken():
    with Peer(lambda _: OK, tls=True) as peer:
        trust = ssl.create_default_context(cafile=str(peer.certificate))
        async with httpx.AsyncClient(verify=trust) as client:
            transport = Transport(client, source="s", address=peer.url, spend=Quota())
            assert await transport.get(REQUEST) == DOCUMENT


async def test_every_attempt_is_counted_and_none_is_made_beyond_the_quota(
    transport_to: TransportTo,
):
    with Peer(lambda _: Reply(status=500)) as peer:
        quota = Quota(left=2)
        error = await refusal(transport_to(peer.url, spend=quota))

    assert error.kind is ErrorKind.QUOTA
    assert quota.spent == 2
    assert len(peer.requests) == 2


async def test_a_pace_is_kept_in_any_minute(transport_to: TransportTo, pauses: Pauses):
    with Peer(lambda _: OK) as peer:
        transport = transport_to(peer.url, calls_per_minute=2)
        for _ in range(5):
            await transport.get(REQUEST)

    assert pauses.seconds == [60.0, 60.0]


async def test_without_a_pace_nothing_waits(transport_to: TransportTo, pauses: Pauses):
    with Peer(lambda _: OK) as peer:
        transport = transport_to(peer.url)
        await asyncio.gather(*(transport.get(REQUEST) for _ in range(20)))

    assert pauses.seconds == []


async def test_the_sources_own_words_decide_what_a_refusal_means(transport_to: TransportTo):
    def refusals(answer: Answer) -> tuple[ErrorKind, str] | None:
        return (ErrorKind.PLAN, "says no") if answer.document == {"error": "plan"} else None

    with Peer(in_order(Reply(status=401, body={"error": "plan"}), Reply(status=401))) as peer:
        transport = transport_to(peer.url, refusals=refusals)
        of_the_plan, of_the_key = await refusal(transport), await refusal(transport)

    assert (of_the_plan.kind, str(of_the_plan)) == (ErrorKind.PLAN, "a_source: says no")
    assert of_the_key.kind is ErrorKind.KEY


@pytest.mark.parametrize(
    "bad",
    [
        Reply(status=500),
        OK.broken(Fault.CUT_BEFORE),
        OK.broken(Fault.SILENT),
        Reply(status=401, body={"error": f"bad token {SECRET}"}),
        redirect(f"http://{SECRET}@elsewhere.example/"),
        OK.broken(Fault.TRUNCATED),
    ],
)
async def test_no_failure_and_no_log_holds_a_secret(
    transport_to: TransportTo, bad: Reply, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    with Peer(lambda _: bad) as peer:
        address = peer.url.replace("http://", f"http://user:{SECRET}@")
        error = await refusal(
            transport_to(
                address,
                refusals=lambda answer: (ErrorKind.KEY, answer.text),
                patience=patience_with(bad),
            )
        )

    assert SECRET not in "".join(traceback.format_exception(error)) + repr(error) + repr(REQUEST)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert SECRET not in caplog.text


@pytest.mark.parametrize("key", ["two\nlines", "caf\u00e9", "tab\there"])
async def test_a_key_that_no_header_can_carry_is_refused_unsent(
    transport_to: TransportTo, key: str
):
    with Peer(lambda _: OK) as peer:
        error = await refusal(
            transport_to(peer.url), Request(path="/", headers={"auth-token": key})
        )

    assert error.kind is ErrorKind.KEY
    assert key not in str(error)
    assert peer.requests == []


async def test_no_more_than_thirty_two_are_asked_at_a_time(transport_to: TransportTo):
    in_hand: list[Seen] = []
    most = 0
    with Peer(lambda _: OK) as peer:

        def handler(request: Seen) -> Reply:
            nonlocal most
            in_hand.append(request)
            most = max(most, len(in_hand))
            peer.closing.wait(0.01)
            in_hand.pop()
            return OK

        peer.handler = handler
        transport = transport_to(peer.url)
        documents = await asyncio.gather(*(transport.get(REQUEST) for _ in range(100)))

    assert documents == [DOCUMENT] * 100
    assert 1 < most <= 32
