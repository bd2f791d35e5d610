"""One HTTP client for all sources: limits, retries, and no secret in any failure."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import httpx

import carbon_scaler
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.application.ports import Clock
from carbon_scaler.providers.answers import (
    Answer,
    Refusals,
    Request,
    failure_without_answer,
    refusal_by_status,
    seconds_to_wait,
    strict_json,
)
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.pace import Monotonic, Pace, Sleep

__all__ = ["Answer", "Patience", "Refusals", "Request", "Spend", "Transport", "new_client"]

T = TypeVar("T")

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
MOST_BYTES = 16 * 1024 * 1024
MOST_KEPT_ALIVE = 64
# A key shorter than this is not searched for in what a source says; it would hit plain words.
SHORTEST_MASKED = 4
# Headers of late; a source has one or two, and a few more while a key is replaced.
MOST_MASKED = 8
WORTH_RETRYING = frozenset(
    {
        ErrorKind.TIMEOUT,
        ErrorKind.UNREACHABLE,
        ErrorKind.SERVER,
        ErrorKind.RATE_LIMITED,
    }
)

# Counts a request before it is made; False: the user's limit is used up.
Spend = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long and how often a source is asked for one thing."""

    attempts: int = 3
    # Beside the limit per read, which a body that drips in never reaches.
    total_seconds: float = 20.0
    first_backoff_seconds: float = 1.0
    longest_backoff_seconds: float = 8.0
    # A source that wants to be left alone for longer is not asked again before.
    longest_retry_after_seconds: float = 60.0
    longest_rest_seconds: float = 3600.0
    # So many different requests in a row without any answer: all others fail at once for a while.
    # One alone, like that of a zone that hangs, leaves the others alone.
    unanswered_in_a_row: int = 3
    down_seconds: float = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    kind: ErrorKind
    text: str
    again: bool = False
    pause: float = 0.0


def new_client(
    *, connect_seconds: float = CONNECT_SECONDS, read_seconds: float = READ_SECONDS
) -> httpx.AsyncClient:
    """The client that all sources share; who asks for it closes it."""
    # They log addresses with their queries, in which a source may want its key.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return httpx.AsyncClient(
        follow_redirects=False,
        headers={"User-Agent": f"carbon-scaler/{carbon_scaler.__version__}"},
        # Each transport limits itself; a common limit would make one source wait for another.
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=MOST_KEPT_ALIVE),
        timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
    )


