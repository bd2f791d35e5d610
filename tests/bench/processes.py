"""Servers as child processes: where they listen, what they cost."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 10.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_KIB_PER_MB = 1000 * 1000 / 1024


class Served:
    """A running server under test."""

    def __init__(self, name: str, process: subprocess.Popen[str], port: int) -> None:
        self.name = name
        self.port = port
        self._process = process

    def cpu_seconds(self) -> float:
        """User and system time of the process and its children so far, without any Postgres."""
        return sum(_cpu_ticks(pid) for pid in _tree(self._process.pid)) / _TICKS_PER_SECOND

    def rss_mb(self) -> float:
        """Resident memory of the same processes."""
        return sum(_rss_kib(pid) for pid in _tree(self._process.pid)) / _KIB_PER_MB

    def tell(self, command: str, *arguments: object) -> Any:
        """Give a command and wait for what it yields."""
        self.begin(command, *arguments)
        return self.outcome()

    def begin(self, command: str, *arguments: object) -> None:
        """Give a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self._process.stdin.flush()

    def outcome(self) -> Any:
        """What the last command yields."""
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def served(name: str, *arguments: str) -> Iterator[Served]:
    """One of `tests.bench.servers`."""
    command = [sys.executable, "-m", "tests.bench.servers", *arguments]
    with child(command) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server {name} did not start; see above")
        yield Served(name, process, json.loads(line)["port"])


@contextmanager
def child(
    command: Sequence[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with its input, at the latest with this block."""
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        tasks = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return
    for text in " ".join(tasks).split():
        if _name(int(text)) not in ("postgres", "postmaster"):
            yield from _tree(int(text))


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _cpu_ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _rss_kib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(float(line.split()[1]) for line in status.splitlines() if line[:6] == "VmRSS:")
