"""Connections to PostgreSQL, and in plain words why there is none."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from ssl import SSLError
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import asyncpg

from carbon_scaler.domain.errors import CarbonScalerError

Connection: TypeAlias = (
    "asyncpg.Connection[asyncpg.Record] | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
)
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

APPLICATION_NAME = "carbon-scaler"
CONNECT_TIMEOUT = timedelta(seconds=5)
# For a connection of a pool, which may have to be opened anew.
ACQUIRE_SECONDS = 2 * CONNECT_TIMEOUT.total_seconds()
STATEMENT_TIMEOUT = timedelta(seconds=30)
CLOSE_SECONDS = 5.0
# The client gives up after the server should have: what remains is a server that is gone.
NETWORK_MARGIN = timedelta(seconds=2)
DEFAULT_PORT = "5432"
FORM = (
    "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @, %2F for /, "
    "%23 for #, %3F for ? and %3A for : in the password"
)

NOT_NOW = (
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
NO_SUCH_OBJECT = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)


class DatabaseUrlError(CarbonScalerError):
    """The address of the database cannot be read."""


class DatabaseError(CarbonScalerError):
    """The database, or what is in it, is not as needed."""


class DatabaseUnreachableError(DatabaseError):
    """No server answers there, or it went away."""


class DatabaseRefusedError(DatabaseError):
    """The server is there and says no."""


@asynccontextmanager
async def open_connection(
    url: str,
    *,
    application_name: str = APPLICATION_NAME,
    statement_timeout: timedelta = STATEMENT_TIMEOUT,
) -> AsyncIterator[Connection]:
    place = server_name(url)
    options = _options(application_name, statement_timeout)
    with _refusals_of_url(), failures_explained(place):
        connection = await asyncpg.connect(url, **options)
    try:
        yield connection
    finally:
        await _close(connection)


@asynccontextmanager
async def open_pool(
    url: str,
    *,
    min_size: int = 1,
    max_size: int = 8,
    statement_timeout: timedelta = STATEMENT_TIMEOUT,
) -> AsyncIterator[Pool]:
    """`min_size` connections at once, more when needed; 0 opens while the server is away."""
    place = server_name(url)
    options = _options(APPLICATION_NAME, statement_timeout)
    with _refusals_of_url(), failures_explained(place):
        pool = await asyncpg.create_pool(url, min_size=min_size, max_size=max_size, **options)
    try:
        yield pool
    finally:
        await _close(pool)


async def server_clock_offset(connection: Connection, now: datetime) -> timedelta:
    """How far the server's clock is ahead of `now`, which is the instant of the call."""
    loop = asyncio.get_running_loop()
    asked = loop.time()
    server_now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    half_way = timedelta(seconds=(loop.time() - asked) / 2)
    return server_now - (now + half_way)


def redacted(url: str) -> str:
    """The URL without its passwords, fit for a log."""
    if "://" not in url:
        return "***"
    # Up to the last @: an unescaped one in the password must not show the rest of it.
    without = re.sub(r"(://[^:/?#@]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", without, flags=re.IGNORECASE)


def server_name(url: str) -> str:
    """Host and port, or socket, that the URL leads to; refuses one that cannot be read."""
    parts = _split(url)
    host = unquote(parts.netloc.rpartition("@")[2])
    port = DEFAULT_PORT
    if not host:
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        host, port = query.get("host", ""), query.get("port", DEFAULT_PORT)
    if not host:
        return "this machine (DATABASE_URL names no host)"
    if host.startswith("/"):
        return f"{host}/.s.PGSQL.{port}"
    return host if re.search(r":\d+$", host) else f"{host}:{port}"


@contextmanager
def failures_explained(place: str) -> Iterator[None]:
    """Turns what the driver raises into one line about the database at `place`."""
    try:
        yield
    except NO_SUCH_OBJECT as error:
        raise DatabaseRefusedError(
            f"the database at {place} lacks something: {first_line(error)}; "
            "run carbon-scaler migrate up"
        ) from error
    except asyncpg.ClientConfigurationError as error:
        raise DatabaseUrlError(f"DATABASE_URL is not usable: {first_line(error)}") from error
    except asyncpg.ProtocolViolationError as error:
        raise DatabaseRefusedError(
            f"what answers at {place} is not PostgreSQL itself: {first_line(error)}; "
            "DATABASE_URL has to name the server, not a pooler in front of it"
        ) from error
    except (*NOT_NOW, OSError) as error:
        raise DatabaseUnreachableError(
            f"the database at {place} does not answer: {_cause(error)}; "
            "check DATABASE_URL and that the server runs"
        ) from error
    except asyncpg.QueryCanceledError as error:
        raise DatabaseUnreachableError(
            f"the database at {place} is too slow: {first_line(error)}; "
            "look for locks and load in pg_stat_activity"
        ) from error
    except asyncpg.PostgresError as error:
        raise DatabaseRefusedError(
            f"the database at {place} refused: {first_line(error)}{_advice(error)}"
        ) from error


@contextmanager
def _refusals_of_url() -> Iterator[None]:
    try:
        yield
    except ValueError:
        # Without its text, which may quote the password.
        raise DatabaseUrlError(f"DATABASE_URL is malformed; {FORM}") from None


def _options(application_name: str, statement_timeout: timedelta) -> dict[str, Any]:
    milliseconds = int(statement_timeout / timedelta(milliseconds=1))
    return {
        "timeout": CONNECT_TIMEOUT.total_seconds(),
        "command_timeout": (statement_timeout + NETWORK_MARGIN).total_seconds(),
        # As part of connecting: a pool undoes every SET when a connection comes back.
        "server_settings": {
            "application_name": application_name,
            "timezone": "UTC",
            "statement_timeout": str(milliseconds),
            "jit": "off",  # takes longer than any statement here
        },
    }


async def _close(opened: "Connection | Pool") -> None:
    """In order, but not for ever: a server that is gone does not say goodbye."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await opened.close()
    except (TimeoutError, *NOT_NOW, OSError):
        opened.terminate()


def _split(url: str) -> SplitResult:
    """The parts of a URL that the driver reads as it was meant."""
    with _refusals_of_url():
        parts = urlsplit(url)
        parse_qs(parts.query, strict_parsing=bool(parts.query))
        if "," not in parts.netloc:
            _ = parts.port  # raises
    if parts.scheme not in ("postgres", "postgresql"):
        raise DatabaseUrlError(f"DATABASE_URL is not a PostgreSQL URL; {FORM}")
    if parts.netloc.count("@") > 1 or parts.fragment:
        raise DatabaseUrlError(f"DATABASE_URL is malformed; {FORM}")
    return parts


def first_line(error: BaseException) -> str:
    """What happened, without the details that PostgreSQL puts below."""
    return next(iter(str(error).splitlines()), type(error).__name__)


def _cause(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, SSLError):
        # asyncio puts the address there, which is named already.
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return first_line(error)


def _advice(error: asyncpg.PostgresError) -> str:
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return "; check user and password in DATABASE_URL"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return "; check the database's name in DATABASE_URL, or create it"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return "; grant it to this user, or name another one in DATABASE_URL"
    return ""
