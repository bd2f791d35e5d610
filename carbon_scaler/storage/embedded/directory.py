"""The files of an embedded server: data, socket, log and lock under one directory."""

import fcntl
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from carbon_scaler.storage.embedded.binaries import EmbeddedPostgresError
from carbon_scaler.storage.embedded.identity import ROOT, ServerIdentity

PORT = 5432  # only a part of the socket's name
LONGEST_SOCKET_PATH = 107  # bytes, by the kernel
READY = "ready   "  # padded: the server overwrites this line in place
LOG_TAIL_BYTES = 8192
GRAVE = re.compile(r"(FATAL|PANIC|error):.*")
ADVICE = (
    "set CARBON_SCALER_DATA_DIR to a directory that this user can write, "
    "or DATABASE_URL to a server"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDirectory:
    """Where everything is; `root` is absolute and free of symbolic links."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "postgres"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def lock(self) -> Path:
        return self.root / "postgres.lock"

    @property
    def postmaster(self) -> Path:
        return self.data / "postmaster.pid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Postmaster:
    """What a server writes about itself into `postmaster.pid`."""

    pid: int
    socket_dir: Path
    port: int
    ready: bool


@contextmanager
def refusals_explained(root: Path) -> Iterator[None]:
    """Turns what the system refuses into one line with the way out."""
    try:
        yield
    except OSError as error:
        reason = "Not a directory" if isinstance(error, FileExistsError) else error.strerror
        where = f" ({error.filename})" if error.filename else ""
        raise EmbeddedPostgresError(
            f"the embedded database cannot use {root}: {reason}{where}; {ADVICE}"
        ) from error


def locked(directory: ServerDirectory) -> IO[str]:
    """The open lock file, held until it is closed; the system lets go when the process dies."""
    file = directory.lock.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise EmbeddedPostgresError(
            f"process {holder} already runs the embedded database in {directory.root}: stop it, "
            "or set CARBON_SCALER_DATA_DIR to another directory"
        ) from error
    except OSError:
        file.close()
        raise
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def opened_log(directory: ServerDirectory) -> IO[bytes]:
    """An empty log; the one of the run before is kept beside it."""
    with suppress(FileNotFoundError):
        directory.log.replace(directory.log.with_suffix(".log.1"))
    directory.log.touch(mode=0o600)  # it may quote statements
    return directory.log.open("ab")


def telling_line(directory: ServerDirectory) -> str:
    """The line of the log that says best why the server is not there."""
    tail = directory.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    if not lines:
        full = os.statvfs(directory.root).f_bavail == 0
        return "no space is left on its disk" if full else "it said nothing"
    grave = [found[0] for line in lines if (found := GRAVE.search(line))]
    return (grave or lines)[-1]


def read_postmaster(directory: ServerDirectory) -> Postmaster | None:
    """What the last server said; it may be dead, and the number be another process's by now."""
    try:
        lines = directory.postmaster.read_text().splitlines()
        pid, _, _, port, socket_dir, *rest = lines
        ready = rest[-1:] == [READY]
        return Postmaster(pid=int(pid), port=int(port), socket_dir=Path(socket_dir), ready=ready)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def make_private(path: Path, identity: ServerIdentity) -> None:
    """Makes or takes `path` as a directory that only this user may enter."""
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (identity.uid, os.geteuid()):
        raise EmbeddedPostgresError(
            f"{path} has to be a directory that belongs to user id {identity.uid} "
            f"(it belongs to {status.st_uid}): move it away"
        )
    if status.st_uid != identity.uid:
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)
    path.chmod(0o700)  # Kubernetes opens a volume to its group at each mount


def socket_directory(directory: ServerDirectory, identity: ServerIdentity) -> Path:
    """A private directory for the socket, elsewhere if the name would be too long or ambiguous."""
    beside = directory.root / "socket"
    candidates = [beside] if _can_hold_socket(beside) else _short_directories(directory, identity)
    for candidate in candidates:
        with suppress(FileNotFoundError, PermissionError):
            make_private(candidate, identity)
            return candidate
    raise EmbeddedPostgresError(
        f"{beside} is too long for a Unix socket and none of {', '.join(map(str, candidates))} "
        "can be made: set CARBON_SCALER_DATA_DIR to a shorter path"
    )


def _can_hold_socket(path: Path) -> bool:
    name = os.fsencode(path / f".s.PGSQL.{PORT}")
    # A comma separates directories for the server and hosts for its clients.
    return len(name) <= LONGEST_SOCKET_PATH and not {",", '"'} & set(str(path))


def _short_directories(directory: ServerDirectory, identity: ServerIdentity) -> list[Path]:
    digest = hashlib.sha256(os.fsencode(directory.root)).hexdigest()[:16]
    name = f"carbon-scaler-{identity.uid}-{digest}"
    return [Path(f"/run/user/{identity.uid}") / name, Path("/tmp") / name]  # noqa: S108


def adopt_data(directory: ServerDirectory, identity: ServerIdentity) -> None:
    """Gives root's data directory to the account; refuses anybody else's."""
    owner = directory.data.stat().st_uid
    if owner == ROOT == os.geteuid() and identity.uid != ROOT:
        for folder, _, names in os.walk(directory.data):
            for name in (folder, *(str(Path(folder, name)) for name in names)):
                os.chown(name, identity.uid, identity.gid, follow_symlinks=False)
    elif owner != identity.uid:
        raise EmbeddedPostgresError(
            f"{directory.data} belongs to user id {owner} and the server would run as "
            f"{identity.uid}: start carbon-scaler as its owner, or "
            "set CARBON_SCALER_DATA_DIR to another directory"
        )
    directory.data.chmod(0o700)


def owner_of_data(directory: ServerDirectory) -> int | None:
    """The user id that an existing data directory belongs to."""
    try:
        return directory.data.stat().st_uid
    except FileNotFoundError:
        return None


def require_version(directory: ServerDirectory, major: str) -> None:
    """Refuses a data directory that this server cannot read."""
    try:
        found = (directory.data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise EmbeddedPostgresError(
            f"{directory.data} is not a PostgreSQL data directory: move it away"
        ) from None
    if found != major:
        raise EmbeddedPostgresError(
            f"{directory.data} was made by PostgreSQL {found} and this is PostgreSQL {major}: "
            f"dump it with version {found} and load it anew, or move the directory away"
        )
