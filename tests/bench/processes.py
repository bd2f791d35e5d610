"""Servers as child processes: where they listen, what they cost."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench import world

PROJECT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 10.0
PATIENCE_SECONDS = 180.0
PROGRAM = (sys.executable, "-m", "carbon_scaler")
_CPU_CLOCK = 2  # CPUCLOCK_SCHED: user and system time of all its threads
_KIB_PER_MB = 1000 * 1000 / 1024


def backlogs(*names: str) -> dict[str, str]:
    """The document that has these backlogs, all of one table."""
    entries = [
        f"  {name}: {{kind: postgres, url_env: BENCH_DATABASE_URL, "
        "query: SELECT enqueued_at FROM bench_queue}"
        for name in names
    ]
    return {"backlogs.yaml": "\n".join(["backlogs:", *entries, ""])}


BACKLOGS_DOCUMENT = backlogs(world.BACKLOG)


class StartError(Exception):
    """A server did not come up."""


class Served:
    """A running server under test."""

    def __init__(self, process: subprocess.Popen[str], place: Mapping[str, Any]) -> None:
        self.place = place
        self._process = process

    @property
    def port(self) -> int:
        return int(self.place["port"])

    def cpu_seconds(self) -> float:
        """User and system time of the process and its children so far, without any Postgres."""
        return sum(_cpu_seconds(pid) for pid in _tree(self._process.pid))

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
def served(module: str, *arguments: str) -> Iterator[Served]:
    """`tests.bench.servers` or `tests.bench.database`; it ends when its input does."""
    command = [sys.executable, "-m", f"tests.bench.{module}", *arguments]
    with (
        tempfile.TemporaryFile("w+") as log,
        _child(command, cwd=PROJECT, stderr=log, env=_environment()) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise StartError(f"{module} {' '.join(arguments)}: {_end_of(log)}")
        try:
            yield Served(process, json.loads(line))
        finally:
            assert process.stdin is not None
            process.stdin.close()
            _wait(process)


@contextmanager
def served_program(
    database_url: str, documents: Mapping[str, str] = BACKLOGS_DOCUMENT
) -> Iterator[Served]:
    """The installed `carbon-scaler serve`, ready, on this database and under this policy.

    Its place has the ports and, as `policy`, the directory that `swap_policy` takes.
    """
    with (
        tempfile.TemporaryDirectory() as policy,
        tempfile.TemporaryFile("w+") as log,
    ):
        swap_policy(policy, documents)
        environment = _environment() | {
            "DATABASE_URL": database_url,
            "BENCH_DATABASE_URL": database_url,
            "CARBON_SCALER_POLICY_DIR": policy,
            "CARBON_SCALER_GRPC_PORT": "0",
            "CARBON_SCALER_HTTP_PORT": "0",
            "CARBON_SCALER_LOG_FORMAT": "json",
        }
        command = [*PROGRAM, "serve"]
        # In a directory of its own: there is no .env.
        with _child(command, cwd=Path(policy), stderr=log, env=environment) as process:
            try:
                yield Served(process, {**_ports(process, log), "policy": policy})
            finally:
                process.terminate()
                _wait(process)


def swap_policy(policy: str, documents: Mapping[str, str]) -> None:
    """All documents at once, as the kubelet swaps a mounted ConfigMap."""
    directory = Path(policy)
    version = directory / f"..{time.time_ns()}"
    version.mkdir()
    for name, text in documents.items():
        (version / name).write_text(text)
    fresh = directory / "..fresh"
    fresh.symlink_to(version.name)
    fresh.rename(directory / "..data")
    for name in documents:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"..data/{name}")


def ended_program(*arguments: str, settings: Mapping[str, str], policy: Mapping[str, str]) -> Any:
    """The JSON that the installed program ends with; `policy`: texts by name of file."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in policy.items():
            (Path(folder) / name).write_text(text)
        done = subprocess.run(
            [*PROGRAM, *arguments],
            cwd=folder,
            env=_environment() | {"CARBON_SCALER_POLICY_DIR": folder, **settings},
            capture_output=True,
            check=False,
            text=True,
            timeout=PATIENCE_SECONDS,
        )
    if done.returncode != 0:
        raise StartError(f"carbon-scaler {' '.join(arguments)}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def _ports(process: subprocess.Popen[str], log: Any) -> dict[str, int]:
    """Where the program listens, once it is ready."""
    deadline = time.perf_counter() + START_SECONDS
    while time.perf_counter() < deadline and process.poll() is None:
        events = _events(log)
        if "server.ready" in events:
            listening = events["server.listening"]
            return {"port": int(listening["grpc_port"]), "http_port": int(listening["http_port"])}
        time.sleep(0.05)
    raise StartError(f"carbon-scaler serve: {_end_of(log)}")


def _events(log: Any) -> dict[str, dict[str, Any]]:
    log.seek(0)
    whole = [line for line in log.read().splitlines() if line.startswith("{") and line[-1] == "}"]
    return {event["event"]: event for event in map(json.loads, whole)}


@contextmanager
def _child(
    command: Sequence[str], *, cwd: Path, stderr: Any, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=pipe, stdout=pipe, stderr=stderr, text=True
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None and sys.exc_info()[0] is not None:
                process.terminate()
                _wait(process)


def _wait(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _environment() -> dict[str, str]:
    """This process's, without settings of the program and without a tracer of coverage."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CARBON_SCALER_", "COV_CORE", "COVERAGE_"))
    }


def _end_of(log: Any) -> str:
    log.seek(0)
    lines = log.read().strip().splitlines()
    return lines[-1] if lines else "it ended without a word"


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


def _cpu_seconds(pid: int) -> float:
    # What /proc/PID/stat gives in hundredths of a second, Linux's clock of a process gives finer.
    try:
        return time.clock_gettime(~pid << 3 | _CPU_CLOCK)
    except OSError:
        return 0.0


def _rss_kib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next(float(line.split()[1]) for line in status.splitlines() if line[:6] == "VmRSS:")
