"""The one immutable view of all grids that answers are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.intensity import Basis, Kind, Reading, RenewableShare

Column = NDArray[np.float64]

HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """The newest forecast that a region's source issued, ascending."""

    source: str
    issued_at: datetime
    fetched_at: datetime
    starts: Column  # Unix seconds
    lasts: Column  # seconds
    grams_per_kwh: Column


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyAverage:
    """What a region's grid emitted on average in a year; it labels and never decides."""

    grams_per_kwh: float
    year: int
    source: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegionSeries:
    """A region's usable values in ascending order, one column per attribute, one basis.

    A region that is known and has no usable value has empty columns.
    """

    region: str
    basis: Basis
    # The oldest value ever stored, which may be older than the first row here; None: none ever.
    first_at: datetime | None
    starts: Column  # Unix seconds
    grams_per_kwh: Column
    renewable_at_least: Column
    renewable_at_most: Column
    fetched: Column  # Unix seconds
    usable_for: Column  # seconds
    sources: tuple[str, ...]
    kinds: tuple[Kind, ...]
    outlook: Outlook | None = None
    average: YearlyAverage | None = None
    # Series of other bases that the policy lets stand in, in order.
    stand_ins: "tuple[RegionSeries, ...]" = ()

    def reading_at(self, now: datetime) -> Reading | None:
        """The newest value whose interval has begun."""
        index = int(np.searchsorted(self.starts, now.timestamp(), side="right")) - 1
        return None if index < 0 else self.reading(index)

    def next_start_after(self, now: datetime) -> datetime | None:
        """When the next value that is already stored takes over."""
        index = int(np.searchsorted(self.starts, now.timestamp(), side="right"))
        return None if index == len(self.starts) else _instant(self.starts[index])

    def reading(self, index: int) -> Reading:
        """One row as a value."""
        return Reading(
            region=self.region,
            observed_at=_instant(self.starts[index]),
            grams_per_kwh=float(self.grams_per_kwh[index]),
            renewable=RenewableShare(
                at_least=float(self.renewable_at_least[index]),
                at_most=float(self.renewable_at_most[index]),
            ),
            source=self.sources[index],
            kind=self.kinds[index],
            basis=self.basis,
            fetched_at=_instant(self.fetched[index]),
            usable_for=timedelta(seconds=float(self.usable_for[index])),
        )

    def end_of(self, index: int) -> datetime:
        """Where a row's interval ends: at the next row, after an hour or its use at the latest."""
        longest = min(HOUR_SECONDS, float(self.usable_for[index]))
        end = float(self.starts[index]) + longest
        if index + 1 < len(self.starts):
            end = min(end, float(self.starts[index + 1]))
        return _instant(end)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Snapshot:
    """All regions as known at `loaded_at`; replaced as a whole, never changed."""

    loaded_at: datetime
    regions: Mapping[str, RegionSeries] = field(default_factory=dict)


def _instant(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(float(unix_seconds), UTC)
