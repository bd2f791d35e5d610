"""Ask a server as fast as it answers, or at a given rate, and look at every answer."""

import gc
import select
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle

from carbon_scaler.protocol import externalscaler_pb2 as pb
from tests.bench.connection import Call, Connection, Reply
from tests.bench.world import METRIC

IN_FLIGHT = 50
MOST_IN_FLIGHT = 2_000  # a paced load that is so far behind waits


@dataclass(frozen=True, slots=True)
class Ask:
    """A request and the value that is its right answer."""

    call: Call
    value: float


@dataclass(slots=True, kw_only=True)
class Answers:
    """What came back."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    # When each answer was due to be asked for, by the clock of `time.perf_counter`.
    asked_at: list[float] = field(default_factory=list)
    wrong: int = 0
    errors: int = 0

    @property
    def count(self) -> int:
        return len(self.latencies)

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def latency_ms(self, percent: float) -> float:
        """The latency that so many percent of the answers kept."""
        return percentile(self.latencies, percent) * 1e3


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def flat_out(
    connection: Connection, asks: Sequence[Ask], count: int, *, in_flight: int = IN_FLIGHT
) -> Answers:
    """Keep so many calls in flight until `count` are answered."""
    load = _Load(connection, asks)
    with _steady():
        started = time.perf_counter()
        load.ask(min(in_flight, count))
        while load.open or load.begun < count:
            replies = connection.receive()
            load.take(replies)
            load.ask(min(in_flight - len(load.open), count - load.begun))
        load.answers.seconds = time.perf_counter() - started
    return load.answers


def paced(connection: Connection, asks: Sequence[Ask], count: int, *, per_second: float) -> Answers:
    """Ask at even distances, late answers or not; latency counts from when a call was due."""
    load = _Load(connection, asks)
    with _steady():
        started = time.perf_counter()
        while load.open or load.begun < count:
            now = time.perf_counter()
            due = min(count, int((now - started) * per_second) + 1)
            first, number = load.begun, due - load.begun
            if number > 0 and len(load.open) < MOST_IN_FLIGHT:
                load.ask(number, [started + (first + i) / per_second for i in range(number)])
            wait = 1.0 if due == count else started + due / per_second - time.perf_counter()
            if select.select((connection.socket,), (), (), max(0.0, wait))[0]:
                load.take(connection.receive())
        load.answers.seconds = time.perf_counter() - started
    return load.answers


class _Load:
    """Calls in flight and what became of the others."""

    def __init__(self, connection: Connection, asks: Sequence[Ask]) -> None:
        self._connection = connection
        self._asks: Iterator[Ask] = cycle(asks)
        self.open: dict[int, tuple[float, float]] = {}
        self.begun = 0
        self.answers = Answers()

    def ask(self, number: int, due: Sequence[float] | None = None) -> None:
        """Send the next calls in one write."""
        out: list[bytes] = []
        now = time.perf_counter()
        for i in range(number):
            ask = next(self._asks)
            while not self._connection.can_send(ask.call):
                self._flush(out)
                self.take(self._connection.receive())
            stream = self._connection.begin(ask.call, out)
            self.open[stream] = (now if due is None else due[i], ask.value)
            self.begun += 1
        self._flush(out)

    def take(self, replies: Sequence[Reply]) -> None:
        """Compare replies with what is right."""
        now = time.perf_counter()
        answers = self.answers
        for reply in replies:
            asked_at, value = self.open.pop(reply.stream)
            answers.latencies.append(now - asked_at)
            answers.asked_at.append(asked_at)
            if reply.status != b"0":
                answers.errors += 1
            elif value_of(reply.message) != value:
                answers.wrong += 1

    def _flush(self, out: list[bytes]) -> None:
        if out:
            self._connection.send(out)
            out.clear()


_VALUES: dict[bytes, float | None] = {}


def value_of(message: bytes) -> float | None:
    """The one value under the metric's name; None for anything else."""
    if message not in _VALUES:
        values = pb.GetMetricsResponse.FromString(message).metricValues
        usable = len(values) == 1 and values[0].metricName == METRIC
        _VALUES[message] = values[0].metricValueFloat if usable else None
    return _VALUES[message]


@contextmanager
def _steady() -> Iterator[None]:
    """No pause of this process's own garbage collector in the measured latencies."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
