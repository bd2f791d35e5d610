"""What a source answered, and what an answer or the lack of one means."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import cast

import httpx

from carbon_scaler.application.grid_sources import ErrorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A GET; headers and query may hold secrets and are never shown."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, read to its end."""

    status: int
    text: str
    content_type: str
    retry_after: str | None = None
    location: str | None = None

    @property
    def document(self) -> object:
        """The JSON in it; None where there is none."""
        try:
            return strict_json(self.text)
        except ValueError:
            return None

    @property
    def is_page(self) -> bool:
        """Whether it is for people's eyes, as a proxy's or a gateway's."""
        return "html" in self.content_type.lower() or self.text.lstrip()[:1] == "<"


# What a source's own words in a refusal mean; None: by the status alone.
Refusals = Callable[[Answer], tuple[ErrorKind, str] | None]


def strict_json(text: str) -> object:
    """The document; NaN and Infinity are no JSON. Raises ValueError."""
    try:
        return cast("object", json.loads(text, parse_constant=_refuse_constant))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def refusal_by_status(answer: Answer) -> tuple[ErrorKind, str]:
    """What a status other than 200 means where the source's words say nothing."""
    status = answer.status
    text = f"answered status {status}"
    if answer.location is not None and 300 <= status < 400:  # noqa: PLR2004  redirections
        return ErrorKind.MALFORMED, (
            f"{text} and sends us to {_host(answer.location)}; set that address if it is meant"
        )
    if status in (401, 403) and answer.is_page:
        return ErrorKind.SERVER, f"{text} with a page; a proxy or gateway stands between"
    if status == httpx.codes.NOT_FOUND and answer.is_page:
        return ErrorKind.MALFORMED, f"{text} with a page; check the configured address"
    kinds = {
        400: ErrorKind.ZONE,
        401: ErrorKind.KEY,
        403: ErrorKind.PLAN,
        404: ErrorKind.NO_DATA,
        408: ErrorKind.SERVER,
        422: ErrorKind.ZONE,
        429: ErrorKind.RATE_LIMITED,
    }
    otherwise = ErrorKind.SERVER if httpx.codes.is_server_error(status) else ErrorKind.MALFORMED
    return kinds.get(status, otherwise), text


def _host(location: str) -> str:
    """Only the host: the rest may hold a secret."""
    try:
        return httpx.URL(location).host or "another path"
    except httpx.InvalidURL:
        return "an unreadable address"


def failure_without_answer(error: Exception) -> tuple[ErrorKind, str]:
    """In our words: the exception's own may hold an address with secrets."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return ErrorKind.TIMEOUT, "no complete answer in time"
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            reason = getattr(cause, "verify_message", None) or cause.reason or "refused"
            return ErrorKind.TLS, f"TLS failed: {reason}"
    if isinstance(error, httpx.DecodingError):
        return ErrorKind.MALFORMED, "answered what cannot be decompressed"
    if isinstance(error, httpx.ConnectError):
        return ErrorKind.UNREACHABLE, "cannot be reached; check the network, DNS and proxies"
    if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
        return ErrorKind.UNREACHABLE, "its address is none; it is like https://host"
    return ErrorKind.UNREACHABLE, "the connection broke before the answer was complete"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def seconds_to_wait(retry_after: str | None, now: datetime) -> float:
    """Of a Retry-After header, which holds seconds or a date; 0 where it says nothing usable."""
    if retry_after is None:
        return 0.0
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    # RFC 9110: a date is in GMT, even where it does not say so.
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
