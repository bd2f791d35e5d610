"""Which user the embedded server runs as: PostgreSQL refuses root and users without a name."""

import asyncio
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from carbon_scaler.storage.embedded_binaries import EmbeddedPostgresError

ROOT = 0
PREFERRED_ACCOUNTS = ("postgres", "nobody")
LAUNCHER = Path(__file__).with_name("embedded_launch.py")
# Nothing of ours: a PGOPTIONS or LC_MESSAGES of the user would reach the server.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
PROBE_SECONDS = 10

Way = Literal["direct", "namespace", "account"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerIdentity:
    """`direct`: as we are. `namespace`: as we are, under another name. `account`: as another."""

    way: Way
    uid: int  # owner of the server's files
    gid: int
    name: tuple[int, int] = (0, 0)  # user and group that the server takes itself for

    def may_enter(self, directory: Path) -> bool:
        status = directory.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        return bool(status.st_mode & (0o010 if status.st_gid == self.gid else 0o001))

    def first_closed(self, path: Path) -> Path | None:
        """The first directory on the way to `path`, or `path`, that this user may not enter."""
        return next(
            (part for part in (*reversed(path.parents), path) if not self.may_enter(part)), None
        )


def launch(
    command: Sequence[str], identity: ServerIdentity, output: IO[bytes] | int
) -> subprocess.Popen[bytes]:
    """A child process of that user, which ends when the calling thread does."""
    user, group = identity.name
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    return subprocess.Popen(  # noqa: S603
        [*launcher, str(os.getpid()), identity.way, str(user), str(group), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=ENVIRONMENT,
        cwd="/",  # the server looks itself up from here, and the account may not read ours
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


async def server_identity(owner: int | None) -> ServerIdentity:
    """The user to run as; `owner` is the user id that an existing data directory belongs to."""
    uid, gid = os.geteuid(), os.getegid()
    if uid != ROOT and _has_name(uid):
        return ServerIdentity(way="direct", uid=uid, gid=gid)
    named = _other_account()
    if named is not None:
        name = (named.pw_uid, named.pw_gid)
        account = ServerIdentity(way="account", uid=name[0], gid=name[1], name=name)
        if uid == ROOT and owner == account.uid:
            return account
        namespace = ServerIdentity(way="namespace", uid=uid, gid=gid, name=name)
        if await _permitted(namespace):
            return namespace
        if uid == ROOT:
            return account
    raise EmbeddedPostgresError(
        f"PostgreSQL cannot run as user id {uid} ({_why_not(uid)}) and this system does not permit "
        "user namespaces: run as a user that /etc/passwd names, or set DATABASE_URL to a server"
    )


def _why_not(uid: int) -> str:
    return "root" if uid == ROOT else "not in /etc/passwd"


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _other_account() -> pwd.struct_passwd | None:
    ordinary = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != ROOT}
    preferred = (ordinary[name] for name in PREFERRED_ACCOUNTS if name in ordinary)
    return next(preferred, None) or next(iter(ordinary.values()), None)


async def _permitted(identity: ServerIdentity) -> bool:
    # Some systems permit the namespace and refuse its maps: only trying tells.
    probe = launch((), identity, subprocess.DEVNULL)
    if await exited(probe, PROBE_SECONDS):
        return probe.returncode == 0
    probe.kill()
    await exited(probe, PROBE_SECONDS)
    return False
