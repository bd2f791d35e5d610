"""The state of a server as one document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_state import GridState, Leader
from carbon_scaler.application.ports import Clock
from carbon_scaler.application.rulebook import Rules
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.intensity import Kind, Reading

# A region that nothing is known of.
NO_INTENSITY: Mapping[str, Any] = {
    "grams_per_kwh": None,
    "renewable_percent": None,
    "source": None,
    "signal": None,
    "factors": None,
    "kind": None,
    "observed_at": None,
    "age_seconds": None,
    "usable": False,
}


@dataclass(slots=True, kw_only=True)
class Server:
    """What a running server tells of itself; readiness changes while it lives."""

    version: str
    started_at: datetime
    database: str
    sources: tuple[str, ...]
    replay: str | None
    grpc_port: int = 0
    http_port: int = 0
    # What must still happen before the server is ready, by name.
    waiting_for: frozenset[str] = frozenset()
    stopping: bool = False
    # How ingest fares, as last read.
    grid: Callable[[], GridState] = GridState

    def not_ready_because(self, snapshots: Snapshots) -> list[str]:
        """Why no traffic should come here; empty when it should."""
        reasons = [f"{what} not done yet" for what in sorted(self.waiting_for)]
        if not snapshots.is_loaded:
            reasons.append(f"snapshot: {snapshots.failure or 'not loaded yet'}")
        if self.stopping:
            reasons.append("stopping")
        return reasons


def status_document(
    *, server: Server, snapshots: Snapshots, backlogs: Backlogs, rules: Rules, clock: Clock
) -> dict[str, Any]:
    """Everything that `/status` tells."""
    now, grid = clock.now(), server.grid()
    return {
        "version": server.version,
        "started_at": server.started_at,
        "listening": {"grpc_port": server.grpc_port, "http_port": server.http_port},
        "ready": not server.not_ready_because(snapshots),
        "not_ready_because": server.not_ready_because(snapshots),
        "sources": list(server.sources),
        "replay": server.replay,
        "database": {
            "url": server.database,
            "up": snapshots.failure is None,
            "failure": snapshots.failure,
            "clock_offset_seconds": _seconds(grid.database_ahead),
            "snapshot_loaded_at": snapshots.current.loaded_at if snapshots.is_loaded else None,
        },
        "leader": _leader(grid.leader),
        "feeds": [_feed(record) for record in grid.feeds],
        "calls_today": dict(sorted(grid.calls_today.items())),
        "policy": _policy(rules),
        "regions": {
            region: {
                **_intensity(series.resolved_at(now), now),
                "forecast": _forecast(series.expected),
            }
            for region, series in sorted(snapshots.current.regions.items())
        },
        "backlogs": {name: _backlog(name, backlogs, now) for name in sorted(backlogs.namespaces)},
    }


def intensity_document(reading: Reading, now: datetime) -> dict[str, Any]:
    """One value with all that it must say of itself."""
    return {
        "grams_per_kwh": reading.grams_per_kwh,
        "renewable_percent": reading.renewable.known,
        "source": reading.source,
        "signal": reading.basis.signal.value,
        "factors": reading.basis.factors.value,
        "kind": reading.kind.value,
        "observed_at": reading.observed_at,
        "age_seconds": round((now - reading.observed_at).total_seconds(), 3),
        "usable": reading.kind is not Kind.STATIC and now < reading.too_old_at,
    }


def _policy(rules: Rules) -> dict[str, Any]:
    policy = rules.current.policy
    return {
        "version": policy.version,
        "enabled": policy.enabled,
        "documents": list(rules.current.documents),
        "loaded_at": rules.loaded_at,
        # Of the newest documents, if they are not in force; what is in force stays so.
        "failure": rules.failure,
        "warnings": list(rules.current.warnings),
        "classes": sorted(policy.classes),
        "tenants": len(policy.residency.tenants),
        "budgets": sorted(policy.budgets),
        "windows": [window.name for window in policy.time_shift.windows],
    }


def _intensity(reading: Reading | None, now: datetime) -> Mapping[str, Any]:
    return NO_INTENSITY if reading is None else intensity_document(reading, now)


def _forecast(path: ExpectedPath | None) -> dict[str, Any] | None:
    """What our own forecaster says of a region; None: it has said nothing for a day."""
    if path is None:
        return None
    return {
        "model": path.model,
        "issued_at": path.issued_at,
        "known_until": path.known_until if path.measured else None,
        "error_percent": None if path.error is None else round(path.error.percent, 3),
        # Models that were clearly worse than none lately.
        "rejected": list(path.rejected),
    }


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else round(duration.total_seconds(), 3)


def _leader(leader: Leader | None) -> dict[str, Any] | None:
    return None if leader is None else {"holder": leader.holder, "since": leader.since}


def _feed(record: FeedRecord) -> dict[str, Any]:
    return {
        "source": record.source,
        "zone": record.zone,
        "regions": list(record.regions),
        "asked_at": record.asked_at,
        "answered_at": record.answered_at,
        "newest_at": record.newest_at,
        "failures": record.failures,
        "failure": record.failure,
        "failure_kind": record.failure_kind,
        "results": dict(record.results),
    }


def _backlog(name: str, backlogs: Backlogs, now: datetime) -> dict[str, Any]:
    state = backlogs.state(name)
    reading = state.reading
    return {
        "usable": isinstance(state.at(now), BacklogReading),
        "waiting": None if reading is None else len(reading.items.enqueued),
        "in_progress": None if reading is None else reading.items.in_progress,
        "read_at": None if reading is None else reading.read_at,
        "failure": state.failure,
    }
