"""Which expected path a decision may plan on."""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries


def is_there(case: Case) -> bool:
    """Whether the region has a forecast of our own, usable or not."""
    return _path(case) is not None


def usable_path(case: Case) -> ExpectedPath | None:
    """The region's own, while it tells of the present hour; None: see `wanting`."""
    path = _path(case)
    if path is None or wanting(case):
        return None
    news = _news(case, path)
    return path if news is None else _joined(path, *news)


def wanting(case: Case) -> str:
    """Why there is nothing to plan on; empty where there is."""
    path = _path(case)
    if path is None:
        return "no forecast of our own is there yet"
    if case.reading is None or case.reading.basis != path.basis:
        return "the forecast is of another basis than the value that counts"
    if case.plan.settings.strategy is Strategy.AUTO and not path.is_seasoned:
        return f"the forecast was learned from {path.past_hours} h of the past only"
    if path.index_at(case.now) is None:
        return f"the forecast of {path.issued_at:%Y-%m-%dT%H:%MZ} tells nothing of this hour"
    return ""


def _news(case: Case, path: ExpectedPath) -> tuple[int, float] | None:
    """The present hour and its value, where that is of a source which the path knows nothing of.

    Somebody typed it, or another source took over. Values of the source itself wait for the next
    issue: one beside hours that were expected before it was known would mislead.
    """
    reading, series = case.reading, case.series
    if reading is None or series is None or reading.kind is Kind.FORECAST:
        return None
    index = path.index_at(case.now)
    if index is None or path.index_at(reading.observed_at) != index:
        return None
    if reading.fetched_at <= path.issued_at or reading.source in _sources(series, path):
        return None
    return index, reading.grams_per_kwh


def _sources(series: RegionSeries, path: ExpectedPath) -> tuple[str, ...]:
    """Of the last value that the path was made from."""
    issued = path.issued_at.timestamp()
    known = np.flatnonzero((series.starts <= issued) & (series.fetched <= issued))
    return tuple(series.sources[place] for place in known[-1:])


@lru_cache(maxsize=512)
def _joined(path: ExpectedPath, index: int, grams: float) -> ExpectedPath:
    return replace(
        path,
        grams=_with(path.grams, index, grams),
        lower=_with(path.lower, index, grams),
        upper=_with(path.upper, index, grams),
    )


def _with(column: Column, index: int, grams: float) -> Column:
    changed = column.copy()
    changed[index] = grams
    return changed


def _path(case: Case) -> ExpectedPath | None:
    return None if case.series is None else case.series.expected
