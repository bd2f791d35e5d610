"""Which of many ingest processes writes: the one whose session holds an advisory lock."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import structlog

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.storage.pool import (
    Connection,
    DatabaseError,
    DatabaseRefusedError,
    DatabaseUnreachableError,
    failures_explained,
    open_connection,
    server_name,
)

log = structlog.get_logger()

APPLICATION_NAME = "carbon-scaler-lead"
LEADER_LOCK = 0x6C65_6164  # any number that nobody else takes: "lead"
CLOSE_SECONDS = 1.0

# A leader whose network is gone must not hold the lock until the server's system notices.
_NOTICE_LOST_NETWORK = """
SELECT
  set_config('tcp_keepalives_idle', '5', false),
  set_config('tcp_keepalives_interval', '2', false),
  set_config('tcp_keepalives_count', '3', false),
  set_config('tcp_user_timeout', '10000', false)
"""

# Nor one that stands still while its system answers for it; before version 14 it may.
_NOTICE_STANDSTILL = """
SELECT set_config(name, '10s', false) FROM pg_settings WHERE name = 'idle_session_timeout'
"""

_BEGIN_TERM = """
UPDATE ingest_leadership SET token = token + 1, holder = $1, since = clock_timestamp()
RETURNING token
"""

_STILL_LEADS = """
SELECT EXISTS (
  SELECT FROM pg_locks
  WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = 0 AND objid = $1::bigint::oid AND objsubid = 1
) AND EXISTS (SELECT FROM ingest_leadership WHERE token = $2)
"""


class LeaderElsewhereError(CarbonScalerError):
    """Another process leads, and its term did not end in the time that was given."""

    def __init__(self, holder: str) -> None:
        self.holder = holder
        super().__init__(f"another ingest process leads: {holder or 'it has not told its name'}")


class PostgresTerm:
    """A time of leading; it ends with the session that holds the lock."""

    def __init__(
        self, connection: Connection, token: int, *, probe: timedelta, patience: timedelta
    ) -> None:
        self._connection = connection
        self._token = token
        self._probe = probe.total_seconds()
        self._patience = patience.total_seconds()
        self._ended = asyncio.Event()
        self._asking = asyncio.Lock()
        connection.add_termination_listener(self._end)

    @property
    def token(self) -> int:
        """Higher than that of any earlier term."""
        return self._token

    async def lost(self) -> None:
        """Returns once the session is gone, silent, or without the lock."""
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(self._probe):
                    await self._ended.wait()
            except TimeoutError:
                async with self._asking:
                    await self._ask()

    async def give_up(self) -> None:
        """Let another process lead at once."""
        if not self._ended.is_set():
            self._ended.set()
            try:
                async with asyncio.timeout(CLOSE_SECONDS), self._asking:
                    with failures_explained("DATABASE_URL"):
                        await self._connection.execute("SELECT pg_advisory_unlock($1)", LEADER_LOCK)
                    return
            except (DatabaseError, TimeoutError):
                pass
        # Nobody is there to take leave of.
        self._connection.terminate()

    async def _ask(self) -> None:
        leads = False
        try:
            with failures_explained("DATABASE_URL"):
                async with asyncio.timeout(self._patience):
                    leads = await self._connection.fetchval(_STILL_LEADS, LEADER_LOCK, self._token)
        except DatabaseError:
            pass
        if not leads:
            self._ended.set()

    def _end(self, _connection: Connection) -> None:
        self._ended.set()


class PostgresElections:
    """Stands for election on a connection of its own; `holder` is what others are told."""

    def __init__(
        self,
        url: str,
        *,
        holder: str,
        retry: timedelta = timedelta(seconds=1),
        probe: timedelta = timedelta(milliseconds=500),
        patience: timedelta = timedelta(seconds=1),
    ) -> None:
        """A term is over when the server is silent for `patience`, asked once per `probe`."""
        self._url = url
        self._place = server_name(url)
        self._holder = holder
        self._retry = retry.total_seconds()
        self._probe = probe
        self._patience = patience
        self._told: str | None = None

    @asynccontextmanager
    async def term(self, wait: timedelta | None = None) -> AsyncGenerator[PostgresTerm, None]:
        """Entered once this process leads; however long that takes, if no `wait` is given.

        After `wait`, raises LeaderElsewhereError, or DatabaseUnreachableError.
        """
        async with AsyncExitStack() as stack:
            yield await self._elected(stack, wait)

    async def _elected(self, stack: AsyncExitStack, wait: timedelta | None) -> PostgresTerm:
        loop = asyncio.get_running_loop()
        deadline = None if wait is None else loop.time() + wait.total_seconds()
        while True:
            try:
                async with AsyncExitStack() as attempt:
                    connection = await attempt.enter_async_context(self._session())
                    term = await self._chosen(connection, deadline)
                    attempt.push_async_callback(term.give_up)
                    stack.push_async_callback(attempt.pop_all().aclose)
                    self._note(None)
                    return term
            except DatabaseUnreachableError as error:
                if deadline is not None and loop.time() >= deadline:
                    raise
                self._note(str(error))
            await asyncio.sleep(self._retry)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Connection]:
        async with open_connection(self._url, application_name=APPLICATION_NAME) as connection:
            with failures_explained(self._place):
                if await _is_pooled(connection):
                    await self._refuse_shared_session(connection)
                await connection.execute(_NOTICE_LOST_NETWORK)
                await connection.execute(_NOTICE_STANDSTILL)
            yield connection

    async def _refuse_shared_session(self, connection: Connection) -> None:
        async with open_connection(self._url, application_name=APPLICATION_NAME) as other:
            await require_session_of_its_own(connection, other, self._place)

    async def _chosen(self, connection: Connection, deadline: float | None) -> PostgresTerm:
        loop = asyncio.get_running_loop()
        with failures_explained(self._place):
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER_LOCK):
                holder = await connection.fetchval("SELECT holder FROM ingest_leadership")
                if deadline is not None and loop.time() >= deadline:
                    raise LeaderElsewhereError(holder)
                self._note(f"another ingest process leads: {holder}")
                await asyncio.sleep(self._retry)
            token = await connection.fetchval(_BEGIN_TERM, self._holder)
        return PostgresTerm(connection, token, probe=self._probe, patience=self._patience)

    def _note(self, waiting_for: str | None) -> None:
        if waiting_for is not None and waiting_for != self._told:
            log.info("ingest.waits_to_lead", cause=waiting_for)
        self._told = waiting_for


async def require_session_of_its_own(connection: Connection, other: Connection, place: str) -> None:
    """Refuses a pooler that lends one session of the server to several of its clients."""
    asked = [await _session_id(each) for each in (connection, other, connection)]
    if asked[0] != asked[2] or asked[1] == asked[0]:
        raise DatabaseRefusedError(
            f"what answers at {place} is a pooler that shares sessions (PgBouncer in transaction "
            "or statement mode), where no lock lasts: DATABASE_URL of ingest has to name the "
            "server itself, or a pool in session mode"
        )


async def _is_pooled(connection: Connection) -> bool:
    """A pooler invents the id that it gives its clients for cancelling."""
    told = connection.get_server_pid()
    return told != await _session_id(connection)


async def _session_id(connection: Connection) -> int:
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    return pid
