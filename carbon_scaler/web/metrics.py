"""What Prometheus scrapes, put together from plain counters when it asks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.decision_journal import DecisionJournal
from carbon_scaler.application.directives import DirectiveStates
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.grid_state import GridState
from carbon_scaler.application.places import PlaceStates
from carbon_scaler.application.ports import Clock
from carbon_scaler.application.rulebook import Rules
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.subjects import Subject
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.policy import Settings
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.observability.counters import LoopLag, RpcCounters
from carbon_scaler.web.grid_metrics import grid_metrics, ingest_metrics
from carbon_scaler.web.metric_families import counter, gauge
from carbon_scaler.web.policy_metrics import (
    directive_metrics,
    journal_metrics,
    place_metrics,
    policy_metrics,
    ruling_metrics,
)

# One series per object, so the number of objects shown is bounded.
MOST_OBJECTS = 1000
# A trigger polled so much earlier than another one of its object is a former version of it.
SUPERSEDED_AFTER = timedelta(minutes=5)

Polls = Mapping[tuple[str, str], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The parts that metrics are read from."""

    version: str
    clock: Clock
    evaluator: Evaluator
    snapshots: Snapshots
    backlogs: Backlogs
    subjects: Callable[[], Iterator[Subject]]
    rpc: RpcCounters
    loop_lag: LoopLag
    rules: Rules
    directives: DirectiveStates
    places: PlaceStates
    journal: DecisionJournal
    # How ingest fares, as last read.
    grid: Callable[[], GridState] = GridState


def build_registry(measured: Measured) -> CollectorRegistry:
    """A registry of our metrics and the process's."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(ScalerCollector(measured))
    return registry


class ScalerCollector(Collector):
    """Our metrics at the moment of the scrape, from a thread: what still grows is copied first."""

    def __init__(self, measured: Measured) -> None:
        self._of = measured

    def collect(self) -> Iterator[Metric]:
        """All families."""
        now = self._of.clock.now()
        yield gauge("carbon_scaler_build_info", "Version.", ("version",), {(self._of.version,): 1})
        yield from policy_metrics(self._of.rules)
        yield from self._decisions()
        yield from ruling_metrics(self._of.evaluator)
        yield from directive_metrics(self._of.directives, now)
        yield from place_metrics(self._of.places)
        yield from journal_metrics(self._of.journal)
        polls = self._newest_polls()
        yield from _objects(polls, now)
        yield from self._backlogs(polls, now)
        yield from grid_metrics(self._of.snapshots, now)
        yield from ingest_metrics(self._of.grid())
        yield from self._calls()
        yield from self._loop()

    def _decisions(self) -> Iterator[Metric]:
        yield counter(
            "carbon_scaler_decisions",
            "Answers given to KEDA by mode, verdict and reason.",
            ("mode", "verdict", "reason"),
            dict(self._of.evaluator.answers),
        )

    def _newest_polls(self) -> Polls:
        """When each object was last asked for, in the order of their first polls."""
        newest: dict[tuple[str, str], datetime] = {}
        for subject in self._of.subjects():
            if subject.polled_at is not None:
                key = (subject.plan.namespace, subject.plan.name)
                newest[key] = max(subject.polled_at, newest.get(key, subject.polled_at))
        return newest

    def _backlogs(self, polls: Polls, now: datetime) -> Iterator[Metric]:
        items: dict[tuple[str, ...], float] = {}
        ages: dict[tuple[str, ...], float] = {}
        overdue: dict[tuple[str, ...], float] = {
            (name,): 0.0 for name in self._of.backlogs.namespaces
        }
        for backlog, settings in self._deadlines(polls):
            reading = self._of.backlogs.state(backlog).at(now)
            if isinstance(reading, BacklogReading):
                timeline = self._of.evaluator.timeline(reading.items, settings)
                overdue[backlog,] = max(timeline.counts_at(now).overdue, overdue[backlog,])
        for name in self._of.backlogs.namespaces:
            state = self._of.backlogs.state(name)
            if state.reading is not None:
                items[name, "waiting"] = len(state.reading.items.enqueued)
                items[name, "in_progress"] = state.reading.items.in_progress
                ages[name,] = (now - state.reading.read_at).total_seconds()
        yield gauge(
            "carbon_scaler_overdue_items",
            "Waiting items past their latest start, by the strictest trigger that is not urgent; must stay 0.",
            ("backlog",),
            overdue,
        )
        yield gauge(
            "carbon_scaler_backlog_items", "Items as last read.", ("backlog", "state"), items
        )
        yield gauge(
            "carbon_scaler_backlog_age_seconds", "Age of the last reading.", ("backlog",), ages
        )
        failures = {(name,): count for name, count in self._of.backlogs.failures.items()}
        yield counter(
            "carbon_scaler_backlog_failures", "Readings that failed.", ("backlog",), failures
        )

    def _deadlines(self, polls: Polls) -> set[tuple[str, Settings]]:
        """Each backlog under each of the settings that count; urgent work is never in time."""
        return {
            (plan.backlog, plan.settings)
            for subject in self._of.subjects()
            if isinstance(plan := subject.plan, Plan)
            and plan.backlog is not None
            and not plan.urgent
            and not _is_former(subject, polls)
        }

    def _calls(self) -> Iterator[Metric]:
        yield counter(
            "carbon_scaler_grpc_requests",
            "Calls of KEDA's contract by method and status code.",
            ("method", "code"),
            dict(self._of.rpc.calls),
        )
        seconds = HistogramMetricFamily(
            "carbon_scaler_grpc_latency_seconds", "Time in the handler.", labels=("method",)
        )
        for method, latencies in dict(self._of.rpc.latencies).items():
            seconds.add_metric((method,), latencies.cumulative(), latencies.total_seconds)
        yield seconds

    def _loop(self) -> Iterator[Metric]:
        lag = self._of.loop_lag
        yield gauge(
            "carbon_scaler_loop_lag_seconds",
            "How late the event loop ran: last seen, and the worst since the last scrape.",
            ("which",),
            {("last",): lag.last_seconds, ("worst",): lag.take_worst()},
        )


def _objects(polls: Polls, now: datetime) -> Iterator[Metric]:
    yield gauge(
        "carbon_scaler_seconds_since_poll",
        f"Seconds since KEDA last asked for an object; the first {MOST_OBJECTS} objects.",
        ("namespace", "name"),
        {
            key: max(0.0, (now - polled_at).total_seconds())
            for key, polled_at in islice(polls.items(), MOST_OBJECTS)
        },
    )
    yield gauge("carbon_scaler_objects", "Objects polled so far.", (), {(): len(polls)})


def _is_former(subject: Subject, polls: Polls) -> bool:
    newest = polls.get((subject.plan.namespace, subject.plan.name))
    if subject.polled_at is None or newest is None:
        return True
    return newest - subject.polled_at > SUPERSEDED_AFTER
