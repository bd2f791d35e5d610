"""Hours to seek or to avoid."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.windows import DAYS_AFTER, TimeWindow, WindowEffect, occurrences, utc_day

RULE = "windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """Which window counts from which instant on, around one day in UTC."""

    turns_at: tuple[datetime, ...]
    windows: tuple[TimeWindow | None, ...]


def window_at(windows: tuple[TimeWindow, ...], now: datetime) -> TimeWindow | None:
    """The window that counts now: of those that are on, the one of the least priority."""
    if not windows:
        return None
    agenda = _agenda(windows, utc_day(now))
    begun = bisect_right(agenda.turns_at, now)
    return agenda.windows[begun - 1] if begun else None


def next_change_after(windows: tuple[TimeWindow, ...], now: datetime) -> datetime | None:
    """When another window counts, or none any more; None: never."""
    agenda = _agenda(windows, utc_day(now))
    begun = bisect_right(agenda.turns_at, now)
    return agenda.turns_at[begun] if begun < len(agenda.turns_at) else None


@lru_cache(maxsize=1024)
def _agenda(windows: tuple[TimeWindow, ...], day: date) -> Agenda:
    spans = {window: occurrences(window, day) for window in windows}
    # Beyond it the next local days are not looked at.
    horizon = datetime.combine(day + timedelta(days=DAYS_AFTER), time(), UTC)
    edges = sorted({e for each in spans.values() for span in each for e in span if e < horizon})
    counting = [
        next((w for w in windows if any(begin <= edge < end for begin, end in spans[w])), None)
        for edge in edges
    ]
    turns = [
        (edge, window)
        for edge, window, former in zip(edges, counting, [None, *counting], strict=False)
        if window != former
    ]
    return Agenda(
        turns_at=tuple(edge for edge, _ in turns), windows=tuple(window for _, window in turns)
    )


def rule(case: Case) -> Ruling | None:
    """Forbidden hours close, preferred ones make the grid count cleaner than it is."""
    if not case.plan.windows:
        return None
    until = next_change_after(case.plan.windows, case.now)
    if case.window is None:
        return _outside(until)
    if case.window.effect is WindowEffect.FORBID:
        return _forbidden(case.window, until)
    return _preferred(case.window, until)


def _outside(until: datetime | None) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason="no_window",
        template="no time window counts{until_text}",
        figures={"until_text": _until_text(until)},
        until=until,
    )


def _forbidden(window: TimeWindow, until: datetime | None) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.CLOSED,
        reason="forbidden_hours",
        template="the hours of {window} are forbidden{until_text}",
        figures=_figures(window, until),
        until=until,
        remedy_template="change {window} in time-shift-policies.yaml, or have it released by hand",
    )


def _preferred(window: TimeWindow, until: datetime | None) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason="preferred_hours",
        template=(
            "the hours of {window} are preferred{until_text}: "
            "the grid counts {bonus_percent:g} % cleaner than it is"
        ),
        figures={**_figures(window, until), "bonus_percent": window.bonus_percent},
        until=until,
    )


def _figures(window: TimeWindow, until: datetime | None) -> dict[str, object]:
    return {
        "window": window.name,
        "priority": window.priority,
        "timezone": str(window.timezone),
        "until": until,
        "until_text": _until_text(until),
    }


def _until_text(until: datetime | None) -> str:
    return "" if until is None else f" until {until:%Y-%m-%dT%H:%M:%SZ}"
