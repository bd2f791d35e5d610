"""Brings a database to this program's schema, and tells whether it is there."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Literal

import asyncpg

from carbon_scaler.storage.pool import (
    NOT_NOW,
    Connection,
    DatabaseError,
    failures_explained,
    first_line,
    open_connection,
    server_name,
)

Kind = Literal["pre", "post"]
State = Literal["applied", "pending", "changed", "newer"]

LOCK = 0x6361_7262_6F6E  # any number that nobody else takes: "carbon"
# An index on a large table may take long; a lock that others hold stops them all meanwhile.
MIGRATION_TIMEOUT = timedelta(hours=1)
LOCK_TIMEOUT = "10s"
FILE_NAME = re.compile(r"(?P<version>\d{4})_(?P<kind>pre|post)_(?P<name>[a-z0-9_]+)\.sql")
MINIMUM_READER = re.compile(r"^-- minimum-reader: (\d+)$", re.MULTILINE)


class SchemaMissingError(DatabaseError):
    """The database has not got all tables yet."""


class SchemaNewerError(DatabaseError):
    """The database was made for newer programs only."""


class MigrationError(DatabaseError):
    """A migration cannot be applied, or is not what was applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One SQL file: `pre` only adds, `post` removes what no supported program reads."""

    version: int
    kind: Kind
    name: str
    sql: str
    minimum_reader: int

    @property
    def file(self) -> str:
        return f"{self.version:04}_{self.kind}_{self.name}.sql"

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedMigration:
    """What the database says of a migration that it has."""

    version: int
    kind: Kind
    name: str
    checksum: str
    minimum_reader: int
    applied_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """`newer`: the database has it and this program does not know it."""

    version: int
    kind: Kind
    name: str
    state: State
    applied_at: datetime | None


def known_migrations() -> tuple[Migration, ...]:
    """The migrations that this program carries, in order."""
    folder = resources.files("carbon_scaler.storage") / "migrations"
    files = {entry.name: entry.read_text("utf-8") for entry in folder.iterdir()}
    return tuple(_migration(name, files[name]) for name in sorted(files) if name.endswith(".sql"))


async def migrate_up(
    database: "str | Connection", migrations: Sequence[Migration] | None = None
) -> list[Migration]:
    """Applies what is missing, and says what that was; safe to run twice at once."""
    known = known_migrations() if migrations is None else migrations
    applied_now: list[Migration] = []
    async with _connected(database) as (connection, place):
        with failures_explained(place):
            while migration := await _apply_next(connection, known):
                applied_now.append(migration)
    return applied_now


async def status(
    database: "str | Connection", migrations: Sequence[Migration] | None = None
) -> list[MigrationStatus]:
    """Every migration that the program or the database knows, in order."""
    known = known_migrations() if migrations is None else migrations
    async with _connected(database) as (connection, place):
        with failures_explained(place):
            applied = await _read_applied(connection) or {}
    ours = [_status(migration, applied.get(migration.version)) for migration in known]
    versions = {migration.version for migration in known}
    theirs = [
        MigrationStatus(
            version=row.version,
            kind=row.kind,
            name=row.name,
            state="newer",
            applied_at=row.applied_at,
        )
        for row in applied.values()
        if row.version not in versions
    ]
    return sorted(ours + theirs, key=lambda migration: migration.version)


async def check_schema(
    connection: Connection, migrations: Sequence[Migration] | None = None
) -> None:
    """Raises unless this program can work with the schema as it is."""
    known = known_migrations() if migrations is None else migrations
    with failures_explained("DATABASE_URL"):
        applied = await _read_applied(connection) or {}
    _require_readable(known, applied)
    missing = [m.file for m in known if m.kind == "pre" and m.version not in applied]
    if missing:
        raise SchemaMissingError(
            f"the database lacks the schema ({', '.join(missing)}): run carbon-scaler migrate up"
        )


@asynccontextmanager
async def _connected(database: "str | Connection") -> AsyncIterator[tuple[Connection, str]]:
    if not isinstance(database, str):
        yield database, "DATABASE_URL"
        return
    async with open_connection(database, statement_timeout=MIGRATION_TIMEOUT) as connection:
        yield connection, server_name(database)


async def _apply_next(connection: Connection, known: Sequence[Migration]) -> Migration | None:
    """One transaction: what was applied is read under the lock that the next one needs."""
    async with connection.transaction():
        await connection.execute(
            "SELECT pg_advisory_xact_lock($1)", LOCK, timeout=MIGRATION_TIMEOUT.total_seconds()
        )
        applied = await _read_applied(connection)
        if applied is None:
            await _create_table(connection)
            applied = {}
        _require_readable(known, applied)
        _require_unchanged(known, applied)
        pending = next((m for m in known if m.version not in applied), None)
        if pending is not None:
            await _apply(connection, pending)
        return pending


async def _create_table(connection: Connection) -> None:
    await connection.execute(
        """
        CREATE TABLE carbon_scaler_migrations (
          version integer PRIMARY KEY,
          name text NOT NULL,
          kind text NOT NULL CHECK (kind IN ('pre', 'post')),
          checksum text NOT NULL,
          minimum_reader integer NOT NULL,
          applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )


