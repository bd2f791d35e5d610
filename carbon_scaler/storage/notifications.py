"""Word from PostgreSQL that something changed."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from carbon_scaler.storage.pool import (
    Connection,
    DatabaseError,
    DatabaseUnreachableError,
    failures_explained,
    open_connection,
    server_name,
)

log = structlog.get_logger()

INTENSITY_CHANNEL = "carbon_scaler_intensity"
DIRECTIVES_CHANNEL = "carbon_scaler_directives"
PLACES_CHANNEL = "carbon_scaler_places"
APPLICATION_NAME = "carbon-scaler-listen"
FIRST_RETRY_SECONDS = 0.1
LONGEST_RETRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rhythm:
    window: float
    poll: float
    probe: float


class PostgresChanges:
    """Listens on a connection of its own, and on another one when that is lost."""

    def __init__(
        self,
        url: str,
        *,
        channel: str = INTENSITY_CHANNEL,
        window: timedelta = timedelta(milliseconds=50),
        poll: timedelta = timedelta(seconds=60),
        probe: timedelta = timedelta(seconds=10),
    ) -> None:
        """Collects for a `window` and says None after each `poll`, whatever was heard.

        A connection that is silent for a `probe` is asked, and given up after another one.
        """
        self._url = url
        self._channel = channel
        self._place = server_name(url)
        self._rhythm = _Rhythm(
            window=window.total_seconds(), poll=poll.total_seconds(), probe=probe.total_seconds()
        )
        self.connected = False
        self.last_error: str | None = None

    async def changes(self) -> AsyncGenerator[frozenset[str] | None, None]:
        """Sets of changed regions; None when any may have, as after every connecting."""
        failures = 0
        loop = asyncio.get_running_loop()
        told_at = loop.time()
        while True:
            try:
                async with self._listening() as inbox:
                    failures = 0
                    while True:
                        change = await inbox.next_change()
                        told_at = loop.time()
                        yield change
            except DatabaseError as error:
                self._note_failure(str(error))
            failures += 1
            await asyncio.sleep(_retry_seconds(failures))
            if loop.time() - told_at >= self._rhythm.poll:
                # Who can't listen can perhaps still read.
                told_at = loop.time()
                yield None

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator["_Inbox"]:
        async with open_connection(self._url, application_name=APPLICATION_NAME) as connection:
            inbox = _Inbox(connection, self._place, self._rhythm)
            connection.add_termination_listener(self._note_end)
            connection.add_termination_listener(inbox.end)
            try:
                with failures_explained(self._place):
                    await connection.add_listener(self._channel, inbox.put)
                self._note_success()
                yield inbox
            except DatabaseError:
                connection.terminate()  # nobody is there to take leave of
                raise
            finally:
                self.connected = False

    def _note_success(self) -> None:
        self.connected = True
        if self.last_error is not None:
            log.info("changes.listening_again", database=self._place)
        self.last_error = None

    def _note_failure(self, error: str) -> None:
        if error != self.last_error:
            log.warning("changes.not_listening", error=error)
        self.last_error = error

    def _note_end(self, _connection: Connection) -> None:
        self.connected = False


class _Inbox:
    """What arrived on one connection and nobody has taken yet."""

    def __init__(self, connection: Connection, place: str, rhythm: _Rhythm) -> None:
        self._connection = connection
        self._place = place
        self._rhythm = rhythm
        self._regions: set[str] = set()
        self._arrived = asyncio.Event()
        self._ended = False
        self._look_at = 0.0  # at once: what changed while nobody listened is not told

    def put(self, _connection: Connection, _pid: int, _channel: str, payload: object) -> None:
        self._regions.add(str(payload))
        self._arrived.set()

    def end(self, _connection: Connection) -> None:
        self._ended = True
        self._arrived.set()

    async def next_change(self) -> frozenset[str] | None:
        """Waits; raises when the connection is lost."""
        loop = asyncio.get_running_loop()
        while not self._ended:
            until_look = self._look_at - loop.time()
            if until_look <= 0:
                self._take()
                self._look_at = loop.time() + self._rhythm.poll
                return None
            if not await self._waited(min(until_look, self._rhythm.probe)):
                await self._prove_alive()
            elif not self._ended:
                await asyncio.sleep(self._rhythm.window)
                return self._take()
        raise DatabaseUnreachableError(
            f"the database at {self._place} closed the connection: connecting again"
        )

    def _take(self) -> frozenset[str] | None:
        regions = frozenset(self._regions)
        self._regions.clear()
        if not self._ended:
            self._arrived.clear()
        return None if "" in regions else regions

    async def _waited(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._arrived.wait()
        except TimeoutError:
            return False

    async def _prove_alive(self) -> None:
        with failures_explained(self._place):
            await self._connection.execute("SELECT 1", timeout=self._rhythm.probe)


def _retry_seconds(failures: int) -> float:
    longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures, 10))
    return longest * random.uniform(0.5, 1)  # noqa: S311
