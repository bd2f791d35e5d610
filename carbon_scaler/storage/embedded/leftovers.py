"""Stops what a killed process left running, and nothing else."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from carbon_scaler.storage.embedded.binaries import EmbeddedPostgresError
from carbon_scaler.storage.embedded.directory import ServerDirectory, read_postmaster

FAST_SECONDS, IMMEDIATE_SECONDS, KILLED_SECONDS = 5, 6, 2
PROCESSES = Path("/proc")


async def stop_leftovers(directory: ServerDirectory) -> None:
    """Ends every PostgreSQL process of this data directory; call it while holding the lock."""
    if not directory.postmaster.exists():
        return
    found = _processes_of(directory.data)
    main = read_postmaster(directory)
    if main is not None and main.pid in found:
        _signal({main.pid}, signal.SIGINT, directory.data)
        found = await _remaining(directory.data, FAST_SECONDS)
    for signal_number, seconds in (
        (signal.SIGQUIT, IMMEDIATE_SECONDS),
        (signal.SIGKILL, KILLED_SECONDS),
    ):
        if found:
            _signal(found, signal_number, directory.data)
            found = await _remaining(directory.data, seconds)
    if found:
        raise EmbeddedPostgresError(
            f"a former server of {directory.data} does not end: stop process {min(found)}"
        )
    _forget(directory)


def _forget(directory: ServerDirectory) -> None:
    # The server refuses to start if the recorded number is now another process's. Of a dead one
    # it needs the record: it looks there for shared memory that is still in use.
    main = read_postmaster(directory)
    if main is None or (PROCESSES / str(main.pid)).exists():
        directory.postmaster.unlink(missing_ok=True)
    if main is not None:
        (main.socket_dir / f".s.PGSQL.{main.port}.lock").unlink(missing_ok=True)


def _processes_of(data: Path) -> set[int]:
    numbers = (int(entry.name) for entry in PROCESSES.iterdir() if entry.name.isdecimal())
    return {number for number in numbers if _is_server_of(data, PROCESSES / str(number))}


def _is_server_of(data: Path, process: Path) -> bool:
    """Whether its program is postgres and it works in, or was started for, this directory."""
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        if not arguments[0].endswith(b"/postgres") and not arguments[0].startswith(b"postgres:"):
            return False
        return _works_in(data, process, started_for=os.fsencode(data) in arguments)
    except OSError:
        return False


def _works_in(data: Path, process: Path, *, started_for: bool) -> bool:
    try:
        return (process / "cwd").samefile(data)
    except PermissionError:
        # Another user's process, seen by a root without ptrace rights (a plain container).
        return started_for


async def _remaining(data: Path, within_seconds: float) -> set[int]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_seconds
    while True:
        found = _processes_of(data)
        if not found or loop.time() >= deadline:
            return found
        await asyncio.sleep(0.05)


def _signal(numbers: set[int], signal_number: signal.Signals, data: Path) -> None:
    for number in numbers:
        if _is_server_of(data, PROCESSES / str(number)):
            with suppress(ProcessLookupError):
                os.kill(number, signal_number)
