"""Windows of one priority that would count at the same time in the same region."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from carbon_scaler.domain.regions import Catalog, CloudRegion
from carbon_scaler.domain.windows import TimeWindow

DAY = timedelta(days=1)
# Clocks are put forward in one half of the year: both are looked at.
SEASONS: Mapping[str, datetime] = {
    "January": datetime(2026, 1, 15, tzinfo=UTC),
    "July": datetime(2026, 7, 15, tzinfo=UTC),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two windows by their places in the list, and where and when they meet."""

    earlier: int
    later: int
    region: str
    month: str


class _Stretch(NamedTuple):
    begins: timedelta  # after midnight UTC
    ends: timedelta
    place: int  # of its window in the list


def first_overlap(windows: Sequence[TimeWindow], catalog: Catalog) -> Overlap | None:
    """The first that is found, by season and region."""
    for month, at in SEASONS.items():
        for region in catalog.values():
            found = _overlap_in(region, windows, at)
            if found is not None:
                earlier, later = sorted(found)
                return Overlap(earlier=earlier, later=later, region=region.name, month=month)
    return None


def _overlap_in(
    region: CloudRegion, windows: Sequence[TimeWindow], at: datetime
) -> tuple[int, int] | None:
    by_priority: dict[int, list[_Stretch]] = defaultdict(list)
    for place, window in enumerate(windows):
        if not window.regions or region.name in window.regions:
            zone = window.timezone or region.timezone
            by_priority[window.priority] += _stretches(place, window, zone, at)
    found = (_meeting(sorted(stretches)) for stretches in by_priority.values())
    return next(filter(None, found), None)


def _stretches(place: int, window: TimeWindow, zone: tzinfo, at: datetime) -> Iterator[_Stretch]:
    """Within one day of UTC: two where it goes over midnight."""
    begins = (window.begins - _offset(zone, at)) % DAY
    ends = begins + (window.ends - window.begins)
    yield _Stretch(begins=begins, ends=min(ends, DAY), place=place)
    if ends > DAY:
        yield _Stretch(begins=timedelta(), ends=ends - DAY, place=place)


@lru_cache(maxsize=1024)
def _offset(zone: tzinfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _meeting(stretches: Sequence[_Stretch]) -> tuple[int, int] | None:
    """Sorted by their beginning, some meet only if neighbours do."""
    pairs = pairwise(stretches)
    return next(((one.place, next_.place) for one, next_ in pairs if next_.begins < one.ends), None)
