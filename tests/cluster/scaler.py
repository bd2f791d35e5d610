"""The installed program as a process, and what it tells those who ask."""

import asyncio
import json
import os
import re
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from pathlib import Path

import grpc
import httpx

from carbon_scaler.protocol.externalscaler_pb2 import GetMetricsRequest, ScaledObjectRef
from carbon_scaler.protocol.externalscaler_pb2_grpc import ExternalScalerStub
from tests.cluster.kubernetes import until

PROGRAM = Path(sys.executable).with_name("carbon-scaler")
LOOPBACK = "127.0.0.1"
OURS = re.compile(r"CARBON_SCALER_|DATABASE_URL$")
SECONDS_SINCE_POLL = "carbon_scaler_seconds_since_poll"


class Scaler:
    """`carbon-scaler serve`; a restart keeps its port."""

    def __init__(self, *, database_url: str, policy: Path, directory: Path, host: str) -> None:
        self.host = host
        self._settings = {
            "DATABASE_URL": database_url,
            "CARBON_SCALER_POLICY_DIR": str(policy),
            "CARBON_SCALER_BIND": LOOPBACK if host == LOOPBACK else "0.0.0.0",
            "CARBON_SCALER_LOG_FORMAT": "json",
            "CARBON_SCALER_HTTP_PORT": "0",
        }
        self._policy = policy
        self._directory = directory  # no .env in it
        self._log = directory / "scaler.log"
        self._grpc_port = 0
        self._process: Process | None = None
        self._http = httpx.AsyncClient(timeout=10)

    @property
    def address(self) -> str:
        """What goes into `scalerAddress`."""
        return f"{self.host}:{self._grpc_port}"

    @property
    def log(self) -> str:
        """All that it wrote so far, over all its lives."""
        return self._log.read_text()

    async def start(self) -> None:
        """Start it and wait until it is ready."""
        ours = self._settings | {"CARBON_SCALER_GRPC_PORT": str(self._grpc_port)}
        others = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        with self._log.open("ab") as log:
            written = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                PROGRAM, "serve", env=others | ours, cwd=self._directory, stdout=log, stderr=log
            )
        await until(lambda: self._listens(written), "the scaler listens")
        await until(self._is_ready, "the scaler is ready")

    async def kill(self) -> None:
        """SIGKILL: no drain, no goodbye."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, if it is still there."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await asyncio.wait_for(self._process.wait(), timeout=10)
        await self._http.aclose()

    async def tells(self, namespace: str, metadata: Mapping[str, str]) -> float:
        """The value that KEDA would get for such a trigger, asked under another name."""
        reference = ScaledObjectRef(namespace=namespace, name="probe", scalerMetadata=metadata)
        async with grpc.aio.insecure_channel(f"{LOOPBACK}:{self._grpc_port}") as channel:
            answer = await ExternalScalerStub(channel).GetMetrics(
                GetMetricsRequest(scaledObjectRef=reference, metricName="carbon-scaler"), timeout=5
            )
        return float(answer.metricValues[0].metricValueFloat)

    async def intensity(self, region: str) -> float | None:
        """The figure that it decides on, in g/kWh."""
        status = (await self._http.get(f"{self._web}/status")).json()
        return status["regions"].get(region, {}).get("grams_per_kwh")

    async def obeys(self, documents: Mapping[str, str], **policy: object) -> None:
        """Write policy documents, and wait until they are in force: until `/status` says so."""
        for name, text in documents.items():
            (self._policy / name).write_text(text)

        async def in_force() -> bool:
            told = (await self._http.get(f"{self._web}/status")).json()["policy"]
            assert told["failure"] is None, told["failure"]
            return all(told[key] == value for key, value in policy.items())

        version = (await self._http.get(f"{self._web}/status")).json()["policy"]["version"]
        await until(in_force, f"{sorted(documents)} in force after {version}")

    async def run(self, *arguments: str) -> str:
        """Another command of the same installation; what it prints."""
        others = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            env=others | self._settings,
            cwd=self._directory,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), timeout=30)
        assert process.returncode == 0, (arguments, process.returncode)
        return output.decode()

    async def reads(self, backlog: str, *, waiting: int, in_progress: int = 0) -> None:
        """Wait until its reading of a backlog is this."""

        async def has_read() -> bool:
            status = (await self._http.get(f"{self._web}/status")).json()
            reading = status["backlogs"][backlog]
            return (reading["waiting"], reading["in_progress"]) == (waiting, in_progress)

        await until(has_read, f"{backlog}: {waiting} waiting, {in_progress} in progress")

    async def polled_at(self, namespace: str, name: str) -> float | None:
        """When KEDA last asked for this object, on the monotonic clock."""
        try:
            text = (await self._http.get(f"{self._web}/metrics")).text
        except httpx.TransportError:  # it was killed
            return None
        now = time.monotonic()
        for line in text.splitlines():
            if (
                line.startswith(SECONDS_SINCE_POLL)
                and f'namespace="{namespace}"' in line
                and f'name="{name}"' in line
            ):
                return now - float(line.rpartition(" ")[2])
        return None

    async def _listens(self, written: int) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise AssertionError(f"the scaler ended with {self._process.returncode}:\n{self.log}")
        with self._log.open("rb") as log:
            log.seek(written)
            for line in log.read().splitlines():
                if b'"server.listening"' in line:
                    ports = json.loads(line)
                    self._grpc_port = ports["grpc_port"]
                    self._web = f"http://{LOOPBACK}:{ports['http_port']}"
                    return True
        return False

    async def _is_ready(self) -> bool:
        try:
            return (await self._http.get(f"{self._web}/readyz")).is_success
        except httpx.TransportError:
            return False