class Transport:
    """Asks one source; every failure is a SourceError without secrets."""

    def __init__(  # noqa: PLR0913  keyword-only, and each with its own default
        self,
        client: httpx.AsyncClient,
        *,
        source: str,
        address: str,
        spend: Spend,
        refusals: Refusals = lambda _: None,
        most_at_once: int = 32,
        calls_per_minute: int | None = None,
        patience: Patience = Patience(),
        clock: Clock | None = None,
        monotonic: Monotonic = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.source = source
        self._address = address.rstrip("/")
        self._client = client
        self._spend = spend
        self._refusals = refusals
        self._turns = asyncio.Semaphore(most_at_once)
        self._pace = (
            Pace(calls_per_minute, monotonic=monotonic, sleep=sleep) if calls_per_minute else None
        )
        self._patience = patience
        self._clock = clock or SystemClock()
        self._monotonic = monotonic
        self._sleep = sleep
        self._unanswered: set[frozenset[tuple[str, str]]] = set()
        self._waiting_until = 0.0
        self._resting_until = 0.0
        self._why_resting: _Failure | None = None
        # What no failure may show: a source may repeat the key in whatever it answers.
        self._sent: deque[str] = deque(maxlen=MOST_MASKED)

    async def get(self, request: Request) -> object:
        """The JSON document, after retries where they are worth it."""
        attempt = 1
        self._sent.extend(value for value in request.headers.values() if value not in self._sent)
        result = await self._attempt(request)
        while isinstance(result, _Failure) and self._worth_another(result, attempt):
            # What the source asked for is waited out by all requests, below.
            if not result.pause:
                await self._sleep(self._backoff(attempt))
            attempt += 1
            result = await self._attempt(request)
        # Raised where no other exception is being handled: its context would hold the request.
        if isinstance(result, _Failure):
            raise self.error(result.kind, result.text)
        return result

    def parsed(self, parse: Callable[[object], T], document: object) -> T:
        """What a parser makes of an answer; a field that is not as documented is a failure."""
        try:
            return parse(document)
        except FieldError as error:
            raise self.error(ErrorKind.MALFORMED, f"answered {error}") from None

    def error(self, kind: ErrorKind, text: str) -> SourceError:
        """A failure of this source, without the keys that it was sent."""
        return SourceError(
            f"{self.source}: {_masked(text, self._sent)}", source=self.source, kind=kind
        )

    async def _attempt(self, request: Request) -> object:
        async with self._turns:
            await self._wait_as_told()
            if (failure := self._resting() or _unsendable(request)) is not None:
                return failure
            if self._pace is not None:
                await self._pace.turn()
            if not await self._spend():
                return _Failure(kind=ErrorKind.QUOTA, text="the day's quota is used up; not asked")
            answer = await self._answer(request)
        return self._document(answer) if isinstance(answer, Answer) else answer

    async def _answer(self, request: Request) -> Answer | _Failure:
        try:
            async with asyncio.timeout(self._patience.total_seconds):
                answer = await self._send(request)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
            kind, text = failure_without_answer(error)
            failure = _Failure(kind=kind, text=text, again=kind in WORTH_RETRYING)
            self._note_unanswered(request, failure)
            return failure
        self._unanswered.clear()
        return answer

    async def _send(self, request: Request) -> Answer | _Failure:
        async with self._client.stream(
            "GET", self._address + request.path, params=request.query, headers=request.headers
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    return _Failure(
                        kind=ErrorKind.MALFORMED, text=f"answered over {MOST_BYTES} bytes"
                    )
            return Answer(
                status=response.status_code,
                text=body.decode("utf-8", "replace"),
                content_type=response.headers.get("content-type", ""),
                retry_after=response.headers.get("retry-after"),
                location=response.headers.get("location"),
            )

    def _document(self, answer: Answer) -> object:
        if answer.status != httpx.codes.OK:
            return self._refusal(answer)
        try:
            return strict_json(answer.text)
        except ValueError:
            if answer.is_page:
                text = "answered a page, not data; a proxy or sign-in page may stand between"
                return _Failure(kind=ErrorKind.MALFORMED, text=text)
            text = "answered what is not whole JSON"
            return _Failure(kind=ErrorKind.MALFORMED, text=text, again=True)

    def _refusal(self, answer: Answer) -> _Failure:
        kind, text = self._refusals(answer) or refusal_by_status(answer)
        pause = seconds_to_wait(answer.retry_after, self._clock.now())
        failure = _Failure(kind=kind, text=text, again=kind in WORTH_RETRYING, pause=pause)
        if failure.again and pause <= self._patience.longest_retry_after_seconds:
            self._waiting_until = max(self._waiting_until, self._monotonic() + pause)
        elif kind is ErrorKind.RATE_LIMITED:
            self._rest(failure, min(pause, self._patience.longest_rest_seconds))
        return failure

    async def _wait_as_told(self) -> None:
        if (seconds := self._waiting_until - self._monotonic()) > 0:
            await self._sleep(seconds)

    def _worth_another(self, failure: _Failure, attempt: int) -> bool:
        return (
            failure.again
            and attempt < self._patience.attempts
            and failure.pause <= self._patience.longest_retry_after_seconds
            and self._resting() is None
        )

    def _backoff(self, attempt: int) -> float:
        patience = self._patience
        longest = min(
            patience.first_backoff_seconds * 2.0 ** (attempt - 1), patience.longest_backoff_seconds
        )
        return random.uniform(longest / 2, longest)  # noqa: S311  jitter, no secret

    def _note_unanswered(self, request: Request, failure: _Failure) -> None:
        self._unanswered.add(frozenset([("", request.path), *request.query.items()]))
        if len(self._unanswered) >= self._patience.unanswered_in_a_row:
            self._rest(failure, self._patience.down_seconds)

    def _rest(self, why: _Failure, seconds: float) -> None:
        self._resting_until = self._monotonic() + seconds
        self._why_resting = why

    def _resting(self) -> _Failure | None:
        why = self._why_resting
        if why is None or self._monotonic() >= self._resting_until:
            return None
        return _Failure(kind=why.kind, text=f"not asked again yet: {why.text}")


def _unsendable(request: Request) -> _Failure | None:
    """A header that HTTP cannot carry would end in an exception that shows it."""
    if all(value.isascii() and value.isprintable() for value in request.headers.values()):
        return None
    return _Failure(
        kind=ErrorKind.KEY,
        text="the key holds a line break or a character outside ASCII; copy it again, alone",
    )


def _masked(text: str, sent: Iterable[str]) -> str:
    for value in sent:
        for secret in (value, *value.split()):
            if len(secret) >= SHORTEST_MASKED:
                text = text.replace(secret, "***")
    return text
