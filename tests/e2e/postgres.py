"""A real Postgres that a test may stop and start again."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg

from carbon_scaler.storage.embedded import EmbeddedServer, embedded_postgres
from carbon_scaler.storage.migrate import migrate_up


class Postgres:
    """The embedded server on a directory of its own; its address outlives a restart."""

    def __init__(self, directory: Path, runner: asyncio.Runner) -> None:
        self._directory = directory
        self._runner = runner
        self._running: AbstractAsyncContextManager[EmbeddedServer] | None = None
        self._server: EmbeddedServer | None = None

    def start(self) -> None:
        if self._running is None:
            self._running = embedded_postgres(self._directory, durable=False)
            self._server = self._runner.run(self._enter(self._running))

    def stop(self) -> None:
        if self._running is not None:
            self._runner.run(self._leave(self._running))
            self._running = None

    def database(self, *, migrated: bool = True) -> str:
        """The URL of a new database."""
        assert self._server is not None
        name = f"e2e_{uuid4().hex}"
        self.execute(self._server.url("postgres"), f"CREATE DATABASE {name} TEMPLATE template0")
        url = self._server.url(name)
        if migrated:
            self._runner.run(migrate_up(url))
        return url

    def execute(self, url: str, *statements: str) -> None:
        async def work() -> None:
            connection = await asyncpg.connect(url)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        self._runner.run(work())

    def value(self, url: str, query: str) -> Any:
        async def work() -> object:
            connection = await asyncpg.connect(url)
            try:
                return await connection.fetchval(query)
            finally:
                await connection.close()

        return self._runner.run(work())

    async def _enter(self, running: AbstractAsyncContextManager[EmbeddedServer]) -> EmbeddedServer:
        return await running.__aenter__()

    async def _leave(self, running: AbstractAsyncContextManager[EmbeddedServer]) -> None:
        await running.__aexit__(None, None, None)


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    # Not pytest's directory: the path of a socket has to be short.
    with tempfile.TemporaryDirectory(prefix="carbon-e2e-") as name, asyncio.Runner() as runner:
        postgres = Postgres(Path(name), runner)
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()
