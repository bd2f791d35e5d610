"""A backlog in a Postgres table, read by the operator's query."""

import asyncio
from datetime import timedelta
from typing import Any, TypeAlias

import asyncpg

from carbon_scaler.application.backlog_settings import BacklogSettings
from carbon_scaler.backlogs.errors import BacklogUnavailableError
from carbon_scaler.backlogs.postgres_causes import connect_cause, one_line, query_cause
from carbon_scaler.backlogs.postgres_query import (
    Packed,
    QueryColumn,
    UnusableQueryError,
    packing_query,
    read_packed,
    unpacked,
)
from carbon_scaler.domain.backlog import Items

APPLICATION_NAME = "carbon-scaler-backlog"
SERVER_MARGIN = timedelta(seconds=1)

_CLIENT_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

# In quotes: only the stubs know that it is generic.
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class PostgresBacklog:
    """Reads over a connection of its own, opened on demand and anew after any failure."""

    def __init__(self, settings: BacklogSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._is_closed = False
        self._last: tuple[Packed, Items] | None = None

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def refresh(self) -> timedelta:
        return self._settings.refresh

    @property
    def timeout(self) -> timedelta:
        return self._settings.timeout

    @property
    def max_age(self) -> timedelta:
        return self._settings.max_age

    @property
    def namespaces(self) -> frozenset[str] | None:
        return self._settings.namespaces

    async def read(self) -> Items:
        """What waits now; the very object of the last time while the content is the same."""
        seconds = self.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                packed = await self._read(await self._connected())
        except TimeoutError as error:
            self._drop()
            raise self._unavailable(f"not answered within {seconds:g} s") from error
        except BaseException:
            self._drop()
            raise
        if self._is_closed:
            self._drop()
        if self._last is None or self._last[0] != packed:
            rate = self._settings.starts_per_minute
            self._last = packed, unpacked(packed, starts_per_minute=rate)
        return self._last[1]

    async def close(self) -> None:
        """Let go of the connection; a reading that is under way fails."""
        self._is_closed = True
        self._drop()

    async def _connected(self) -> Connection:
        if self._connection is not None and not self._connection.is_closed():
            return self._connection
        try:
            self._connection = await asyncpg.connect(
                self._settings.url,
                # No cache, and below no session settings: so a transaction pooler may stand between.
                statement_cache_size=0,
                server_settings={"application_name": APPLICATION_NAME},
            )
        except (*_CLIENT_FAILURES, ValueError) as error:
            # ValueError: what the client says of a URL that it cannot read.
            cause = connect_cause(error, url=self._settings.url, url_env=self._settings.url_env)
            raise self._unavailable(cause) from error
        return self._connection

    async def _read(self, connection: Connection) -> Packed:
        try:
            row = await self._packed_row(connection)
            return read_packed(row, max_rows=self._settings.max_rows)
        except UnusableQueryError as error:
            raise self._unavailable(one_line(str(error))) from error
        except _CLIENT_FAILURES as error:
            raise self._unavailable(query_cause(error, url=self._settings.url)) from error

    async def _packed_row(self, connection: Connection) -> tuple[Any, ...]:
        # Not by asyncpg's transaction, which awaits a rollback from a server that may no longer answer:
        # whatever fails in here, the connection is dropped. The server gives up a little later than we
        # do, so that it is always clear who did.
        limit = round((self.timeout + SERVER_MARGIN).total_seconds() * 1000)
        await connection.execute(f"BEGIN READ ONLY; SET LOCAL statement_timeout = {limit}")
        statement = await connection.prepare(self._settings.query, name="")
        if statement.get_parameters():
            raise UnusableQueryError("the query has parameters ($1); write the values out")
        columns = [
            QueryColumn(name=attribute.name, type_name=attribute.type.name)
            for attribute in statement.get_attributes()
        ]
        packing = packing_query(
            self._settings.query,
            columns,
            max_rows=self._settings.max_rows,
            counts_starts=self._settings.starts_per_minute is not None,
        )
        row = await connection.fetchrow(packing)
        await connection.execute("ROLLBACK")
        return () if row is None else tuple(row)

    def _unavailable(self, cause: str) -> BacklogUnavailableError:
        return BacklogUnavailableError(cause, backlog=self.name)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            # At once: a polite goodbye waits for a server that may hang.
            connection.terminate()
