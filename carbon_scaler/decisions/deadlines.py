"""Deadlines win: items by their latest start, a brake or gate by pulses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions import thresholds
from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.backlog import Column, Items
from carbon_scaler.domain.budget import BudgetAction
from carbon_scaler.domain.decision import Outcome, QueueCounts, Ruling
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.policy import Settings, Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan

RULE = "deadline"
EPOCH = datetime.fromtimestamp(0, UTC)
# Instants beyond it mean "never", and some can't be a datetime.
NEVER_SECONDS = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """When each waiting item arrives, is released and is too late; each column sorted."""

    arrivals: Column
    releases: Column
    latest_starts: Column
    in_progress: int

    def counts_at(self, now: datetime) -> QueueCounts:
        """The backlog at this very instant."""
        instant = now.timestamp()
        return QueueCounts(
            waiting=_reached(self.arrivals, instant),
            in_progress=self.in_progress,
            released=_reached(self.releases, instant),
            overdue=_passed(self.latest_starts, instant),
        )

    def next_change_after(self, now: datetime) -> datetime | None:
        """When the next item arrives or is released."""
        instant = now.timestamp()
        coming = [
            column[index]
            for column in (self.arrivals, self.releases)
            if (index := _reached(column, instant)) < len(column) and column[index] < NEVER_SECONDS
        ]
        return datetime.fromtimestamp(float(min(coming)), UTC) if coming else None


def timeline(items: Items, settings: Settings) -> Timeline:
    """Latest start: enqueued + maxDelay, or deadline less duration; the earlier one counts."""
    duration = np.where(
        np.isnan(items.duration), settings.job_duration.total_seconds(), items.duration
    )
    latest = np.minimum(
        items.enqueued + settings.max_delay.total_seconds(), items.deadline - duration
    )
    # An item can't be released, or be late, before it is there.
    latest = np.maximum(latest, items.enqueued)
    releases = np.maximum(latest - settings.lead.total_seconds(), items.enqueued)
    return Timeline(
        arrivals=_sorted(items.enqueued),
        releases=_sorted(releases),
        latest_starts=_sorted(latest),
        in_progress=items.in_progress,
    )


def rule(case: Case) -> Ruling | None:
    """Items past their latest start, less the lead, go; a brake or gate opens in pulses."""
    if case.plan.pulses:
        return _pulse(case)
    return _release(case)


def _release(case: Case) -> Ruling | None:
    if case.counts is None:
        return None
    released = case.counts.released > 0
    return Ruling(
        rule=RULE,
        outcome=Outcome.RELEASED if released else Outcome.PASSED,
        reason="deadline" if released else "no_deadline_near",
        template=(
            "{released} of {waiting} waiting items reached their latest start less the lead of "
            "{lead}; {overdue} are past it"
        ),
        figures={
            "released": case.counts.released,
            "waiting": case.counts.waiting,
            "overdue": case.counts.overdue,
            "lead": format_duration(case.plan.settings.lead),
        },
    )


def _pulse(case: Case) -> Ruling:
    settings = case.plan.settings
    if settings.release >= settings.max_delay:
        return _always_free(settings)
    anchor, anchor_text = _anchor(case)
    opens_at, closes_at = _pulse_around(case.now, anchor, settings.max_delay, settings.release)
    open_now = opens_at <= case.now
    return Ruling(
        rule=RULE,
        outcome=Outcome.OPEN if open_now else Outcome.PASSED,
        reason="pulse" if open_now else "between_pulses",
        template=(
            "a dirty grid delays starts by {max_delay} at most: counted from {anchor} "
            "({anchor_text}), starts are free from {opens_at} to {closes_at}"
        ),
        figures={
            "max_delay": format_duration(settings.max_delay),
            "release": format_duration(settings.release),
            "anchor": anchor,
            "anchor_text": anchor_text,
            "opens_at": opens_at,
            "closes_at": closes_at,
        },
        until=closes_at if open_now else opens_at,
    )


def _always_free(settings: Settings) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.OPEN,
        reason="pulse",
        template="starts are always free: a release of {release} fills the maxDelay of {max_delay}",
        figures={
            "max_delay": format_duration(settings.max_delay),
            "release": format_duration(settings.release),
        },
    )


def _pulse_around(
    now: datetime, anchor: datetime, period: timedelta, release: timedelta
) -> tuple[datetime, datetime]:
    """The pulse that is on now, else the next one: the last `release` of every period."""
    periods_over = max(0, (now - anchor) // period)
    closes_at = anchor + (periods_over + 1) * period
    return closes_at - release, closes_at


def _anchor(case: Case) -> tuple[datetime, str]:
    """What pulses are counted from."""
    series, settings, now = case.series, case.plan.settings, case.now
    if not _past_tells_what_was_open(case.plan):
        return EPOCH, "a fixed instant"
    if series is None:
        return EPOCH, "no value is stored"
    begun = _reached(series.starts, now.timestamp())
    were_open = thresholds.open_slots(series, settings)[:begun] & _known_in_time(series, begun)
    open_indices = np.flatnonzero(were_open)
    if len(open_indices):
        return series.end_of(int(open_indices[-1])), "the end of the last open hour"
    if series.first_at is None:
        return EPOCH, "no value is stored"
    # Counted back from a value that lies ahead, so that its arrival moves no pulse.
    ahead = min(0, (now - series.first_at) // settings.max_delay)
    return series.first_at + ahead * settings.max_delay, "the first stored value"


def _known_in_time(series: RegionSeries, begun: int) -> NDArray[np.bool_]:
    """Which values were the newest that was known, and not too old: only those opened anything."""
    starts, fetched, over = series.starts[:begun], series.fetched[:begun], series.too_old[:begun]
    np.minimum(over[:-1], np.maximum(starts[1:], fetched[1:]), out=over[:-1])
    return fetched < over


def _past_tells_what_was_open(plan: Plan) -> bool:
    """Only a fixed limit alone: in hindsight others call hours open that were not."""
    closes_too = plan.budget is not None and plan.budget.action is BudgetAction.DEFER
    return plan.settings.strategy is Strategy.THRESHOLD and not plan.windows and not closes_too


def _sorted(column: Column) -> Column:
    # Stable, because that takes a tenth of the time where the column is nearly in order.
    return np.sort(column, kind="stable")


def _reached(column: Column, instant: float) -> int:
    return int(np.searchsorted(column, instant, side="right"))


def _passed(column: Column, instant: float) -> int:
    return int(np.searchsorted(column, instant, side="left"))
