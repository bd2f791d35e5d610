"""Work that waits outside the cluster, as last read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.phases import phase_of, phases_of_instants


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of work that has not been started."""

    enqueued_at: datetime
    deadline_at: datetime | None = None
    duration: timedelta | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Items:
    """A backlog's content in columns: waiting items by instant, and how many are in progress."""

    enqueued: Column  # Unix seconds
    deadline: Column  # Unix seconds; infinite where there is none
    duration: Column  # seconds; not a number where the class decides
    phases: Column  # the place of each in a spread of starts, from 0 to under 1
    in_progress: int
    # Whether the source tells which items are in progress at all.
    counts_in_progress: bool = True
    # How many may be started in a minute; None: as many as may.
    starts_per_minute: int | None = None
    # When those were started that were started lately, in Unix seconds, ascending.
    started: Column = field(default_factory=lambda: np.empty(0))

    @classmethod
    def of(cls, waiting: Iterable[Item], *, in_progress: int = 0) -> "Items":
        """The columns of these items."""
        rows = tuple(waiting)
        enqueued = np.array([row.enqueued_at.timestamp() for row in rows], dtype=np.float64)
        named = [np.nan if row.id is None else phase_of(row.id) for row in rows]
        return cls(
            enqueued=enqueued,
            deadline=np.array(
                [row.deadline_at.timestamp() if row.deadline_at else np.inf for row in rows],
                dtype=np.float64,
            ),
            duration=np.array(
                [np.nan if row.duration is None else row.duration.total_seconds() for row in rows],
                dtype=np.float64,
            ),
            phases=phases_or(np.array(named, dtype=np.float64), enqueued),
            in_progress=in_progress,
        )


def phases_or(named: Column, enqueued: Column) -> Column:
    """The phases of those that have an id, and for the others by their instants."""
    unnamed = np.isnan(named)
    return np.where(unnamed, phases_of_instants(enqueued), named) if unnamed.any() else named


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogReading:
    """What a backlog held at `read_at`; it may decide until `too_old_at`."""

    items: Items
    read_at: datetime
    too_old_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogUnknown:
    """Nothing is known of a backlog, and why; the text is fit for a user's eyes."""

    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BacklogState:
    """The last reading, if any, and the failure of the newest attempt, if it failed."""

    reading: BacklogReading | None = None
    failure: str | None = None

    def at(self, now: datetime) -> BacklogReading | BacklogUnknown:
        """The reading while it is fresh, else why there is none."""
        if self.reading is not None and now < self.reading.too_old_at:
            return self.reading
        if self.reading is not None:
            age = int((now - self.reading.read_at).total_seconds())
            return BacklogUnknown(
                cause=f"last read {age} s ago; {self.failure or 'no newer reading'}"
            )
        return BacklogUnknown(cause=self.failure or "not read yet")
