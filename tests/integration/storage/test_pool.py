"""Connecting, and being told plainly why it does not work."""

import asyncio
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import SSLCertVerificationError
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from carbon_scaler.storage.databases import with_database
from carbon_scaler.storage.pool import (
    DatabaseRefusedError,
    DatabaseUnreachableError,
    DatabaseUrlError,
    failures_explained,
    open_connection,
    open_pool,
    redacted,
    server_clock_offset,
    server_name,
)


async def refusal(url: str, error: type[Exception]) -> str:
    with pytest.raises(error) as caught:
        async with open_connection(url):
            pass
    with pytest.raises(error):
        async with open_pool(url):
            pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_a_connection_has_a_name_a_time_zone_and_an_end(database_url: str):
    async with open_connection(database_url, application_name="example") as connection:
        settings = await connection.fetchrow(
            "SELECT current_setting('application_name'), current_setting('timezone'),"
            " current_setting('statement_timeout')"
        )

    assert settings is not None
    assert tuple(settings) == ("example", "UTC", "30s")
    assert connection.is_closed()


async def test_what_a_pool_sets_outlives_a_return_to_it(database_url: str):
    async with open_pool(database_url, max_size=1) as pool:
        for _ in range(2):
            async with pool.acquire() as connection:
                assert await connection.fetchval("SELECT current_setting('timezone')") == "UTC"
                assert (
                    await connection.fetchval("SELECT current_setting('application_name')")
                    == "carbon-scaler"
                )
                await connection.execute("SET TIME ZONE 'Asia/Tokyo'")


async def test_the_older_spelling_of_the_scheme_works_too(database_url: str):
    async with open_connection(database_url.replace("postgresql://", "postgres://")) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_the_servers_clock_is_compared_with_ours(database_url: str):
    async with open_connection(database_url) as connection:
        now = datetime.now(UTC)
        offset = await server_clock_offset(connection, now)
        earlier = await server_clock_offset(connection, now - timedelta(hours=1))

    assert abs(offset) < timedelta(seconds=5)
    assert abs(earlier - timedelta(hours=1)) < timedelta(seconds=5)


async def test_a_port_where_nobody_listens_is_named():
    said = await refusal("postgresql://me:secret@127.0.0.1:1/x", DatabaseUnreachableError)

    assert said.startswith("the database at 127.0.0.1:1 does not answer: Connection refused; ")


async def test_a_socket_that_is_not_there_is_named(tmp_path: Path):
    said = await refusal(f"postgresql://me@/x?host={tmp_path}", DatabaseUnreachableError)

    assert said.startswith(
        f"the database at {tmp_path}/.s.PGSQL.5432 does not answer: No such file or directory; "
    )


async def test_a_host_that_has_no_address_is_named():
    said = await refusal("postgresql://me:secret@nowhere.invalid/x", DatabaseUnreachableError)

    assert said.startswith("the database at nowhere.invalid:5432 does not answer: ")
    assert "Errno" not in said
    assert "secret" not in said


async def test_a_peer_that_is_no_database_is_not_taken_for_one():
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as peer:
        port = peer.sockets[0].getsockname()[1]
        said = await refusal(f"postgresql://me@127.0.0.1:{port}/x", DatabaseUnreachableError)

    assert said.startswith(f"the database at 127.0.0.1:{port} does not answer: ")


async def test_a_database_that_is_not_there_is_named(database_url: str):
    said = await refusal(with_database(database_url, "absent"), DatabaseRefusedError)

    assert 'database "absent" does not exist; check the database\'s name' in said


async def test_a_user_that_is_not_there_is_named(database_url: str):
    user = f"absent_{uuid4().hex[:8]}"
    netloc = urlsplit(database_url).netloc
    said = await refusal(
        database_url.replace(f"//{netloc}", f"//{user}:secret@{netloc.rpartition('@')[2]}", 1),
        DatabaseRefusedError,
    )

    assert user in said
    assert "check user and password in DATABASE_URL" in said
    assert "secret" not in said


