"""A grid's history hour by hour, as forecasts are made from it."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]

HOUR_SECONDS = 3600
DAY = 24
WEEK = 7 * DAY
# A value may stand for several hours, but not for longer than this.
LONGEST_INTERVAL_HOURS = 24
# An hour of which less is covered by values is not known.
LEAST_COVERED_SECONDS = HOUR_SECONDS / 2
# A provider that has stopped measuring repeats its last value.
LONGEST_REPEAT_HOURS = 6
LOOKED_BACK_FOR_REPEATS = 14 * DAY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HourlyHistory:
    """Mean grams per kWh of each hour from `first` on; NaN where none is known."""

    first: int  # hours since 1970, UTC
    grams: Column

    @property
    def end(self) -> int:
        """The hour after the last one, in hours since 1970."""
        return self.first + len(self.grams)

    @property
    def known_until(self) -> datetime:
        """Where the last hour of the history ends."""
        return instant_of(self.end)

    def until(self, end: int) -> "HourlyHistory":
        """What of it was known when the hours before `end` were, without unknown hours at its end."""
        return _trimmed(self.first, self.grams[: max(0, end - self.first)])

    def joined(self, newer: "HourlyHistory") -> "HourlyHistory":
        """Both; where they overlap, what `newer` knows counts."""
        if not len(self.grams):
            return newer
        if not len(newer.grams):
            return self
        first, end = min(self.first, newer.first), max(self.end, newer.end)
        grams = np.full(end - first, np.nan)
        grams[self.first - first : self.end - first] = self.grams
        part = grams[newer.first - first : newer.end - first]
        part[:] = np.where(np.isfinite(newer.grams), newer.grams, part)
        return HourlyHistory(first=first, grams=grams)

    def without_repeated_tail(self) -> "HourlyHistory":
        """Cut after the first of a last value that is repeated for longer than this grid does."""
        run = _last_run(self.grams)
        if run <= LONGEST_REPEAT_HOURS or run == len(self.grams):
            return self
        before = self.grams[:-run][-LOOKED_BACK_FOR_REPEATS:]
        # A grid of one nuclear or hydro fleet may stand still for days by itself.
        if run <= 2 * _longest_run(before):
            return self
        return HourlyHistory(first=self.first, grams=self.grams[: len(self.grams) - run + 1])


EMPTY = HourlyHistory(first=0, grams=np.empty(0))


def hourly(starts: Column, grams: Column, lasts: Column | None = None) -> HourlyHistory:
    """The history that these values make: `starts` in Unix seconds, `lasts` in seconds.

    Shorter intervals are averaged, longer ones count in each of their hours, of two values with
    one start the later counts, and what is negative or no number is not there.
    """
    lengths = _until_next(starts) if lasts is None else np.asarray(lasts, dtype=np.float64)
    known = np.isfinite(starts) & np.isfinite(grams) & (grams >= 0) & np.isfinite(lengths)
    begins, values, lengths = starts[known], grams[known], lengths[known]
    _, newest = np.unique(begins[::-1], return_index=True)
    rows = len(begins) - 1 - newest
    begins, values, lengths = begins[rows], values[rows], lengths[rows]
    if not len(begins):
        return EMPTY
    ends = begins + np.minimum(lengths, LONGEST_INTERVAL_HOURS * HOUR_SECONDS)
    return _averaged(begins, ends, values)


def instant_of(hour: float) -> datetime:
    """The start of an hour since 1970 as an instant."""
    return datetime.fromtimestamp(hour * HOUR_SECONDS, UTC)


def hour_of(instant: datetime) -> int:
    """The hour since 1970 that an instant lies in."""
    return int(instant.timestamp() // HOUR_SECONDS)


def _until_next(starts: Column) -> Column:
    """Each interval lasts until the next start, an hour at most."""
    later = np.unique(starts[np.isfinite(starts)])
    index = np.searchsorted(later, starts, side="right")
    following = np.append(later, np.inf)[np.minimum(index, len(later))]
    return np.minimum(following - starts, float(HOUR_SECONDS))


def _averaged(begins: Column, ends: Column, values: Column) -> HourlyHistory:
    hours = (begins // HOUR_SECONDS).astype(np.int64)
    first = int(hours.min())
    size = int(hours.max()) - first + LONGEST_INTERVAL_HOURS + 2
    covered, total = np.zeros(size), np.zeros(size)
    for later in range(LONGEST_INTERVAL_HOURS + 1):
        hour = hours + later
        opens, closes = hour * HOUR_SECONDS, (hour + 1) * HOUR_SECONDS
        seconds = np.clip(np.minimum(ends, closes) - np.maximum(begins, opens), 0, None)
        if not seconds.any():
            break
        np.add.at(covered, hour - first, seconds)
        np.add.at(total, hour - first, seconds * values)
    enough = covered >= LEAST_COVERED_SECONDS
    grams = np.where(enough, total / np.where(enough, covered, 1.0), np.nan)
    return _trimmed(first, grams)


def _trimmed(first: int, grams: Column) -> HourlyHistory:
    """Without unknown hours at either end."""
    known = np.flatnonzero(np.isfinite(grams))
    if not len(known):
        return EMPTY
    return HourlyHistory(first=first + int(known[0]), grams=grams[known[0] : known[-1] + 1])


def _last_run(grams: Column) -> int:
    """How many of the last values are equal."""
    if not len(grams):
        return 0
    differs = np.flatnonzero(grams != grams[-1])
    return len(grams) - (int(differs[-1]) + 1 if len(differs) else 0)


def _longest_run(grams: Column) -> int:
    changes = np.flatnonzero(grams[1:] != grams[:-1]) + 1
    edges = np.concatenate([[0], changes, [len(grams)]])
    return int(np.diff(edges).max())
