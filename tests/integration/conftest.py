"""One PostgreSQL server for all tests, migrated once, and a copy of its database for each."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from carbon_scaler.storage.databases import with_database
from carbon_scaler.storage.embedded import EmbeddedServer, embedded_postgres
from carbon_scaler.storage.migrate import migrate_up
from carbon_scaler.storage.pool import Pool, open_pool

TEMPLATE = f"carbon_template_{os.getpid()}"
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
WITHOUT_DURABILITY = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@dataclass(frozen=True)
class PostgresServer:
    """A server that tests may make databases on."""

    admin_url: str

    def url(self, database: str) -> str:
        return with_database(self.admin_url, database)

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url, timeout=10)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def make_template(self) -> None:
        await self.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        await migrate_up(self.url(TEMPLATE))
        # An autovacuum worker in it would keep it from being copied.
        await self.execute(f"ALTER DATABASE {TEMPLATE} ALLOW_CONNECTIONS false")

    async def drop(self, database: str) -> None:
        await self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


@pytest.fixture(scope="session")
def embedded_server() -> Iterator[PostgresServer]:
    """The server that the product carries, or the one that TEST_POSTGRES_DSN names."""
    with asyncio.Runner() as runner:
        if url := os.environ.get("TEST_POSTGRES_DSN"):
            with _with_template(PostgresServer(url), runner) as server:
                yield server
            return
        with tempfile.TemporaryDirectory(prefix="carbon-tests-") as directory:
            running = embedded_postgres(Path(directory), durable=False)
            started: EmbeddedServer = runner.run(_enter(running))
            try:
                with _with_template(PostgresServer(started.url("postgres")), runner) as server:
                    yield server
            finally:
                runner.run(_leave(running))


@pytest.fixture(scope="session")
def debian15_server() -> Iterator[PostgresServer]:
    """The oldest supported version, as Debian 12 has it."""
    binaries = _postgres_15()
    if binaries is None:
        pytest.skip("PostgreSQL 15 is not installed: apt-get install postgresql-15")
    account = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses root
    with tempfile.TemporaryDirectory(prefix="carbon-pg15-") as directory:
        if account is not None:
            shutil.chown(directory, account)
        data = f"{directory}/data"
        options = f"-k {directory} -c listen_addresses='' -c port=5432 {WITHOUT_DURABILITY}"

        def program(name: str, *arguments: str) -> None:
            subprocess.run(
                [str(binaries / name), "-D", data, *arguments],
                user=account,
                cwd="/",
                check=True,
                stdout=subprocess.DEVNULL,
                timeout=60,
            )

        program("initdb", "--auth=trust", "--username=carbon", "--encoding=UTF8", "--no-sync")
        program("pg_ctl", "start", "--wait", "-o", options, "-l", f"{directory}/log")
        try:
            url = f"postgresql://carbon@/postgres?host={directory}&port=5432"
            with asyncio.Runner() as runner, _with_template(PostgresServer(url), runner) as server:
                yield server
        finally:
            program("pg_ctl", "stop", "--wait", "--mode=immediate")


@pytest.fixture
def postgres(request: pytest.FixtureRequest) -> PostgresServer:
    """The embedded server; tests that ask for both versions name them as parameters."""
    server: PostgresServer = request.getfixturevalue(
        f"{getattr(request, 'param', 'embedded')}_server"
    )
    return server


@pytest.fixture
async def empty_database_url(postgres: PostgresServer) -> AsyncIterator[str]:
    """A database with nothing in it."""
    async for url in _database(postgres, "template0"):
        yield url


@pytest.fixture
async def database_url(postgres: PostgresServer) -> AsyncIterator[str]:
    """A migrated database of the test's own."""
    async for url in _database(postgres, TEMPLATE):
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url) as opened:
        yield opened


async def _database(server: PostgresServer, template: str) -> AsyncIterator[str]:
    name = f"carbon_test_{uuid4().hex}"
    # Quicker than through the log where nothing is made durable.
    await server.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield server.url(name)
    await server.drop(name)


@contextmanager
def _with_template(server: PostgresServer, runner: asyncio.Runner) -> Iterator[PostgresServer]:
    runner.run(server.make_template())
    try:
        yield server
    finally:
        runner.run(server.drop(TEMPLATE))


def _postgres_15() -> Path | None:
    on_path = shutil.which("initdb")
    for folder in (DEBIAN_15, on_path and Path(on_path).resolve().parent):
        if folder and (folder / "initdb").exists() and _version(folder / "postgres") == "15":
            return folder
    return None


def _version(postgres: Path) -> str:
    said = subprocess.run([str(postgres), "--version"], capture_output=True, text=True, check=True)
    return said.stdout.split()[2].split(".")[0]


async def _enter(
    context: AbstractAsyncContextManager[EmbeddedServer],
) -> EmbeddedServer:
    return await context.__aenter__()


async def _leave(context: AbstractAsyncContextManager[EmbeddedServer]) -> None:
    await context.__aexit__(None, None, None)
