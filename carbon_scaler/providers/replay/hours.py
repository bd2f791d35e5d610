"""A year of values by hour of a leap year, so that every wall hour has its place in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOURS = 366 * 24

_HOUR_MICROSECONDS = 3_600_000_000
_DAYS_BEFORE = (0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335)
_FEBRUARY_28 = slice(58 * 24, 59 * 24)
_FEBRUARY_29 = slice(59 * 24, 60 * 24)

_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionYear:
    """A region's values by `hour_of_year`; NaN where there is none."""

    grams_per_kwh: Sequence[float]
    renewable_percent: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayYear:
    """The year that a file holds; `name` is the file's, for errors and outputs."""

    name: str
    regions: Mapping[str, RegionYear]


def hour_of_year(at: datetime) -> int:
    """The place of a UTC hour in a leap year: 0 on 1 January, 8783 at the end."""
    return (_DAYS_BEFORE[at.month - 1] + at.day - 1) * 24 + at.hour


def year_of_means(
    *,
    name: str,
    microseconds: Sequence[int],
    cells: Sequence[float],
    columns: Sequence[tuple[str, bool]],
) -> ReplayYear:
    """Rows (instants since the Unix epoch, cells row by row) become the mean of each hour.

    A column is a region and whether it holds renewable shares instead of intensities.
    """
    hours = np.asarray(microseconds, dtype=np.int64) // _HOUR_MICROSECONDS
    table = np.asarray(cells, dtype=np.float64).reshape(len(hours), len(columns))
    first_year = hours < _year_later(int(hours.min()))
    places = _places(hours[first_year])
    means = {
        column: _means(places, table[first_year, index]) for index, column in enumerate(columns)
    }
    unknown = [float("nan")] * HOURS
    return ReplayYear(
        name=name,
        regions={
            region: RegionYear(
                grams_per_kwh=means[region, False],
                renewable_percent=means.get((region, True), unknown),
            )
            for region, share in columns
            if not share
        },
    )


def _year_later(hour: int) -> int:
    start = EPOCH + timedelta(hours=hour)
    if (start.month, start.day) == (2, 29):
        end = start.replace(year=start.year + 1, month=3, day=1)
    else:
        end = start.replace(year=start.year + 1)
    return (end - EPOCH) // timedelta(hours=1)


def _places(hours: _Integers) -> _Integers:
    """`hour_of_year` of many hours since the Unix epoch."""
    days = (hours // 24).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64)
    days_before = np.asarray(_DAYS_BEFORE)[months.astype(np.int64) % 12]
    places: _Integers = (days_before + day_of_month) * 24 + hours % 24
    return places


def _means(places: _Integers, values: _Floats) -> list[float]:
    known = ~np.isnan(values)
    sums = np.bincount(places[known], values[known], HOURS)
    counts = np.bincount(places[known], minlength=HOURS)
    means = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    if not _has_leap_day(places):
        means[_FEBRUARY_29] = means[_FEBRUARY_28]
    return list(means.tolist())


def _has_leap_day(places: _Integers) -> bool:
    return bool(np.any((places >= _FEBRUARY_29.start) & (places < _FEBRUARY_29.stop)))
