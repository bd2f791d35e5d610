"""When to ask what: instants computed from a source's traits and from how asking went."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from hashlib import blake2b

from carbon_scaler.application.grid_sources import ErrorKind, SourceTraits

FIRST_PAUSE = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(minutes=10)
PERMANENT_PAUSE = timedelta(hours=1)
RATE_LIMITED_PAUSE = timedelta(minutes=5)
# An answer without the interval that should be there is asked for again, a few times.
INCOMPLETE_PAUSE = timedelta(minutes=5)
MOST_INCOMPLETE = 3
# A source that is late time and again is just slower than it says, and is left alone.
MOST_LATE_IN_A_ROW = 3

_NONE = timedelta(0)


@dataclass(slots=True, kw_only=True)
class Asking:
    """How asking one source for one sort of answer of one zone went."""

    asked_at: datetime | None = None
    # Consecutive failures, and what the last one was.
    failures: int = 0
    kind: ErrorKind | None = None
    # Answers of the present interval that lacked it, and intervals in a row that began so.
    incomplete: int = 0
    late_in_a_row: int = 0

    def failed(self, kind: ErrorKind | None) -> None:
        """The last ask gave nothing."""
        self.failures += 1
        self.kind = kind

    def answered(self) -> None:
        """The last ask gave an answer."""
        self.failures, self.kind = 0, None

    @property
    def again_at(self) -> datetime | None:
        """When to ask again after a failure; None when the last ask did not fail."""
        if not self.failures or self.asked_at is None:
            return None
        return self.asked_at + pause_after(self.kind, self.failures, self.asked_at)


def pause_after(kind: ErrorKind | None, failures: int, asked_at: datetime) -> timedelta:
    """How long to leave a source alone; what can't get better soon is asked for rarely."""
    if kind is ErrorKind.QUOTA:
        return next_day(asked_at) - asked_at
    if kind is ErrorKind.RATE_LIMITED:
        return RATE_LIMITED_PAUSE
    if kind is not None and kind.permanent:
        return PERMANENT_PAUSE
    return min(FIRST_PAUSE * (1 << min(failures - 1, 10)), LONGEST_PAUSE)


def next_day(at: datetime) -> datetime:
    """The start of the next day in UTC."""
    return datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def offset_of(zone: str, traits: SourceTraits) -> timedelta:
    """The zone's own place in the source's spread, the same in every process."""
    digest = blake2b(f"{traits.name}\0{zone}".encode(), digest_size=4).digest()
    return traits.spread * (int.from_bytes(digest, "big") / 2**32)


def interval_start(at: datetime, traits: SourceTraits) -> datetime:
    """The start of the source's interval that an instant lies in."""
    return traits.anchor + (at - traits.anchor) // traits.step * traits.step


def newest_expected(at: datetime, traits: SourceTraits) -> datetime:
    """The start of the newest interval whose value should be there."""
    return interval_start(at - max(traits.lag, _NONE), traits)


def next_interval_due(at: datetime, traits: SourceTraits, offset: timedelta) -> datetime:
    """The first instant after `at` at which a new interval is to be asked for."""
    later = traits.reads_after + offset
    return interval_start(at - later, traits) + traits.step + later


def latest_due_at(
    asking: Asking, traits: SourceTraits, offset: timedelta, now: datetime
) -> datetime:
    """When to ask for the newest values; at once at first and when the clock was set back."""
    if asking.asked_at is None or now < asking.asked_at:
        return now
    if asking.again_at is not None:
        return asking.again_at
    due = next_interval_due(asking.asked_at, traits, offset)
    if 0 < asking.incomplete <= MOST_INCOMPLETE and asking.late_in_a_row < MOST_LATE_IN_A_ROW:
        return min(due, asking.asked_at + min(INCOMPLETE_PAUSE, traits.step / 4))
    return due


def every_due_at(asking: Asking, every: timedelta, now: datetime) -> datetime:
    """When to ask for what is asked for again and again at a fixed distance."""
    if asking.asked_at is None or now < asking.asked_at:
        return now
    return asking.again_at or asking.asked_at + every


def note_completeness(
    asking: Asking,
    traits: SourceTraits,
    *,
    newest_at: datetime | None,
    now: datetime,
) -> None:
    """Whether an answer has the interval that it should have."""
    if newest_at is not None and newest_at >= newest_expected(now, traits):
        asking.incomplete = asking.late_in_a_row = 0
        return
    asking.incomplete += 1
    if asking.incomplete == 1:
        asking.late_in_a_row += 1
