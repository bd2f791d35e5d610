"""The schema: made, checked, and refused when it is not this program's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from carbon_scaler.storage.migrate import (
    Migration,
    MigrationError,
    SchemaMissingError,
    SchemaNewerError,
    check_schema,
    known_migrations,
    migrate_up,
    status,
)
from carbon_scaler.storage.pool import Connection, DatabaseRefusedError, open_connection

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
INSERT = "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh) VALUES ($1, now(), 300)"


def migration(
    version: int, sql: str = "SELECT 1", *, kind: str = "pre", minimum_reader: int = 1
) -> Migration:
    return Migration(
        version=version,
        kind="post" if kind == "post" else "pre",
        name="example",
        sql=sql,
        minimum_reader=minimum_reader,
    )


@asynccontextmanager
async def connection_as(url: str, role: str) -> AsyncIterator[Connection]:
    async with open_connection(url) as connection:
        await connection.execute(f"SET ROLE {role}")
        yield connection


@BOTH_VERSIONS
async def test_an_empty_database_gets_every_migration_and_then_no_more(empty_database_url: str):
    assert await migrate_up(empty_database_url) == list(known_migrations())
    assert await migrate_up(empty_database_url) == []

    async with open_connection(empty_database_url) as connection:
        await check_schema(connection)
        await connection.execute(INSERT, "us-east-1")


async def test_an_open_connection_can_be_migrated_too(empty_database_url: str):
    async with open_connection(empty_database_url) as connection:
        assert await migrate_up(connection) == list(known_migrations())


async def test_two_that_migrate_at_once_share_the_work(empty_database_url: str):
    steps = [
        *known_migrations(),
        *(migration(n, f"CREATE TABLE step_{n} ()") for n in range(9001, 9010)),
    ]

    one, other = await asyncio.gather(
        migrate_up(empty_database_url, steps), migrate_up(empty_database_url, steps)
    )

    assert sorted([*one, *other], key=lambda step: step.version) == steps


async def test_a_file_that_changed_after_it_was_applied_is_named(empty_database_url: str):
    await migrate_up(empty_database_url, [migration(1)])
    changed = [migration(1, "SELECT 2"), migration(2)]

    with pytest.raises(MigrationError, match=r"^migration 0001_pre_example\.sql is not the one"):
        await migrate_up(empty_database_url, changed)

    assert [step.state for step in await status(empty_database_url, changed)] == [
        "changed",
        "pending",
    ]


async def test_a_migration_that_fails_leaves_no_trace(empty_database_url: str):
    steps = [migration(1, "CREATE TABLE kept ()"), migration(2, "CREATE TABLE half (); nonsense")]

    with pytest.raises(MigrationError, match=r"^migration 0002_pre_example\.sql failed.*nonsense"):
        await migrate_up(empty_database_url, steps)

    async with open_connection(empty_database_url) as connection:
        assert await connection.fetchval("SELECT to_regclass('kept')") is not None
        assert await connection.fetchval("SELECT to_regclass('half')") is None
    assert [s.state for s in await status(empty_database_url, steps)] == ["applied", "pending"]


async def test_a_table_of_the_same_name_that_is_not_ours_is_left_alone(empty_database_url: str):
    async with open_connection(empty_database_url) as connection:
        await connection.execute("CREATE TABLE co2e_emissions ()")

    with pytest.raises(MigrationError, match=r"did not make: relation \"co2e_emissions\""):
        await migrate_up(empty_database_url)


async def test_a_database_without_the_schema_names_the_command_that_makes_it(
    empty_database_url: str,
):
    async with open_connection(empty_database_url) as connection:
        with pytest.raises(SchemaMissingError, match=r"run carbon-scaler migrate up$"):
            await check_schema(connection)


async def test_a_migration_that_only_removes_may_wait(empty_database_url: str):
    steps = [migration(1), migration(2, kind="post")]
    await migrate_up(empty_database_url, steps[:1])

    async with open_connection(empty_database_url) as connection:
        await check_schema(connection, steps)


async def test_an_older_program_goes_on_beside_a_newer_schema_that_allows_it(
    empty_database_url: str,
):
    await migrate_up(empty_database_url, [migration(1), migration(2)])

    async with open_connection(empty_database_url) as connection:
        await check_schema(connection, [migration(1)])
    assert await migrate_up(empty_database_url, [migration(1)]) == []
    assert [s.state for s in await status(empty_database_url, [migration(1)])] == [
        "applied",
        "newer",
    ]


async def test_an_older_program_refuses_a_schema_that_needs_a_newer_one(empty_database_url: str):
    await migrate_up(empty_database_url, [migration(1), migration(2, minimum_reader=2)])
    expected = "^the schema's minimum reader is 2, this program reads up to 1: upgrade"

    async with open_connection(empty_database_url) as connection:
        with pytest.raises(SchemaNewerError, match=expected):
            await check_schema(connection, [migration(1)])
    with pytest.raises(SchemaNewerError, match=expected):
        await migrate_up(empty_database_url, [migration(1)])


async def test_status_of_an_empty_database_is_all_pending(empty_database_url: str):
    found = await status(empty_database_url)

    assert [(step.version, step.state, step.applied_at) for step in found] == [
        (step.version, "pending", None) for step in known_migrations()
    ]


async def test_every_column_says_what_it_means(database_url: str):
    async with open_connection(database_url) as connection:
        silent = await connection.fetch(
            """
            SELECT attrelid::regclass::text AS table_name, attname
            FROM pg_attribute JOIN pg_class AS tables ON tables.oid = attrelid
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
              AND relname <> 'carbon_scaler_migrations'
              AND attnum > 0 AND NOT attisdropped AND col_description(attrelid, attnum) IS NULL
            """
        )

    assert silent == []


async def test_a_revision_has_every_column_of_the_row(database_url: str):
    async with open_connection(database_url) as connection:
        await connection.execute(INSERT, "us-east-1")
        row = await connection.fetchrow("SELECT * FROM co2e_emissions")
        await connection.execute("UPDATE co2e_emissions SET gco2_per_kwh = 310")
        former = await connection.fetchrow("SELECT * FROM co2e_emissions_revisions")

    assert row is not None
    assert former is not None
    assert dict(former) == {**row, "replaced_at": former["replaced_at"]}


async def test_serve_reads_emissions_and_writes_none(database_url: str):
    async with connection_as(database_url, "carbon_scaler_serve") as connection:
        await check_schema(connection)
        assert await connection.fetch("SELECT * FROM v_latest_co2e_by_region") == []
        for statement in (
            "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh) VALUES ('x', now(), 1)",
            "UPDATE co2e_emissions SET gco2_per_kwh = 1",
            "DELETE FROM co2e_emissions",
            "DELETE FROM co2e_emissions_revisions",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_ingest_writes_emissions_and_touches_former_values_only_by_that(database_url: str):
    async with connection_as(database_url, "carbon_scaler_ingest") as connection:
        await connection.execute(INSERT, "us-east-1")
        await connection.execute("UPDATE co2e_emissions SET gco2_per_kwh = 310")
        assert await connection.fetchval("SELECT count(*) FROM co2e_emissions_revisions") == 1
        for statement in (
            "INSERT INTO co2e_emissions_revisions SELECT * FROM co2e_emissions_revisions",
            "DELETE FROM co2e_emissions_revisions",
            "DELETE FROM co2e_emissions",
            "TRUNCATE co2e_emissions",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_a_temporary_table_does_not_divert_former_values(database_url: str):
    async with connection_as(database_url, "carbon_scaler_ingest") as connection:
        await connection.execute(
            "CREATE TEMPORARY TABLE co2e_emissions_revisions (LIKE co2e_emissions_revisions)"
        )
        await connection.execute(INSERT, "us-east-1")
        await connection.execute("UPDATE co2e_emissions SET gco2_per_kwh = 310")

        assert await connection.fetchval("SELECT count(*) FROM public.co2e_emissions_revisions")


async def test_readers_write_nothing_and_only_maintenance_purges(database_url: str):
    async with connection_as(database_url, "carbon_scaler_read") as connection:
        assert await connection.fetch("SELECT * FROM v_co2e_24h_hourly_avg") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(INSERT, "us-east-1")

    async with connection_as(database_url, "carbon_scaler_maintain") as connection:
        await connection.execute("DELETE FROM co2e_emissions; DELETE FROM co2e_emissions_revisions")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(INSERT, "us-east-1")


@BOTH_VERSIONS
async def test_a_user_that_may_not_make_roles_gets_the_tables_and_a_notice(
    empty_database_url: str,
):
    suffix = uuid4().hex[:8]
    owner = f"owner_{suffix}"
    steps = [
        migration(step.version, step.sql.replace("carbon_scaler_read", f"reader_{suffix}"))
        for step in known_migrations()
    ]
    async with open_connection(empty_database_url) as connection:
        await connection.execute(f"CREATE ROLE {owner}; GRANT ALL ON SCHEMA public TO {owner}")
        notices: list[str] = []
        connection.add_log_listener(lambda _, message: notices.append(str(message)))
        try:
            await connection.execute(f"SET ROLE {owner}")
            await migrate_up(connection, steps)
            await connection.execute(INSERT, "us-east-1")
        finally:
            await connection.execute(f"RESET ROLE; DROP OWNED BY {owner}; DROP ROLE {owner}")

    assert any(f"role reader_{suffix} is missing" in notice for notice in notices)


async def test_a_user_that_may_not_make_tables_is_told_so(empty_database_url: str):
    guest = f"guest_{uuid4().hex[:8]}"
    async with open_connection(empty_database_url) as connection:
        await connection.execute(f"CREATE ROLE {guest}; SET ROLE {guest}")
        try:
            with pytest.raises(DatabaseRefusedError, match="permission denied for schema public"):
                await migrate_up(connection)
        finally:
            await connection.execute(f"RESET ROLE; DROP ROLE {guest}")
