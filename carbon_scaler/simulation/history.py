"""A region's grid as it was, interval by interval, without a gap."""

from dataclasses import dataclass

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.intensity import Basis, Kind
from carbon_scaler.domain.snapshot import HOUR_SECONDS, RegionSeries

SOURCE = "history"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """Intensities of equal intervals that follow one another."""

    region: str
    begins: float  # Unix seconds
    step: float  # seconds
    grams_per_kwh: Column
    # None: not known.
    renewable_percent: Column | None = None
    basis: Basis

    @property
    def ends(self) -> float:
        """The end of the last interval, in Unix seconds."""
        return self.begins + self.step * len(self.grams_per_kwh)


def published(history: History, lag: float) -> RegionSeries:
    """As a server knows it whose source gives each value `lag` seconds after it began.

    A value begins when it is known, so that no later one can be seen.
    """
    count = len(history.grams_per_kwh)
    starts: Column = history.begins + lag + history.step * np.arange(count, dtype=np.float64)
    shares = history.renewable_percent
    unknown = np.full(count, np.nan) if shares is None else shares
    return RegionSeries(
        region=history.region,
        basis=history.basis,
        first_at=None,
        starts=starts,
        grams_per_kwh=history.grams_per_kwh,
        renewable_at_least=np.where(np.isnan(unknown), 0.0, unknown),
        renewable_at_most=np.where(np.isnan(unknown), 100.0, unknown),
        fetched=starts,
        usable_for=np.full(count, HOUR_SECONDS),
        sources=(SOURCE,) * count,
        kinds=(Kind.MEASURED,) * count,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Meter:
    """The mean intensity of any span, in which each interval counts for as long as it lasts."""

    begins: float
    step: float
    # Sums run over what differs from it, so that a constant grid differs by exactly nothing.
    origin: float
    beyond: Column
    summed: Column

    def mean_grams(self, starts: Column, durations: Column) -> Column:
        """In g/kWh, over spans that lie inside the history."""
        beyond = self._until(starts + durations) - self._until(starts)
        return self.origin + beyond / (durations / self.step)

    def _until(self, instants: Column) -> Column:
        places = (instants - self.begins) / self.step
        whole = np.clip(places.astype(np.intp), 0, len(self.beyond) - 1)
        return self.summed[whole] + self.beyond[whole] * (places - whole)


def meter(history: History) -> Meter:
    """What reads off the history."""
    origin = float(history.grams_per_kwh[0])
    beyond = np.append(history.grams_per_kwh - origin, 0.0)
    summed = np.concatenate([[0.0], np.cumsum(beyond[:-1])])
    return Meter(
        begins=history.begins, step=history.step, origin=origin, beyond=beyond, summed=summed
    )
