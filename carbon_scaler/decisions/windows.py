"""Hours to seek or to avoid."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.domain.windows import DAYS_AFTER, TimeWindow, WindowEffect, occurrences, utc_day

RULE = "windows"

Flags = NDArray[np.bool_]


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


def turns_between(
    windows: tuple[TimeWindow, ...], since: float, until: float
) -> Iterator[tuple[float, TimeWindow | None]]:
    """From which instant on which window counts; the first is `since`. All in Unix seconds."""
    now: datetime | None = datetime.fromtimestamp(since, UTC)
    while windows and now is not None and now.timestamp() < until:
        yield now.timestamp(), window_at(windows, now)
        now = next_change_after(windows, now)


def hours_ahead(windows: tuple[TimeWindow, ...], begins: float, hours: int) -> tuple[Column, Flags]:
    """What the intensity of each hour counts times, and in which hours no start is to be waited for.

    From the hour that begins at `begins` (Unix seconds) on. An hour counts as the mean of its
    parts; one that is forbidden in part is barred, as nobody should wait for what may be refused.
    """
    until = begins + hours * HOUR_SECONDS
    turns = list(turns_between(windows, begins, until))
    edges = [turns_at for turns_at, _ in turns[1:]]
    factors, barred = np.ones(hours), np.zeros(hours, dtype=np.bool_)
    for (opens, window), closes in zip(turns, [*edges, until], strict=False):
        if window is not None:
            first, covered = _covered(opens - begins, closes - begins)
            span = slice(first, first + len(covered))
            if window.effect is WindowEffect.FORBID:
                barred[span] = True
            else:
                factors[span] -= covered * window.bonus_percent / 100
    return factors, barred


def _covered(opens: float, closes: float) -> tuple[int, Column]:
    """The first hour that a span meets, and how much of that and of those that follow."""
    first, last = int(opens // HOUR_SECONDS), int(np.ceil(closes / HOUR_SECONDS))
    edges = np.arange(first, last + 1) * float(HOUR_SECONDS)
    inside: Column = np.diff(np.clip(edges, opens, closes)) / HOUR_SECONDS
    return first, inside


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
