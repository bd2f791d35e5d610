"""Hours of the day that work should seek or avoid."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
# An hour of a zone's local day may lie a day beside the same day in UTC, and a jump of its
# clock may leave out a whole window.
DAYS_BEFORE, DAYS_AFTER = 2, 4


class WindowEffect(StrEnum):
    """What a window does to starts inside it."""

    PREFER = "prefer"
    FORBID = "forbid"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeWindow:
    """From one time of day to another, each day; over midnight where the end is not after it."""

    name: str
    begins: timedelta  # after local midnight, under 24 h
    ends: timedelta  # after the same midnight: above `begins`, at most 24 h later
    effect: WindowEffect
    # Whose midnight; None is the region's own.
    timezone: tzinfo | None = None
    # Empty is everywhere.
    regions: frozenset[str] = frozenset()
    # Where windows overlap the least one counts.
    priority: int = 1
    # How much cleaner a preferred hour counts than it is; 0 changes nothing.
    bonus_percent: float = 0.0

    @property
    def hours(self) -> str:
        """As people write it, like 22:00-06:00."""
        over_midnight = self.ends > DAY
        return f"{_clock(self.begins)}-{_clock(self.ends - DAY if over_midnight else self.ends)}"


Occurrence = tuple[datetime, datetime]  # from, until; in UTC


def utc_day(now: datetime) -> date:
    """The day in UTC that an instant lies in."""
    return now.astimezone(UTC).date()


def occurrences(window: TimeWindow, day: date) -> tuple[Occurrence, ...]:
    """When a window is on, all of it from one day in UTC until `DAYS_AFTER` days later."""
    zone = window.timezone or UTC
    local_days = (day + timedelta(days=ahead) for ahead in range(-DAYS_BEFORE, DAYS_AFTER + 1))
    spans = (
        (first_reached(each, window.begins, zone), first_reached(each, window.ends, zone))
        for each in local_days
    )
    return tuple((begin, end) for begin, end in spans if begin < end)


def first_reached(day: date, after_midnight: timedelta, zone: tzinfo) -> datetime:
    """When a zone's clock first shows a time of day, or a later one where it leaps over it."""
    wall = datetime.combine(day, time()) + after_midnight
    reached = wall.replace(tzinfo=zone).astimezone(UTC)
    if _shown(reached, zone) == wall:
        return reached
    return _leap(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), reached, wall, zone)


def _leap(before: datetime, after: datetime, wall: datetime, zone: tzinfo) -> datetime:
    """The first second between two instants at which the clock is past a time that it left out."""
    while after - before > SECOND:
        middle = before + (after - before) // SECOND // 2 * SECOND
        if _shown(middle, zone) < wall:
            before = middle
        else:
            after = middle
    return after


def _clock(after_midnight: timedelta) -> str:
    hours, minutes = divmod(after_midnight // timedelta(minutes=1), 60)
    return f"{hours:02}:{minutes:02}"


def _shown(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
