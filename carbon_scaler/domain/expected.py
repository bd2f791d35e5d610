"""What our own forecaster expects of a region's grid, joined on to what was measured."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Basis, Kind, Reading

OWN_SOURCE = "own"
HOUR = timedelta(hours=1)
# What was issued longer ago decides nothing.
LASTS = timedelta(hours=24)
# From so many hours of the past on, the order of the hours is known and not guessed.
SEASONED_HOURS = 8 * 24


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedError:
    """How such forecasts fared over the last days."""

    grams: float  # mean absolute error, g/kWh
    percent: float
    compared: int  # pairs of an expected and a measured hour


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedPath:
    """Grams per kWh hour by hour: first what was measured when it was issued, then what is expected.

    All of it is of one issue: a value that was measured later never stands beside hours that were
    expected before.
    """

    model: str
    issued_at: datetime
    begins: float  # Unix seconds of the first hour
    measured: int  # how many of the first hours were measured
    grams: Column  # not a number where nothing is known
    lower: Column  # eight of ten values come between these two
    upper: Column
    past_hours: int  # how much was learned from
    basis: Basis
    error: ExpectedError | None = None
    rejected: tuple[str, ...] = ()  # models that were clearly worse than none lately
    # What counted until this one was issued; None: nothing did.
    former: "ExpectedPath | None" = None

    @property
    def is_seasoned(self) -> bool:
        """Whether it was learned from long enough a past to know one hour from another."""
        return self.past_hours >= SEASONED_HOURS

    @property
    def known_until(self) -> datetime:
        """Where the last measured hour ends."""
        return datetime.fromtimestamp(self.begins, UTC) + self.measured * HOUR

    def index_at(self, now: datetime) -> int | None:
        """The place of the hour that an instant lies in; None: it is told nothing of."""
        index = int((now.timestamp() - self.begins) // HOUR.total_seconds())
        inside = 0 <= index < len(self.grams) and bool(np.isfinite(self.grams[index]))
        return index if inside and now < self.issued_at + LASTS else None

    def reading_at(self, now: datetime, region: str) -> Reading | None:
        """What is expected of the hour that `now` lies in; it may decide only within it."""
        index = self.index_at(now)
        if index is None or index < self.measured:
            return None
        begins_at = datetime.fromtimestamp(self.begins, UTC) + index * HOUR
        return Reading(
            region=region,
            observed_at=begins_at,
            grams_per_kwh=float(self.grams[index]),
            renewable=UNKNOWN_SHARE,
            source=OWN_SOURCE,
            kind=Kind.FORECAST,
            basis=self.basis,
            fetched_at=self.issued_at,
            usable_for=min(HOUR, self.issued_at + LASTS - begins_at),
        )

    def next_change_after(self, now: datetime) -> datetime | None:
        """When it may begin or cease to tell of the present hour; None: never."""
        ends_at = datetime.fromtimestamp(self.begins, UTC) + len(self.grams) * HOUR
        coming = (self.next_start_after(now), ends_at, self.issued_at + LASTS)
        return min((each for each in coming if each is not None and each > now), default=None)

    def next_start_after(self, now: datetime) -> datetime | None:
        """When the next hour that is told something of begins; None: none does."""
        index = max(0, int((now.timestamp() - self.begins) // HOUR.total_seconds()) + 1)
        if index >= len(self.grams):
            return None
        return datetime.fromtimestamp(self.begins, UTC) + index * HOUR
