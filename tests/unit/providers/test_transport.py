from datetime import UTC, datetime

import httpx
import pytest

from carbon_scaler.application.grid_sources import ErrorKind
from carbon_scaler.providers.answers import (
    Answer,
    failure_without_answer,
    refusal_by_status,
    seconds_to_wait,
)
from carbon_scaler.providers.pace import Pace
from carbon_scaler.providers.transport import Request

NOW = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0.0),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("9" * 400, float("inf")),
        ("Thu, 01 Oct 2026 12:01:30 GMT", 90.0),
        ("Thu, 01 Oct 2026 12:01:30 -0000", 90.0),
        ("Thu, 01 Oct 2026 11:00:00 GMT", 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("\u00b2", 0.0),
    ],
)
def test_retry_after_holds_seconds_or_a_date(header: str | None, seconds: float):
    assert seconds_to_wait(header, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.ZONE),
        (401, ErrorKind.KEY),
        (403, ErrorKind.PLAN),
        (404, ErrorKind.NO_DATA),
        (408, ErrorKind.SERVER),
        (418, ErrorKind.MALFORMED),
        (422, ErrorKind.ZONE),
        (429, ErrorKind.RATE_LIMITED),
        (500, ErrorKind.SERVER),
        (599, ErrorKind.SERVER),
    ],
)
def test_a_status_means_what_it_says_where_the_source_says_no_more(status: int, kind: ErrorKind):
    answer = Answer(status=status, text="{}", content_type="application/json")

    assert refusal_by_status(answer) == (kind, f"answered status {status}")


@pytest.mark.parametrize("status", [401, 403])
def test_a_page_in_place_of_a_refusal_blames_no_key(status: int):
    answer = Answer(status=status, text="<html>", content_type="text/plain")

    assert refusal_by_status(answer)[0] is ErrorKind.SERVER


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("https://user:secret@b.example/?k=secret", "b.example"),
        ("/login?k=secret", "another path"),
        ("http://b:secret", "an unreadable address"),
    ],
)
def test_of_a_redirections_target_only_the_host_is_told(location: str, named: str):
    answer = Answer(status=302, text="", content_type="", location=location)

    kind, text = refusal_by_status(answer)

    assert kind is ErrorKind.MALFORMED
    assert named in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ReadTimeout("secret"), ErrorKind.TIMEOUT),
        (httpx.ConnectTimeout("secret"), ErrorKind.TIMEOUT),
        (TimeoutError("secret"), ErrorKind.TIMEOUT),
        (httpx.ConnectError("secret"), ErrorKind.UNREACHABLE),
        (httpx.RemoteProtocolError("secret"), ErrorKind.UNREACHABLE),
        (ConnectionResetError("secret"), ErrorKind.UNREACHABLE),
        (httpx.InvalidURL("secret"), ErrorKind.UNREACHABLE),
        (httpx.DecodingError("secret"), ErrorKind.MALFORMED),
    ],
)
def test_a_failure_is_told_in_our_words_alone(error: Exception, kind: ErrorKind):
    found, text = failure_without_answer(error)

    assert found is kind
    assert "secret" not in text


def test_a_request_shows_neither_its_headers_nor_its_query():
    request = Request(path="/zones", query={"key": "secret"}, headers={"auth-token": "secret"})

    assert repr(request) == "Request(path='/zones')"


async def test_a_pace_gives_turns_in_order_and_never_more_in_any_minute():
    now = Seconds()
    starts = []

    async def sleep(seconds: float) -> None:
        now.advance(seconds)

    pace = Pace(3, monotonic=now, sleep=sleep)
    for pause in (0.0, 10.0, 10.0, 0.0, 0.0, 100.0, 0.0):
        now.advance(pause)
        await pace.turn()
        starts.append(now())

    assert starts == [0.0, 10.0, 20.0, 60.0, 70.0, 170.0, 170.0]
    assert all(later - earlier >= 60 for earlier, later in zip(starts, starts[3:], strict=False))


class Seconds:
    """Grow when told."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return self.passed

    def advance(self, seconds: float) -> None:
        self.passed += seconds