async def _read_applied(connection: Connection) -> dict[int, AppliedMigration] | None:
    if await connection.fetchval("SELECT to_regclass('carbon_scaler_migrations')") is None:
        return None
    rows = await connection.fetch(
        """
        SELECT version, kind, name, checksum, minimum_reader, applied_at
        FROM carbon_scaler_migrations ORDER BY version
        """
    )
    return {row["version"]: AppliedMigration(**row) for row in rows}


async def _apply(connection: Connection, migration: Migration) -> None:
    seconds = MIGRATION_TIMEOUT.total_seconds()
    try:
        await connection.execute(
            """
            SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)
            """,
            f"{seconds:.0f}s",
            LOCK_TIMEOUT,
        )
        await connection.execute(migration.sql, timeout=seconds)
    except (asyncpg.DuplicateTableError, asyncpg.DuplicateFunctionError) as error:
        raise MigrationError(
            f"migration {migration.file} found what it did not make: {first_line(error)}; "
            "rename that, or name another database in DATABASE_URL"
        ) from error
    except asyncpg.PostgresError as error:
        if isinstance(error, NOT_NOW):
            raise
        raise MigrationError(
            f"migration {migration.file} failed and changed nothing: {first_line(error)}; "
            "run carbon-scaler migrate up again when that is settled"
        ) from error
    await _record(connection, migration)


async def _record(connection: Connection, migration: Migration) -> None:
    await connection.execute(
        """
        INSERT INTO carbon_scaler_migrations (version, name, kind, checksum, minimum_reader)
        VALUES ($1, $2, $3, $4, $5)
        """,
        migration.version,
        migration.name,
        migration.kind,
        migration.checksum,
        migration.minimum_reader,
    )


def _migration(file: str, sql: str) -> Migration:
    name, reader = FILE_NAME.fullmatch(file), MINIMUM_READER.search(sql)
    if name is None or reader is None:
        raise MigrationError(
            f"migration {file}: name it NNNN_pre_what.sql or NNNN_post_what.sql and "
            "begin it with the line -- minimum-reader: N"
        )
    return Migration(
        version=int(name["version"]),
        kind="pre" if name["kind"] == "pre" else "post",
        name=name["name"],
        sql=sql,
        minimum_reader=int(reader[1]),
    )


def _status(migration: Migration, applied: AppliedMigration | None) -> MigrationStatus:
    state: State = "pending"
    if applied is not None:
        state = "applied" if applied.checksum == migration.checksum else "changed"
    return MigrationStatus(
        version=migration.version,
        kind=migration.kind,
        name=migration.name,
        state=state,
        applied_at=None if applied is None else applied.applied_at,
    )


def _require_readable(known: Sequence[Migration], applied: Mapping[int, AppliedMigration]) -> None:
    needed = max((row.minimum_reader for row in applied.values()), default=0)
    reads = max((migration.version for migration in known), default=0)
    if needed > reads:
        raise SchemaNewerError(
            f"the schema's minimum reader is {needed}, this program reads up to {reads}: "
            "upgrade carbon-scaler"
        )


def _require_unchanged(known: Sequence[Migration], applied: Mapping[int, AppliedMigration]) -> None:
    for migration in known:
        row = applied.get(migration.version)
        if row is not None and row.checksum != migration.checksum:
            raise MigrationError(
                f"migration {migration.file} is not the one that the database got on "
                f"{row.applied_at:%Y-%m-%d}: put the file back and write a new migration"
            )
