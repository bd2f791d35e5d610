"""One HTTP client for all sources: limits, retries, and what a failed request means."""

import asyncio
import json
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from carbon_scaler.application.grid_sources import ErrorKind, SourceError

ATTEMPTS = 3
CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
# Beside the limit per read, which a body that drips in never reaches.
TOTAL_SECONDS = 20.0
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 8.0
LONGEST_RETRY_AFTER_SECONDS = 60.0
MOST_BYTES = 16 * 1024 * 1024
# So many requests in a row that nobody answered: the rest of them fail at once for a while.
UNANSWERED_IN_A_ROW = 3
DOWN_SECONDS = 45.0
WORTH_RETRYING = frozenset(
    {
        ErrorKind.TIMEOUT,
        ErrorKind.UNREACHABLE,
        ErrorKind.SERVER,
        ErrorKind.RATE_LIMITED,
        ErrorKind.MALFORMED,
    }
)
UNANSWERED = frozenset({ErrorKind.TIMEOUT, ErrorKind.UNREACHABLE, ErrorKind.TLS})

Sleep = Callable[[float], Awaitable[None]]
# Counts a request before it is made; False: the user's limit is used up.
Spend = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A GET; headers may hold secrets and are never shown."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, read to its end."""

    status: int
    text: str
    content_type: str
    retry_after: str | None = None

    @property
    def document(self) -> Any:
        """The JSON in it; None where there is none."""
        try:
            return _strict_json(self.text)
        except ValueError:
            return None


# What a source's own words in a refusal mean; None: by the status alone.
Refusals = Callable[[Answer], tuple[ErrorKind, str] | None]


class Transport:
    """Asks one source; every failure is a SourceError without secrets."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        source: str,
        address: str,
        spend: Spend,
        refusals: Refusals,
        most_at_once: int = 16,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.source = source
        self.address = address
        self._client = client
        self._spend = spend
        self._refusals = refusals
        self._turns = asyncio.Semaphore(most_at_once)
        self._sleep = sleep
        self._unanswered = 0
        self._down_until = 0.0

    async def get(self, request: Request) -> Any:
        """The JSON document, after retries where they are worth it."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._attempt(request)
            except _RetryableError as failed:
                if attempt == ATTEMPTS or failed.pause > LONGEST_RETRY_AFTER_SECONDS:
                    raise failed.error from None
                pause = failed.pause or _backoff(attempt)
            await self._sleep(pause)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _attempt(self, request: Request) -> Any:
        self._refuse_if_down()
        if not await self._spend():
            raise self.error(ErrorKind.QUOTA, "the day's quota is used up; not asked")
        try:
            async with self._turns, asyncio.timeout(TOTAL_SECONDS):
                answer = await self._send(request)
        except (httpx.HTTPError, TimeoutError, OSError) as error:
            self._note_unanswered()
            raise self._retryable(*_failure(error)) from None
        self._unanswered = 0
        return self._document(answer)

    async def _send(self, request: Request) -> Answer:
        async with self._client.stream(
            "GET", self.address + request.path, params=request.query, headers=request.headers
        ) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise self.error(ErrorKind.MALFORMED, f"answered over {MOST_BYTES} bytes")
            return Answer(
                status=response.status_code,
                text=body.decode("utf-8", "replace"),
                content_type=response.headers.get("content-type", ""),
                retry_after=response.headers.get("retry-after"),
            )

    def _document(self, answer: Answer) -> Any:
        if answer.status != httpx.codes.OK:
            kind, text = self._refusals(answer) or _by_status(answer)
            raise self._retryable(kind, text, pause=_retry_after(answer.retry_after))
        try:
            return _strict_json(answer.text)
        except ValueError:
            what = "a page" if "html" in answer.content_type else "broken JSON"
            raise self._retryable(ErrorKind.MALFORMED, f"answered {what}") from None

    def error(self, kind: ErrorKind, text: str) -> SourceError:
        """A failure of this source."""
        return SourceError(f"{self.source}: {text}", source=self.source, kind=kind)

    def _retryable(self, kind: ErrorKind, text: str, *, pause: float = 0.0) -> Exception:
        error = self.error(kind, text)
        return _RetryableError(error, pause=pause) if kind in WORTH_RETRYING else error

    def _note_unanswered(self) -> None:
        self._unanswered += 1
        if self._unanswered >= UNANSWERED_IN_A_ROW:
            self._down_until = asyncio.get_running_loop().time() + DOWN_SECONDS
            self._unanswered = 0

    def _refuse_if_down(self) -> None:
        if asyncio.get_running_loop().time() < self._down_until:
            raise self.error(
                ErrorKind.UNREACHABLE, f"{self.address} did not answer just now; not asked again"
            )


class _RetryableError(Exception):
    def __init__(self, error: SourceError, *, pause: float) -> None:
        self.error = error
        self.pause = pause
        super().__init__(str(error))


def _failure(error: Exception) -> tuple[ErrorKind, str]:
    """Without the exception's own text, which may hold a URL with secrets."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return ErrorKind.TIMEOUT, "no complete answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return ErrorKind.TLS, f"TLS failed: {cause.reason or 'certificate not accepted'}"
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.ConnectError):
        return ErrorKind.UNREACHABLE, "cannot be reached; check the network, DNS and proxies"
    return ErrorKind.UNREACHABLE, "the connection broke in the middle of the answer"


def _by_status(answer: Answer) -> tuple[ErrorKind, str]:
    match answer.status:
        case 401:
            kind = ErrorKind.KEY
        case 403:
            kind = ErrorKind.PLAN
        case 400 | 404 | 422:
            kind = ErrorKind.ZONE if answer.status != 404 else ErrorKind.NO_DATA
        case 429:
            kind = ErrorKind.RATE_LIMITED
        case status if status >= 500 or status == 408:
            kind = ErrorKind.SERVER
        case _:
            kind = ErrorKind.MALFORMED
    return kind, f"answered status {answer.status}"


def _backoff(attempt: int) -> float:
    longest = min(FIRST_BACKOFF_SECONDS * 2.0 ** (attempt - 1), LONGEST_BACKOFF_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311  jitter, no secret


def _retry_after(text: str | None) -> float:
    """Seconds, or a date; 0 where there is none."""
    if text is None:
        return 0.0
    if text.strip().isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (at - datetime.now(UTC)).total_seconds())  # noqa: TID251  against a wall clock


def _strict_json(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
