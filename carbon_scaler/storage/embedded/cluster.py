"""Makes the data of a server, and the command that serves them."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from carbon_scaler.storage.embedded.binaries import Binaries, EmbeddedPostgresError
from carbon_scaler.storage.embedded.directory import (
    ADVICE,
    PORT,
    ServerDirectory,
    make_private,
    telling_line,
)
from carbon_scaler.storage.embedded.identity import ServerIdentity
from carbon_scaler.storage.embedded.processes import exited, launch, stopped

SUPERUSER = "carbon"
INIT_SECONDS = 120
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
    "max_logical_replication_workers": "0",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
}
FRAGILE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def server_command(
    files: ServerDirectory, binaries: Binaries, socket_dir: Path, *, durable: bool
) -> list[str]:
    """Settings go on the command line, so that a directory of an older release gets them too."""
    settings = SETTINGS | {"unix_socket_directories": f'"{socket_dir}"'}
    if not durable:
        settings |= FRAGILE_SETTINGS
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [str(binaries.program("postgres")), "-D", str(files.data), *options]


async def initialise(
    files: ServerDirectory,
    binaries: Binaries,
    identity: ServerIdentity,
    log: IO[bytes],
    *,
    durable: bool,
) -> None:
    """Makes the data beside their place, so that what is in their place is always complete."""
    new = _empty_directory(files, identity)
    process = launch(_initdb_command(binaries, new, durable=durable), identity, log)
    try:
        await exited(process, INIT_SECONDS)
    finally:
        await stopped(process)
    if process.returncode != 0:
        raise EmbeddedPostgresError(
            f"the embedded database could not be made in {files.root}: {telling_line(files)} "
            f"(log: {files.log}); {ADVICE}"
        )
    await asyncio.to_thread(_put_in_place, new, files.data, durable=durable)


def remove_unfinished(files: ServerDirectory) -> None:
    """At every start: an orphaned initdb may still write while its directory is removed."""
    for unfinished in files.root.glob(f"{UNFINISHED}*"):
        shutil.rmtree(unfinished, ignore_errors=True)


def _empty_directory(files: ServerDirectory, identity: ServerIdentity) -> Path:
    new = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=files.root))
    make_private(new, identity)
    return new


def _initdb_command(binaries: Binaries, new: Path, *, durable: bool) -> list[str]:
    return [
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
        *(() if durable else ("--no-sync",)),
    ]


def _put_in_place(new: Path, data: Path, *, durable: bool) -> None:
    new.rename(data)
    if not durable:
        return
    descriptor = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
