"""Databases of one server: replayed data never share one with real data."""

from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.storage.pool import Connection, DatabaseRefusedError, open_connection

LIVE_DATABASE = "carbon"
REPLAY_DATABASE = "carbon_replay"


def with_database(url: str, name: str) -> str:
    """The same server's URL with another database."""
    parts = urlsplit(url)
    # Without a host the path must still be set off by `//`.
    made = urlunsplit(parts._replace(path="/" + quote(name, safe="")))
    return made if "//" in made else made.replace(":", "://", 1)


class MixedDataError(CarbonScalerError):
    """Replayed data were about to be mixed with real ones."""


async def ensure_database(url: str, name: str) -> str:
    """The URL of this database on the server of `url`, made if it is not there."""
    async with open_connection(url) as connection:
        there = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
        if not there:
            await _create(connection, name)
    return with_database(url, name)


async def refuse_real_data(connection: Connection) -> None:
    """Replayed values beside real ones would decide for them."""
    source = await connection.fetchval(
        "SELECT source FROM co2e_emissions WHERE source NOT IN ('replay', 'manual') LIMIT 1"
    )
    if source is not None:
        raise MixedDataError(
            f"the database of DATABASE_URL holds real values (source {source}); replayed ones "
            "need a database of their own: name another one in DATABASE_URL"
        )


async def refuse_replayed_data(connection: Connection) -> None:
    """Real values beside replayed ones could not be told apart from them by who reads both."""
    replayed = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM co2e_emissions WHERE source = 'replay')"
    )
    if replayed:
        raise MixedDataError(
            "the database of DATABASE_URL holds replayed values (source replay); real ones need "
            "a database of their own: name another one in DATABASE_URL"
        )


async def _create(connection: Connection, name: str) -> None:
    quoted_name = '"' + name.replace('"', '""') + '"'
    try:
        await connection.execute(
            f"CREATE DATABASE {quoted_name} ENCODING 'UTF8' TEMPLATE template0"
        )
    except asyncpg.DuplicateDatabaseError:
        return  # another start was quicker
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseRefusedError(
            f"the database user may not create the database {name}, which keeps live and "
            "replayed data apart; create it, or name it in DATABASE_URL"
        ) from error
