"""Which database a command works on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.storage.databases import LIVE_DATABASE, REPLAY_DATABASE, ensure_database
from carbon_scaler.storage.embedded import embedded_postgres, running_server
from carbon_scaler.storage.migrate import check_schema
from carbon_scaler.storage.pool import (
    STATEMENT_TIMEOUT,
    DatabaseUnreachableError,
    Pool,
    open_connection,
    open_pool,
    server_name,
)

# In the data directory: which of its databases the last `run` worked on.
IN_USE = "database"


def required_database(settings: Settings, command: str) -> str:
    """The given database of a command that does not embed one."""
    if settings.database_url is None:
        raise SettingsError(
            f"DATABASE_URL is not set; {command} needs one, like "
            "postgresql://user:password@host:5432/carbon (`carbon-scaler run` brings its own)"
        )
    return settings.database_url


@asynccontextmanager
async def database_of_run(settings: Settings, *, replay: bool) -> AsyncIterator[str]:
    """Live data go into the given database, else an embedded one; replayed data into their own."""
    if settings.database_url is not None:
        given = settings.database_url
        yield await ensure_database(given, REPLAY_DATABASE) if replay else given
        return
    name = REPLAY_DATABASE if replay else LIVE_DATABASE
    async with embedded_postgres(settings.data_dir) as server:
        (settings.data_dir / IN_USE).write_text(name, "utf-8")
        yield await ensure_database(server.url("postgres"), name)


def reachable_database(settings: Settings) -> str:
    """The database of a command that looks: DATABASE_URL, else the running embedded server's."""
    if settings.database_url is not None:
        return settings.database_url
    server = running_server(settings.data_dir)
    if server is None:
        raise DatabaseUnreachableError(
            f"no embedded Postgres runs in {settings.data_dir}; start `carbon-scaler run`, "
            "or set DATABASE_URL"
        )
    return server.url(embedded_database(settings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A database whose schema is there; `server` is what errors call it."""

    pool: Pool
    server: str


@asynccontextmanager
async def opened_database(
    settings: Settings,
    *,
    most_connections: int = 8,
    statement_timeout: timedelta = STATEMENT_TIMEOUT,
) -> AsyncIterator[Opened]:
    """The database of a command that looks; raises where this program can't read its schema."""
    url = reachable_database(settings)
    async with open_connection(url) as connection:
        await check_schema(connection)
    async with open_pool(
        url, max_size=most_connections, statement_timeout=statement_timeout
    ) as pool:
        yield Opened(pool=pool, server=server_name(url))


def embedded_database(settings: Settings) -> str:
    """The database that the last `run` on the embedded server worked on."""
    in_use = settings.data_dir / IN_USE
    return in_use.read_text("utf-8") if in_use.exists() else REPLAY_DATABASE
