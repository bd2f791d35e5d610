"""A running `carbon-scaler serve` and what KEDA and an operator ask of it."""

import json
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client.parser import text_string_to_metric_families

from carbon_scaler.keda.servicer import SERVICE
from carbon_scaler.protocol import externalscaler_pb2 as pb
from carbon_scaler.protocol import externalscaler_pb2_grpc as rpc
from tests.e2e.program import Program, started

CALL_SECONDS = 10
# A brake is released for one second a year, so that the time of day decides no test.
HARDLY_EVER_RELEASED = {"maxDelay": "365d", "release": "1s"}


class Client:
    """One server's doors."""

    def __init__(self, program: Program, channel: grpc.Channel) -> None:
        self.program = program
        self.channel = channel
        self._stub = rpc.ExternalScalerStub(channel)

    def value(self, metadata: Mapping[str, str], name: str = "nightly") -> float:
        asked = pb.GetMetricsRequest(scaledObjectRef=a_ref(metadata, name))
        reply = self._stub.GetMetrics(asked, timeout=CALL_SECONDS)
        return float(reply.metricValues[0].metricValueFloat)

    def is_active(self, metadata: Mapping[str, str], name: str = "nightly") -> bool:
        return bool(self._stub.IsActive(a_ref(metadata, name), timeout=CALL_SECONDS).result)

    def refusal(self, metadata: Mapping[str, str]) -> tuple[grpc.StatusCode, str] | None:
        """Status and text, or None where a value was answered."""
        try:
            self.value(metadata)
        except grpc.RpcError as error:
            return error.code(), error.details()
        return None

    def raw(self, method: str, request: bytes) -> bytes:
        call = self.channel.unary_unary(f"/{SERVICE}/{method}")
        return bytes(call(request, timeout=CALL_SECONDS))

    def health(self, service: str) -> int:
        asked = health_pb2.HealthCheckRequest(service=service)
        stub = health_pb2_grpc.HealthStub(self.channel)
        return int(stub.Check(asked, timeout=CALL_SECONDS).status)

    def readyz(self) -> tuple[int, list[str]]:
        try:
            return 200, self.program.get("/readyz")["reasons"]
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)["reasons"]

    def samples(self) -> dict[tuple[str, ...], float]:
        """The metrics' values under what `metric` makes of name and labels."""
        families = text_string_to_metric_families(self.program.text("/metrics"))
        return {
            metric(sample.name, **sample.labels): sample.value
            for family in families
            for sample in family.samples
        }


def metric(series: str, /, **labels: str) -> tuple[str, ...]:
    """One series: its name, then its labels' values in the order of their names."""
    return (series, *(value for _, value in sorted(labels.items())))


def a_ref(metadata: Mapping[str, str], name: str) -> pb.ScaledObjectRef:
    return pb.ScaledObjectRef(name=name, namespace="batch", scalerMetadata=dict(metadata))


@contextmanager
def serving(settings: Mapping[str, str]) -> Iterator[Client]:
    """A server that listens, ready or not."""
    with (
        started("serve", settings=settings) as program,
        grpc.insecure_channel(program.grpc_address) as channel,
    ):
        yield Client(program, channel)


def grid_value(grams: float, *, at: str = "now()", region: str = "us-west-1") -> str:
    """The statement that somebody types."""
    return (
        "INSERT INTO co2e_emissions (region, timestamp, gCO2_per_kWh, source) "
        f"VALUES ('{region}', {at}, {grams}, 'manual')"
    )


def wait_until(holds: Callable[[], object], seconds: float = 15.0) -> None:
    """Asked often; fails when it does not come to that."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
