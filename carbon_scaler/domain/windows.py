"""Hours of the day that work should seek or avoid."""

from dataclasses import dataclass
from datetime import timedelta, tzinfo
from enum import StrEnum


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
