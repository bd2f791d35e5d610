"""The server's programs as child processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from carbon_scaler.storage.embedded.identity import ServerIdentity

LAUNCHER = Path(__file__).with_name("launch.py")
# Nothing of ours: a PGOPTIONS or LC_MESSAGES of the user would reach the server.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
PROBE_SECONDS = 10
STOP_SECONDS = ((signal.SIGINT, 3), (signal.SIGQUIT, 6), (signal.SIGKILL, 2))


def launch(
    command: Sequence[str], identity: ServerIdentity, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """A child process of that user, which is stopped when the calling thread ends."""
    user, group = identity.name
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    return subprocess.Popen(  # noqa: S603
        [*launcher, str(os.getpid()), identity.way, str(user), str(group), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=ENVIRONMENT,
        cwd="/",  # the server looks itself up from here, and its user may not read ours
        start_new_session=True,  # Ctrl-C in a terminal is for us; the server stops after us
    )


async def exited(process: subprocess.Popen[bytes], within_seconds: float) -> bool:
    """Whether the process ends in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_seconds
    while process.poll() is None:
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(0.01)
    return True


async def stopped(process: subprocess.Popen[bytes]) -> None:
    """Ends it in order, then less and less politely; nothing to do if it has ended by itself."""
    for signal_number, seconds in STOP_SECONDS:
        if process.poll() is not None:
            return
        process.send_signal(signal_number)
        if await exited(process, seconds):
            return


async def permitted(identity: ServerIdentity) -> bool:
    """Whether a child can become that user; some systems permit a namespace, not its maps."""
    probe = launch((), identity, subprocess.DEVNULL)
    try:
        await exited(probe, PROBE_SECONDS)
    finally:
        await stopped(probe)
    return probe.returncode == 0
