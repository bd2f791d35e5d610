"""What was expected of a grid at each hour of its past."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from carbon_scaler.decisions.windows import hours_ahead
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.domain.windows import TimeWindow
from carbon_scaler.forecasting.hindcast import hindcast
from carbon_scaler.forecasting.hours import DAY, HourlyHistory, hourly
from carbon_scaler.forecasting.provider import ProviderIssues
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.issues import Issues

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paths:
    """What was known at some instants, a row for each."""

    grams: Column  # hour by hour; NaN where nothing was known
    begins: Column  # of the first hour, Unix seconds
    barred: Flags | None  # in which hours nothing may start


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """For each hour: the hours from it on, as they were expected once it had begun."""

    begins: float  # of the first hour, Unix seconds
    paths: Column  # (hours, hours from the present one on)
    barred: Flags | None = None

    def at(self, instants: Column) -> Paths:
        """The paths that were known at each instant."""
        hours = np.floor((instants - self.begins) / HOUR_SECONDS)
        inside = (hours >= 0) & (hours < len(self.paths))
        rows = np.where(inside, hours, 0).astype(np.intp)
        return Paths(
            grams=np.where(inside[:, None], self.paths[rows], np.nan),
            begins=self.begins + hours * HOUR_SECONDS,
            barred=None if self.barred is None else self.barred[rows],
        )

    def counted(self, windows: tuple[TimeWindow, ...]) -> "Expected":
        """Preferred hours count cleaner than they are; in forbidden ones nothing starts."""
        if not windows:
            return self
        count, ahead = self.paths.shape
        factors, barred = hours_ahead(windows, self.begins, count + ahead - 1)
        return replace(
            self,
            paths=self.paths * sliding_window_view(factors, ahead),
            barred=sliding_window_view(barred, ahead),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sight:
    """How late values are known, and how far ahead anybody looks; in seconds."""

    lag: float
    ahead: float


def expected_of(
    history: History, priors: Priors, sight: Sight, issues: Issues | None = None
) -> Expected:
    """What would have been expected at each hour: by our own forecaster, and by what was issued.

    Values are known `lag` seconds after their interval began; of an hour of several intervals
    only the last tells its mean.
    """
    late = int(np.ceil((sight.lag + max(0.0, HOUR_SECONDS - history.step)) / HOUR_SECONDS))
    wanted = min(priors.ahead, int(np.ceil(sight.ahead / HOUR_SECONDS)) + 1 + late)
    measured = _hourly(history)
    said = hindcast(
        measured,
        # By a day ahead models are chosen, and a provider's forecasts weighed.
        priors.up_to(max(wanted, DAY)),
        provider=None if issues is None else ProviderIssues(issues=issues.by_hour(), late=late),
    )
    joined = np.concatenate([measured.grams[:, None], said.paths], axis=1)[:, late : wanted + 1]
    unknown = np.full((late, joined.shape[1]), np.nan)
    paths = np.concatenate([unknown, joined])[: len(joined)]
    return Expected(begins=measured.first * float(HOUR_SECONDS), paths=paths)


def _hourly(history: History) -> HourlyHistory:
    starts: Column = history.begins + history.step * np.arange(
        len(history.grams_per_kwh), dtype=np.float64
    )
    return hourly(starts, history.grams_per_kwh, np.full(len(starts), history.step))
