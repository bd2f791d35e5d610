"""The one immutable view of all grids that answers are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.intensity import (
    LONGEST_USABLE_FOR,
    UNKNOWN_SHARE,
    Basis,
    Kind,
    Reading,
    RenewableShare,
)

HOUR_SECONDS = 3600.0
# A forecast that is older than this decides nothing.
FORECAST_LASTS = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlook:
    """The newest forecast that a region's source issued, ascending."""

    source: str
    issued_at: datetime
    fetched_at: datetime
    starts: Column  # Unix seconds
    lasts: Column  # seconds
    grams_per_kwh: Column

    def reading_at(self, now: datetime, region: str, basis: Basis) -> Reading | None:
        """What is expected of the interval that `now` lies in; it may decide only within it."""
        index = _begun(self.starts, now) - 1
        if index < 0:
            return None
        begins_at = _instant(self.starts[index])
        lasts = timedelta(seconds=float(self.lasts[index]))
        reading = Reading(
            region=region,
            observed_at=begins_at,
            grams_per_kwh=float(self.grams_per_kwh[index]),
            renewable=UNKNOWN_SHARE,
            source=self.source,
            kind=Kind.FORECAST,
            basis=basis,
            fetched_at=self.fetched_at,
            usable_for=min(lasts, self.issued_at + FORECAST_LASTS - begins_at),
        )
        return reading if now < reading.too_old_at else None

    def next_start_after(self, now: datetime) -> datetime | None:
        """When the next expected interval begins."""
        return _next_start(self.starts, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyAverage:
    """What a region's grid emitted on average in a year; it labels and never decides."""

    grams_per_kwh: float
    year: int
    source: str
    basis: Basis
    renewable: RenewableShare = UNKNOWN_SHARE

    def reading(self, region: str) -> Reading:
        """As a value of its whole year, too old from its start on."""
        begins_at = datetime(self.year, 1, 1, tzinfo=UTC)
        return Reading(
            region=region,
            observed_at=begins_at,
            grams_per_kwh=self.grams_per_kwh,
            renewable=self.renewable,
            source=self.source,
            kind=Kind.STATIC,
            basis=self.basis,
            fetched_at=begins_at,
            usable_for=timedelta(0),
        )


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
    # What our own forecaster expects; None: nothing yet.
    expected: ExpectedPath | None = None
    average: YearlyAverage | None = None
    # Series of other bases that the policy lets stand in, in order.
    stand_ins: "tuple[RegionSeries, ...]" = ()

    @property
    def too_old(self) -> Column:
        """From when on each value decides nothing, in Unix seconds."""
        return self.starts + np.minimum(self.usable_for, LONGEST_USABLE_FOR.total_seconds())

    def resolved_at(self, now: datetime) -> Reading | None:
        """The one labelled value that counts now; it decides while it is not too old."""
        observed = self.usable_at(now)
        if observed is not None:
            return observed
        for series in self.stand_ins:
            standing_in = series.usable_at(now)
            if standing_in is not None:
                return standing_in
        if self.outlook is not None:
            foretold = self.outlook.reading_at(now, self.region, self.basis)
            if foretold is not None:
                return foretold
        if self.expected is not None:
            expected = self.expected.reading_at(now, self.region)
            if expected is not None:
                return expected
        return self.reading_at(now) if self.average is None else self.average.reading(self.region)

    def usable_at(self, now: datetime) -> Reading | None:
        """The newest of this series' own values that may decide."""
        for index in range(_begun(self.starts, now) - 1, -1, -1):
            begins_at = _instant(self.starts[index])
            if now >= begins_at + LONGEST_USABLE_FOR:
                return None
            usable_for = timedelta(seconds=float(self.usable_for[index]))
            if now < begins_at + usable_for and self.kinds[index] is not Kind.STATIC:
                return self.reading(index)
        return None

    def next_change_after(self, now: datetime) -> datetime | None:
        """When a value that is already known may take over from the one that counts now."""
        coming = [self.next_start_after(now)]
        if self.usable_at(now) is None:
            coming.extend(series.next_start_after(now) for series in self.stand_ins)
            if self.outlook is not None:
                coming.append(self.outlook.next_start_after(now))
            if self.expected is not None:
                coming.append(self.expected.next_start_after(now))
        return min((instant for instant in coming if instant is not None), default=None)

    def reading_at(self, now: datetime) -> Reading | None:
        """The newest value whose interval has begun, however old."""
        index = _begun(self.starts, now) - 1
        return None if index < 0 else self.reading(index)

    def next_start_after(self, now: datetime) -> datetime | None:
        """When the next value that is already stored takes over."""
        return _next_start(self.starts, now)

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


def _begun(starts: Column, now: datetime) -> int:
    return int(np.searchsorted(starts, now.timestamp(), side="right"))


def _next_start(starts: Column, now: datetime) -> datetime | None:
    index = _begun(starts, now)
    return None if index == len(starts) else _instant(starts[index])


def _instant(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(float(unix_seconds), UTC)
