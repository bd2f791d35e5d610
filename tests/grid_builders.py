"""What may count in place of an observed value: name what matters, the rest has a default."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from carbon_scaler.domain.expected import ExpectedError, ExpectedPath
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.snapshot import Outlook, YearlyAverage
from tests.builders import HOUR, NOW


def an_outlook(
    *grams: float,
    since: datetime = NOW,
    starts: Sequence[datetime] | None = None,
    lasts: timedelta | Sequence[timedelta] = HOUR,
    issued_at: datetime = NOW - HOUR,
    source: str = "electricity_maps",
) -> Outlook:
    """One point after the other from `since` on unless `starts` says otherwise."""
    spans = [lasts] * len(grams) if isinstance(lasts, timedelta) else list(lasts)
    begins = starts or [since + sum(spans[:index], timedelta(0)) for index in range(len(grams))]
    return Outlook(
        source=source,
        issued_at=issued_at,
        fetched_at=issued_at,
        starts=np.array([start.timestamp() for start in begins], dtype=np.float64),
        lasts=np.array([span.total_seconds() for span in spans], dtype=np.float64),
        grams_per_kwh=np.array(grams, dtype=np.float64),
    )


def an_average(grams: float = 176.0, *, year: int = 2025, source: str = "static") -> YearlyAverage:
    """What a grid emitted in a year."""
    return YearlyAverage(grams_per_kwh=grams, year=year, source=source, basis=Basis())


def a_path(
    *grams: float,
    begins: datetime = NOW,
    issued_at: datetime | None = None,
    past_hours: int = 2160,
    model: str = "regression",
    band: float = 20.0,
    error_percent: float | None = 9.0,
    basis: Basis | None = None,
) -> ExpectedPath:
    """Hour by hour from `begins` on; the first hour is measured."""
    hours = np.array(grams, dtype=np.float64)
    error = ExpectedError(grams=25.0, percent=error_percent or 0.0, compared=300)
    return ExpectedPath(
        model=model,
        issued_at=begins if issued_at is None else issued_at,
        begins=begins.timestamp(),
        measured=1,
        grams=hours,
        lower=hours - band,
        upper=hours + band,
        past_hours=past_hours,
        basis=basis or Basis(),
        error=None if error_percent is None else error,
    )
