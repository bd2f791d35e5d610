"""What `doctor` finds on the way to the database and in it, told with what to do about it."""

import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import pytest

from carbon_scaler.config.settings import load_settings
from carbon_scaler.wiring.doctor.database import examine_database
from carbon_scaler.wiring.doctor.findings import Finding, State
from tests.integration.conftest import PostgresServer

PASSWORD = "hunter2-for-tests"
PGBOUNCER = Path("/usr/sbin/pgbouncer")


async def findings(url: str) -> dict[str, Finding]:
    """By check; of two with one name the last, which is what ended it."""
    settings = load_settings({"DATABASE_URL": url})
    found = [finding async for finding in examine_database(settings)]
    assert PASSWORD not in str(found)
    return {finding.check: finding for finding in found}


async def trouble(url: str) -> str:
    """The one thing that is wrong."""
    found = await findings(url)
    (failed,) = [finding for finding in found.values() if finding.state is not State.GOOD]
    return f"{failed.state} {failed.check}: {failed.text}"


def as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    netloc = f"{user}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}"
    return parts._replace(netloc=netloc).geturl()


async def execute(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def role(postgres: PostgresServer) -> AsyncIterator[str]:
    """A user who may connect and nothing else."""
    name = f"doctor_{uuid4().hex[:12]}"
    await postgres.execute(f"CREATE ROLE {name} LOGIN")
    yield name
    await postgres.execute(f"DROP ROLE {name}")


async def test_a_database_as_it_should_be_is_good_in_every_respect(database_url: str):
    found = await findings(database_url)

    assert {finding.state for finding in found.values()} == {State.GOOD}
    assert list(found) == [
        *("database", "clock", "pooler", "schema"),
        *("rights of serve", "rights of ingest"),
    ]


# The way there


async def test_a_name_that_nobody_knows_stops_at_dns():
    url = f"postgresql://carbon:{PASSWORD}@carbon-scaler.invalid/carbon"

    assert await trouble(url) == (
        "bad database: carbon-scaler.invalid:5432, DNS: the name is not known here; check DNS and "
        "the address"
    )


async def test_a_closed_port_stops_at_tcp():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        told = await trouble(f"postgresql://carbon:{PASSWORD}@127.0.0.1:{port}/carbon")

    assert told == (
        f"bad database: 127.0.0.1:{port}, TCP: Connection refused; is the port right, and open "
        "from here?"
    )


async def test_an_address_that_cannot_be_read_is_told_without_its_password():
    told = await trouble(f"postgresql://carbon:{PASSWORD}@db:port/carbon")

    assert told.startswith("bad database: DATABASE_URL is malformed; write postgresql://")


async def test_a_socket_named_as_host_is_not_looked_up_as_a_name(tmp_path: Path):
    folder = str(tmp_path).replace("/", "%2F")

    told = await trouble(f"postgresql://carbon:{PASSWORD}@{folder}/carbon")

    assert "DNS" not in told
    assert "does not answer: No such file or directory" in told


async def test_a_user_who_may_not_log_in_is_told_of_user_and_password(
    database_url: str, postgres: PostgresServer, role: str
):
    await postgres.execute(f"ALTER ROLE {role} NOLOGIN")

    told = await trouble(as_user(database_url, role))

    assert f'role "{role}" is not permitted to log in' in told
    assert told.endswith("; check user and password in DATABASE_URL")


async def test_a_database_that_does_not_exist_is_told_by_name(postgres: PostgresServer):
    told = await trouble(postgres.url("no_such_database"))

    assert 'database "no_such_database" does not exist' in told
    assert told.endswith("; check the database's name in DATABASE_URL, or create it")


# What is there


async def test_an_empty_database_lacks_the_schema(empty_database_url: str):
    told = await trouble(empty_database_url)

    assert told.startswith("bad database: the database lacks the schema")
    assert told.endswith("run carbon-scaler migrate up")


async def test_a_schema_for_newer_programs_is_told_as_that(database_url: str):
    await execute(
        database_url, "UPDATE carbon_scaler_migrations SET minimum_reader = 99 WHERE version = 2"
    )

    assert "the schema's minimum reader is 99" in await trouble(database_url)


async def test_a_user_without_any_right_is_told_to_get_some(database_url: str, role: str):
    told = await trouble(as_user(database_url, role))

    assert "permission denied" in told
    assert told.endswith("; grant it to this user, or name another one in DATABASE_URL")


async def test_a_user_who_may_only_serve_lacks_what_ingest_needs(database_url: str, role: str):
    await execute(database_url, f"GRANT carbon_scaler_serve TO {role}")

    found = await findings(as_user(database_url, role))

    assert found["rights of serve"].state is State.GOOD
    lacking = found["rights of ingest"]
    assert lacking.state is State.WARNING
    assert lacking.text.startswith(f"{role} lacks INSERT on co2e_emissions, ")
    assert "UPDATE on ingest_leadership" in lacking.text
    assert lacking.text.endswith(f'GRANT carbon_scaler_ingest TO "{role}"')


async def test_what_doctor_advises_to_grant_is_enough_for_ingest(database_url: str, role: str):
    await execute(database_url, f"GRANT carbon_scaler_ingest TO {role}")

    found = await findings(as_user(database_url, role))

    assert {finding.state for finding in found.values()} == {State.GOOD}


@pytest.mark.parametrize(
    ("ahead", "state"), [("30 seconds", State.GOOD), ("5 minutes", State.WARNING)]
)
async def test_a_clock_that_differs_by_much_is_told(
    database_url: str, postgres: PostgresServer, ahead: str, state: State
):
    name = urlsplit(database_url).path[1:]
    await execute(
        database_url,
        "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
        f"$$ SELECT pg_catalog.clock_timestamp() + interval '{ahead}' $$",
        f"ALTER DATABASE {name} SET search_path = public, pg_catalog",
    )

    clock = (await findings(database_url))["clock"]

    assert clock.state is state
    assert ("deadlines move by as much; set both by NTP" in clock.text) is (state is not State.GOOD)


# PgBouncer

needs_pgbouncer = pytest.mark.skipif(
    not PGBOUNCER.exists(), reason="PgBouncer is not installed: apt-get install pgbouncer"
)


@contextmanager
def pgbouncer(folder: Path, url: str, **settings: str) -> Iterator[str]:
    """A pooler in transaction mode in front of a server; the URL through it."""
    query = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    users, file = folder / "users.txt", folder / "pgbouncer.ini"
    users.write_text('"carbon" ""\n')
    stated = {
        "listen_addr": "127.0.0.1",
        "listen_port": str(port),
        "unix_socket_dir": "",
        "auth_type": "trust",
        "auth_file": str(users),
        "pool_mode": "transaction",
        **settings,
    }
    lines = [f"{name} = {value}" for name, value in stated.items()]
    server = f"* = host={query['host']} port={query['port']}"
    file.write_text("\n".join(["[databases]", server, "[pgbouncer]", *lines, ""]))
    for path in (folder, *folder.parents[:2]):
        path.chmod(path.stat().st_mode | 0o055)
    process = subprocess.Popen(
        [PGBOUNCER, "-q", file], user="nobody" if os.geteuid() == 0 else None, cwd="/"
    )
    try:
        _wait_for(port, process)
        yield f"postgresql://carbon:{PASSWORD}@127.0.0.1:{port}{urlsplit(url).path}"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("PgBouncer did not start")


@needs_pgbouncer
@pytest.mark.parametrize("postgres", ["debian15"], indirect=True)
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "bad database: what answers at {place} is not PostgreSQL itself"),
        (
            {"ignore_startup_parameters": "statement_timeout,jit,timezone"},
            "warning pooler: a pooler like PgBouncer stands in between",
        ),
    ],
    ids=["as-installed", "lenient"],
)
async def test_a_pooler_in_transaction_mode_is_told_of(
    tmp_path: Path, database_url: str, settings: Mapping[str, str], said: str
):
    with pgbouncer(tmp_path, database_url, **settings) as url:
        told = await trouble(url)

    assert told.startswith(said.format(place=urlsplit(url).netloc.rpartition("@")[2]))
    assert "DATABASE_URL" in told
