"""The login at WattTime: rare, one at a time, and never in a loop."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.transport import Transport
from carbon_scaler.providers.watttime.answers import parse_token
from carbon_scaler.providers.watttime.requests import login_request

# A token lives for 30 minutes.
RENEWED_AFTER_SECONDS = 28 * 60.0
# WattTime allows 100 logins in five minutes; whoever needs more than a few is in a loop.
LOGINS_WINDOW_SECONDS = 300.0
MOST_LOGINS = 20
# A wrong password does not become right by itself.
REFUSED_FOR_SECONDS = 300.0

Credentials = tuple[str, str]


class WattTimeTokens:
    """One token for all requests, made when it is needed."""

    def __init__(
        self,
        transport: Transport,
        *,
        username: Callable[[], str],
        password: Callable[[], str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._username = username
        self._password = password
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._token: str | None = None
        self._renew_at = 0.0
        self._logins: deque[float] = deque(maxlen=MOST_LOGINS)
        self._ended = 0
        self._failure: SourceError | None = None
        self._refused: tuple[Credentials, float] | None = None

    async def token(self, *, refused: str | None = None) -> str:
        """The present token; another one if it is `refused` and nobody has renewed it since."""
        ended = self._ended
        async with self._lock:
            now = self._monotonic()
            if self._token is not None and self._token != refused and now < self._renew_at:
                return self._token
            # The login that this one waited for failed; another one would fail alike.
            if self._ended != ended and self._failure is not None:
                raise _again(self._failure)
            return await self._renew(now)

    async def _renew(self, now: float) -> str:
        credentials = (self._username(), self._password())
        self._failure = None
        try:
            # Before the token is dropped: it may be refused here and serve elsewhere.
            self._refuse_loop(credentials, now)
            self._token = None
            self._token = await self._log_in(credentials, now)
        except SourceError as error:
            self._failure = error
            raise
        finally:
            self._ended += 1
        self._refused = None
        self._renew_at = now + RENEWED_AFTER_SECONDS
        return self._token

    def _refuse_loop(self, credentials: Credentials, now: float) -> None:
        if self._refused is not None and self._refused[0] == credentials and now < self._refused[1]:
            raise self._wrong_credentials()
        full = len(self._logins) == MOST_LOGINS
        if full and now < self._logins[0] + LOGINS_WINDOW_SECONDS:
            raise self._transport.error(
                ErrorKind.RATE_LIMITED,
                f"{MOST_LOGINS} logins in five minutes; not asked for another one until they pass",
            )

    async def _log_in(self, credentials: Credentials, now: float) -> str:
        self._logins.append(now)
        try:
            return parse_token(await self._transport.get(login_request(*credentials)))
        except FieldError as error:
            raise self._transport.error(ErrorKind.MALFORMED, f"login: {error}") from None
        except SourceError as error:
            if error.kind is not ErrorKind.KEY:
                raise
        self._refused = (credentials, now + REFUSED_FOR_SECONDS)
        raise self._wrong_credentials()

    def _wrong_credentials(self) -> SourceError:
        return self._transport.error(
            ErrorKind.KEY,
            "refused user name and password; check WATTTIME_USERNAME and WATTTIME_PASSWORD",
        )


def _again(error: SourceError) -> SourceError:
    return SourceError(str(error), source=error.source, kind=error.kind)