async def test_a_statement_that_takes_too_long_is_ended(database_url: str):
    async with open_connection(
        database_url, statement_timeout=timedelta(milliseconds=50)
    ) as connection:
        with (
            pytest.raises(DatabaseUnreachableError, match=r"is too slow: .*statement timeout"),
            failures_explained("db.example:5432"),
        ):
            await connection.execute("SELECT pg_sleep(30)")


async def test_a_certificate_that_does_not_verify_is_no_malformed_url():
    with (
        pytest.raises(DatabaseUnreachableError, match=r"does not answer: .*self-signed"),
        failures_explained("db.example:5432"),
    ):
        raise SSLCertVerificationError(1, "certificate verify failed: self-signed certificate")


async def test_a_pooler_that_does_not_pass_on_settings_is_recognised():
    message = b"SFATAL\0C08P01\0Munsupported startup parameter: statement_timeout\0\0"

    async def pooler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"N")
        await reader.readexactly(8)
        writer.write(b"E" + struct.pack("!i", len(message) + 4) + message)
        writer.close()

    async with await asyncio.start_server(pooler, "127.0.0.1", 0) as peer:
        port = peer.sockets[0].getsockname()[1]
        said = await refusal(f"postgresql://me@127.0.0.1:{port}/x", DatabaseRefusedError)

    assert "unsupported startup parameter: statement_timeout" in said
    assert "not a pooler in front of it" in said


async def test_a_pool_can_be_opened_before_the_server_is_there():
    for parameters, error in (("", DatabaseUnreachableError), ("?sslmode=odd", DatabaseUrlError)):
        url = f"postgresql://me@127.0.0.1:1/x{parameters}"
        async with open_pool(url, min_size=0) as pool:
            with pytest.raises(error), failures_explained("127.0.0.1:1"):
                await pool.fetchval("SELECT 1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mysql://me:secret@db.example/x",
        "host=db.example password=secret",
        "postgresql://me:secret@db.example:port/x",
        "postgresql://me:se@cret@db.example/x",
        "postgresql://me:se/cret@db.example/x",
        "postgresql://me:se#cret@db.example/x",
        "postgresql://me:secret@db.example/x?nonsense",
        "postgresql://me:secret@[::1/x",
        "postgresql://me:secret@db.example/x?sslmode=perhaps",
        "postgresql://me:secret@/x?host=db.example&port=many",
    ],
)
async def test_a_malformed_url_is_refused_without_showing_the_password(url: str):
    said = await refusal(url, DatabaseUrlError)

    assert said.startswith("DATABASE_URL is ")
    assert "secret" not in said
    assert "cret" not in said


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@db.example:5432/x", "postgresql://me:***@db.example:5432/x"),
        ("postgresql://me@db.example/x", "postgresql://me@db.example/x"),
        ("postgres://me:se@cret@db.example/x", "postgres://me:***@db.example/x"),
        ("postgres://me:se/cret@db.example/x", "postgres://me:***@db.example/x"),
        (
            "postgresql:///x?host=/run&password=secret&sslpassword=s&user=me",
            "postgresql:///x?host=/run&password=***&sslpassword=***&user=me",
        ),
        ("host=db.example password=secret", "***"),
    ],
)
def test_a_url_is_shown_without_its_passwords(url: str, shown: str):
    assert redacted(url) == shown


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://me:secret@db.example:6543/x", "db.example:6543"),
        ("postgresql://db.example/x", "db.example:5432"),
        ("postgresql://me@[::1]:6543/x", "[::1]:6543"),
        ("postgresql://a.example:1,b.example:2/x", "a.example:1,b.example:2"),
        ("postgresql://me@/x?host=/run/postgresql&port=6543", "/run/postgresql/.s.PGSQL.6543"),
        ("postgresql://me@%2Frun%2Fpostgresql/x", "/run/postgresql/.s.PGSQL.5432"),
        ("postgresql:///x", "this machine (DATABASE_URL names no host)"),
    ],
)
def test_a_server_is_called_by_its_address(url: str, name: str):
    assert server_name(url) == name
