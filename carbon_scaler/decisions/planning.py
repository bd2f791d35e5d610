"""Strategy `forecast`: open while no later start within the slack is expected to cost less."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.outlays import Look, look, outlay
from carbon_scaler.decisions.pulses import pulse_at
from carbon_scaler.decisions.timeline import Lot
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.snapshot import HOUR_SECONDS

RULE = "forecast"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What came of comparing, for whoever may wait longest."""

    is_open: bool
    row: int
    limit: float  # Unix seconds; infinite: nobody is to wait
    until: float
    starting: int | None = None


def rule(case: Case) -> Ruling | None:
    """Open for those for whom waiting does not pay; None: there is nothing to plan on."""
    made = outlay(case)
    seen = None if made is None else look(made, case.now.timestamp())
    if seen is None:
        return None
    found = _of_pulses(case, seen) if case.plan.pulses else _of_items(case, seen)
    return None if found is None else _ruling(case, seen, found)


def latest_start(case: Case) -> float:
    """Of whoever may wait longest, in Unix seconds."""
    return _most_patient(case)[1]


def _of_items(case: Case, seen: Look) -> _Outcome | None:
    if case.timeline is None or not case.lots:
        return None
    now, least = case.now.timestamp(), case.plan.settings.min_savings_percent
    limits = seen.limits(least)
    starting = case.timeline.starting_at(case.now, limits)
    starts, waits = np.array([_edges(*each, now) for each in zip(case.lots, limits, strict=True)]).T
    row, _ = _most_patient(case)
    return _Outcome(
        is_open=starting.count > 0,
        row=row,
        limit=float(limits[row]),
        until=seen.turns_at(starts, waits, least),
        starting=starting.count,
    )


def _of_pulses(case: Case, seen: Look) -> _Outcome:
    """Without items: who came first must not wait past the next pulse."""
    least = case.plan.settings.min_savings_percent
    latest = np.array([latest_start(case)])
    [limit] = seen.limits(least)
    return _Outcome(
        is_open=bool(latest[0] <= limit),
        row=0,
        limit=float(limit),
        until=seen.turns_at(latest, latest, least),
    )


def _edges(lot: Lot, limit: float, now: float) -> tuple[float, float]:
    """The last item that starts now and the first that waits: one of them is the next to turn."""
    first = int(np.searchsorted(lot.latest, limit, side="right"))
    starts = float(lot.latest[first - 1]) if first else now
    waits = float(lot.latest[first]) if first < len(lot.latest) else now
    return starts, waits


def _most_patient(case: Case) -> tuple[int, float]:
    """The row of whoever may wait longest, and the latest start."""
    if case.lots:
        latest = [float(lot.latest[-1]) for lot in case.lots]
        row = int(np.argmax(latest))
        return row, latest[row]
    pulse = pulse_at(case)
    return 0, (case.now if pulse is None else max(case.now, pulse.opens_at)).timestamp()


def _ruling(case: Case, seen: Look, found: _Outcome) -> Ruling:
    path, least = seen.outlay.path, case.plan.settings.min_savings_percent
    counted = found.starting is not None
    return Ruling(
        rule=RULE,
        outcome=Outcome.OPEN if found.is_open else Outcome.CLOSED,
        reason="now_is_best" if found.is_open else "waiting_pays",
        template=_template(found.limit, counted=counted),
        figures={
            "starting": found.starting,
            "waiting": None if case.counts is None else case.counts.waiting,
            "duration": format_duration(
                timedelta(seconds=float(seen.outlay.costs.durations[found.row, 0]))
            ),
            "now_grams_per_kwh": round(float(seen.grams[found.row]), 3),
            "pays_from": _instant(found.limit),
            "min_savings_percent": least,
            "by": f" by {least:g} %" if least else "",
            "model": path.model,
            "issued_at": path.issued_at,
            "known_until": path.known_until,
            "error": "" if path.error is None else f", lately {path.error.percent:.3g} % off",
        },
        until=_instant(found.until),
        starting=found.starting,
        remedy_template="" if found.is_open else "the planned start comes, or another forecast",
    )


def _template(limit: float, *, counted: bool) -> str:
    items = "{starting} of {waiting} waiting items start now: " if counted else ""
    now = "a run of {duration} costs {now_grams_per_kwh:g} g/kWh now, and "
    later = (
        "less{by} for those who may start after {pays_from}"
        if np.isfinite(limit)
        else "no later start is expected to cost less{by}"
    )
    return items + now + later + " (forecast {model} of {issued_at}{error})"


def _instant(unix_seconds: float) -> datetime | None:
    return datetime.fromtimestamp(unix_seconds, UTC) if np.isfinite(unix_seconds) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStart:
    """The best later start of whoever may wait longest, as far as is known now."""

    starts_at: datetime
    grams_per_kwh: float
    lower: float
    upper: float
    now_grams_per_kwh: float
    latest_start_at: datetime
    duration: timedelta

    @property
    def saving_percent(self) -> float:
        """How much less it costs than a start now; negative where it costs more."""
        now = self.now_grams_per_kwh
        return 100 * (1 - self.grams_per_kwh / now) if now > 0 else 0.0


def planned_start(case: Case) -> PlannedStart | None:
    """What is expected of waiting; None: there is nothing to plan on, or no later start."""
    made = outlay(case)
    seen = None if made is None else look(made, case.now.timestamp())
    if seen is None or not (case.lots or case.plan.pulses):
        return None
    row, latest = _most_patient(case)
    costs, instants = seen.best(np.full(len(seen.begun), latest))
    if not np.isfinite(costs[row]):
        return None
    path = seen.outlay.path
    starts, lasts = float(instants[row]), float(seen.outlay.costs.durations[row, 0])
    return PlannedStart(
        starts_at=datetime.fromtimestamp(starts, UTC),
        grams_per_kwh=float(costs[row]),
        lower=_mean(path, path.lower, starts, lasts),
        upper=_mean(path, path.upper, starts, lasts),
        now_grams_per_kwh=float(seen.grams[row]),
        latest_start_at=datetime.fromtimestamp(latest, UTC),
        duration=timedelta(seconds=lasts),
    )


def _mean(path: ExpectedPath, column: Column, starts: float, lasts: float) -> float:
    """Over the hours of a run that the path reaches."""
    edges = path.begins + HOUR_SECONDS * np.arange(len(column) + 1)
    within = np.diff(np.clip(edges, starts, starts + lasts))
    known = (within > 0) & np.isfinite(column)
    return float(column[known] @ within[known] / within[known].sum())
