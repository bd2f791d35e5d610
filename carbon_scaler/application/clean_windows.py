"""When to start: windows of a job's length, the cleanest first; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.forecasting.forecast import STATIC_AVERAGE, Forecast
from carbon_scaler.forecasting.hours import HOUR_SECONDS, HourlyHistory, hour_of

HOUR = timedelta(hours=1)


class WindowTooLongError(CarbonScalerError):
    """What is expected of the grid ends before such a job would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobShape:
    """What is to be placed: how long it runs, and what it draws in all."""

    duration: timedelta
    energy_kwh: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedHours:
    """Grams per kWh from the present hour on; the present one may be measured already."""

    region: str
    first: int  # hours since 1970
    grams: Column
    lower: Column
    upper: Column
    measured: int  # how many of the first hours were measured
    is_static: bool

    @property
    def present_kind(self) -> Kind:
        """What the value of the present hour is."""
        return Kind.MEASURED if self.measured else self.expected_kind

    @property
    def expected_kind(self) -> Kind:
        """What the hours are that were not measured."""
        return Kind.STATIC if self.is_static else Kind.FORECAST

    @property
    def ends_at(self) -> datetime:
        """Nothing is expected of what comes from here on."""
        return datetime.fromtimestamp((self.first + len(self.grams)) * HOUR_SECONDS, UTC)

    def mean(self, values: Column, starts: datetime, duration: timedelta) -> float:
        """Over the whole run, each hour for as long as the run lies in it."""
        begun = starts.timestamp() / HOUR_SECONDS - self.first
        hours = duration / HOUR
        summed = np.concatenate([[0.0], np.cumsum(values)])
        bounds = np.interp([begun, begun + hours], np.arange(len(summed)), summed)
        return float((bounds[1] - bounds[0]) / hours)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanWindow:
    """A run from `starts_at` up to, not including, `ends_at`, against the same run started now."""

    region: str
    starts_at: datetime
    ends_at: datetime
    delay: timedelta
    kind: Kind
    grams_per_kwh: float  # mean over the run
    lower: float
    upper: float
    emissions_grams: float
    saved_grams: float
    saved_percent: float | None
    # How far the mean is below the value of the present hour alone.
    below_present_percent: float | None


def expected_hours(
    region: str, past: HourlyHistory, forecast: Forecast, now: datetime
) -> ExpectedHours:
    """The forecast joined on to what was measured of the present hour."""
    first = hour_of(now)
    expected_from = int(forecast.starts[0] // HOUR_SECONDS)
    known = past.grams[first - past.first : expected_from - past.first]
    measured = known if expected_from > first else known[:0]
    skipped = max(0, first - expected_from)
    return ExpectedHours(
        region=region,
        first=first,
        grams=np.concatenate([measured, forecast.grams[skipped:]]),
        lower=np.concatenate([measured, forecast.lower[skipped:]]),
        upper=np.concatenate([measured, forecast.upper[skipped:]]),
        measured=len(measured),
        is_static=forecast.model == STATIC_AVERAGE,
    )


def start_now(hours: ExpectedHours, job: JobShape, now: datetime) -> CleanWindow:
    """What waiting is compared with."""
    if now + job.duration > hours.ends_at:
        known = int((hours.ends_at - now) / HOUR)
        raise WindowTooLongError(
            f"the job would run longer than anything is expected of {hours.region}, which is for "
            f"{known} h; give a --duration up to {known}h"
        )
    return _window(hours, job, now, now)


def clean_windows(
    hours: ExpectedHours, job: JobShape, now: datetime, within: timedelta
) -> Iterator[CleanWindow]:
    """Every start on a full hour within that time which the expected hours reach, and now."""
    yield start_now(hours, job, now)
    starts_at = datetime.fromtimestamp((hours.first + 1) * HOUR_SECONDS, UTC)
    while starts_at <= now + within and starts_at + job.duration <= hours.ends_at:
        yield _window(hours, job, now, starts_at)
        starts_at += HOUR


def ranked(
    windows: Iterable[CleanWindow], *, limit: int, below: float | None = None
) -> Sequence[CleanWindow]:
    """The cleanest first, of equally clean ones the earliest; those below a limit of g/kWh."""
    chosen = [each for each in windows if below is None or each.grams_per_kwh < below]
    chosen.sort(key=lambda each: (each.grams_per_kwh, each.starts_at, each.region))
    return chosen[:limit]


def _window(hours: ExpectedHours, job: JobShape, now: datetime, starts_at: datetime) -> CleanWindow:
    grams, lower, upper = (
        hours.mean(values, starts_at, job.duration)
        for values in (hours.grams, hours.lower, hours.upper)
    )
    at_once = hours.mean(hours.grams, now, job.duration)
    ends_at = starts_at + job.duration
    measured_until = hours.first + hours.measured
    is_measured = ends_at.timestamp() <= measured_until * HOUR_SECONDS
    return CleanWindow(
        region=hours.region,
        starts_at=starts_at,
        ends_at=ends_at,
        delay=starts_at - now,
        kind=Kind.MEASURED if is_measured else hours.expected_kind,
        grams_per_kwh=grams,
        lower=lower,
        upper=upper,
        emissions_grams=grams * job.energy_kwh,
        saved_grams=(at_once - grams) * job.energy_kwh,
        saved_percent=percent_below(at_once, grams),
        below_present_percent=percent_below(float(hours.grams[0]), grams),
    )


def percent_below(reference: float, grams: float) -> float | None:
    """How much less it is, in percent; None where the reference is nothing."""
    return 100 * (reference - grams) / reference if reference > 0 else None
