"""When waiting items arrive, are released and are too late."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.decision import QueueCounts
from carbon_scaler.domain.policy import Settings, Strategy

# Instants beyond it mean "never", and some can't be a datetime.
NEVER_SECONDS = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
# Each length of run has a plan of its own; of more lengths some are rounded to one.
MOST_LOTS = 48
ROUNDED_TO_MINUTES = (1, 5, 15, 60, 240, 1440)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lot:
    """Waiting items whose runs are equally long, by their latest start."""

    duration: float  # seconds
    latest: Column  # ascending
    arrivals: Column
    phases: Column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ramp:
    """Who waited before a gate opened starts a part of the spread later; one instant per lot."""

    opened: Column  # Unix seconds
    before: Column  # up to which latest start the gate was already open then
    spread: float  # seconds
    # For whom it was open before: what had let them go; None: that is long ago.
    earlier: "Ramp | None" = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Starting:
    """How many items may start, and when time alone lets more."""

    count: int
    until: float  # Unix seconds; infinite: never


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Timeline:
    """When each waiting item arrives, is released and is too late; each column sorted."""

    arrivals: Column
    releases: Column
    latest_starts: Column
    in_progress: int
    lead: float  # seconds
    lots: tuple[Lot, ...]

    def counts_at(self, now: datetime) -> QueueCounts:
        """The backlog at this very instant."""
        instant = now.timestamp()
        return QueueCounts(
            waiting=_reached(self.arrivals, instant),
            in_progress=self.in_progress,
            released=_reached(self.releases, instant),
            overdue=int(np.searchsorted(self.latest_starts, instant, side="left")),
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

    def starting_at(self, now: datetime, limits: Column, ramp: Ramp | None = None) -> Starting:
        """Those that are released or whose latest start is at most the limit of their lot."""
        instant, count, until = now.timestamp(), 0, np.inf
        for number, (lot, limit) in enumerate(zip(self.lots, limits, strict=True)):
            first = _reached(lot.latest, max(float(limit), instant + self.lead))
            there = lot.arrivals[:first] <= instant
            if ramp is not None:
                goes_at = _goes_at(lot, first, ramp, number)
                goes_at[lot.latest[:first] <= instant + self.lead] = -np.inf
                held = goes_at > instant
                until = min(until, float(goes_at[there & held].min(initial=np.inf)))
                there = there & ~held
            count += int(there.sum())
        return Starting(count=count, until=until)


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
    lead = settings.lead.total_seconds()
    return Timeline(
        arrivals=_sorted(items.enqueued),
        releases=_sorted(np.maximum(latest - lead, items.enqueued)),
        latest_starts=_sorted(latest),
        in_progress=items.in_progress,
        lead=lead,
        lots=_lots(items, duration, latest) if _plans(settings) else (),
    )


def _plans(settings: Settings) -> bool:
    """Whether it is ever asked which items start, and not only how many."""
    return settings.strategy in (Strategy.AUTO, Strategy.FORECAST) or bool(settings.spread)


def _lots(items: Items, duration: Column, latest: Column) -> tuple[Lot, ...]:
    lengths = _lengths(duration)
    made = []
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        ordered = chosen[np.argsort(latest[chosen], kind="stable")]
        made.append(
            Lot(
                duration=float(length),
                latest=latest[ordered],
                arrivals=items.enqueued[ordered],
                phases=items.phases[ordered],
            )
        )
    return tuple(made)


def _lengths(duration: Column) -> Column:
    """As they are, or rounded up as far as it takes to have few."""
    for minutes in (None, *ROUNDED_TO_MINUTES):
        step = None if minutes is None else 60.0 * minutes
        lengths = duration if step is None else np.ceil(duration / step) * step
        if len(lengths) <= MOST_LOTS or len(np.unique(lengths)) <= MOST_LOTS:
            return lengths
    return np.full(len(duration), float(np.median(duration)))


def _goes_at(lot: Lot, first: int, ramp: Ramp, number: int) -> Column:
    """From when on each of the first items may start; negative infinity: the ramp is not for it."""
    opened = ramp.opened[number]
    earlier: Column | float = -np.inf
    if ramp.earlier is not None:
        earlier = _goes_at(lot, first, ramp.earlier, number)
    waited = lot.arrivals[:first] < opened
    held = np.where(waited, opened + lot.phases[:first] * ramp.spread, -np.inf)
    goes_at: Column = np.where(lot.latest[:first] <= ramp.before[number], earlier, held)
    return goes_at


def _sorted(column: Column) -> Column:
    # Stable, because that takes a tenth of the time where the column is nearly in order.
    return np.sort(column, kind="stable")


def _reached(column: Column, instant: float) -> int:
    return int(np.searchsorted(column, instant, side="right"))
