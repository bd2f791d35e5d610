"""The installed program as a process, watched through its own log."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM = Path(sys.executable).parent / "carbon-scaler"
START_SECONDS = 30.0


class Program:
    """One process; its log lines are parsed, its answers are fetched."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.log: list[dict[str, Any]] = []
        self.other_lines: list[str] = []
        self.output: list[str] = []
        self._news = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream, keep), daemon=True)
            for stream, keep in (
                (process.stderr, self._keep_log),
                (process.stdout, self._keep_output),
            )
        ]
        for reader in self._readers:
            reader.start()

    def wait_event(self, event: str, seconds: float = START_SECONDS) -> dict[str, Any]:
        """The first log line with this event; fails with all that was logged instead."""
        deadline = time.monotonic() + seconds
        with self._news:
            while True:
                found = next((line for line in self.log if line.get("event") == event), None)
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None
                if left <= 0 or (ended and not self._news.wait(0.3)):
                    raise AssertionError(f"no {event}: {self.log[-5:]} {self.other_lines[-5:]}")
                self._news.wait(min(left, 0.2))

    def wait_ready(self, seconds: float = START_SECONDS) -> "Program":
        self.wait_event("server.ready", seconds)
        return self

    def wait_output(self, text: str, seconds: float = 10.0) -> str:
        """All of stdout, once it holds this text."""
        deadline = time.monotonic() + seconds
        with self._news:
            while text not in "".join(self.output):
                left = deadline - time.monotonic()
                assert left > 0, self.output
                self._news.wait(left)
            return "".join(self.output)

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self.wait_event('server.listening')['grpc_port']}"

    @property
    def http_address(self) -> str:
        return f"http://127.0.0.1:{self.wait_event('server.listening')['http_port']}"

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        with urllib.request.urlopen(self.http_address + path, timeout=5) as answer:
            return json.load(answer)

    def text(self, path: str) -> str:
        with urllib.request.urlopen(self.http_address + path, timeout=5) as answer:
            return answer.read().decode()

    def stop(self, number: int = signal.SIGINT, seconds: float = 10.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for reader in self._readers:
                reader.join(5)

    def _read(self, stream: Any, keep: Any) -> None:
        with stream:
            for line in stream:
                with self._news:
                    keep(line)
                    self._news.notify_all()

    def _keep_log(self, line: str) -> None:
        try:
            self.log.append(json.loads(line))
        except ValueError:
            self.other_lines.append(line)

    def _keep_output(self, line: str) -> None:
        self.output.append(line)


def environment(**settings: str) -> dict[str, str]:
    """A clean environment: nothing of ours from outside, free ports, logs as JSON."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("CARBON_SCALER_", "DATABASE_URL", "PG"))
    }
    return {
        **inherited,
        "CARBON_SCALER_GRPC_PORT": "0",
        "CARBON_SCALER_HTTP_PORT": "0",
        "CARBON_SCALER_LOG_FORMAT": "json",
        **settings,
    }


@contextmanager
def started(
    *arguments: str, settings: Mapping[str, str], cwd: Path | None = None
) -> Iterator[Program]:
    """The program, ended at the latest when the test ends."""
    process = subprocess.Popen(
        [str(PROGRAM), *arguments],
        env=environment(**settings),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    program = Program(process)
    try:
        yield program
    finally:
        program.stop(signal.SIGINT)


def finished(
    *arguments: str, settings: Mapping[str, str], cwd: Path | None = None, seconds: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """The program run to its end."""
    return subprocess.run(
        [str(PROGRAM), *arguments],
        env=environment(**settings),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        timeout=seconds,
    )
