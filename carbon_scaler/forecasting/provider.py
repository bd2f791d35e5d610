"""A provider's forecast: joined on to what was measured since, and mixed with the own one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from carbon_scaler.forecasting.accuracy import HORIZONS
from carbon_scaler.forecasting.hours import Column, HourlyHistory
from carbon_scaler.forecasting.inputs import Hours
from carbon_scaler.forecasting.levels import OFFSET_WEIGHTS

# A mean squared error of nothing would take all weight for ever.
LEAST_SQUARE = 1e-12
# What is not scored yet counts like what errs this much more than the best.
UNSCORED = 4.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProviderIssue:
    """One forecast as a provider issued it, hour by hour."""

    issued: int  # the hour since 1970 from which on it was known
    first: int  # the hour since 1970 that its first value is of
    grams: Column

    def values(self, hours: Hours) -> Column:
        """What it says of these hours; NaN where nothing."""
        rows = hours - self.first
        said = (rows >= 0) & (rows < len(self.grams))
        return np.where(said, np.append(self.grams, np.nan)[np.where(said, rows, -1)], np.nan)


def corrected(path: Column, recent_errors: Column, fading: Column) -> Column:
    """The provider's path and what is left of its recent errors at each hour ahead.

    `recent_errors` are measured less expected grams of the last measured hours, the newest first;
    NaN where the provider said nothing.
    """
    errors = recent_errors[: len(OFFSET_WEIGHTS)]
    weights = np.where(np.isfinite(errors), OFFSET_WEIGHTS[: len(errors)], 0.0)
    if not weights.any():
        return path
    offset = float(weights @ np.where(np.isfinite(errors), errors, 0.0) / weights.sum())
    left = np.zeros(len(path))
    left[: len(fading)] = fading[: len(path)]
    return np.asarray(np.maximum(path + offset * left, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProviderIssues:
    """What a provider issued, and how many hours after a measured hour its value comes."""

    issues: Sequence[ProviderIssue]
    late: int = 0


def provider_paths(
    known: ProviderIssues, history: HourlyHistory, origins: Hours, fading: Column
) -> Column:
    """What the issue that was newest when each origin was known said, corrected, by hour ahead."""
    ahead = len(fading)
    ordered = sorted(known.issues, key=lambda issue: issue.issued)
    issued = [issue.issued for issue in ordered]
    at = np.searchsorted(issued, history.first + origins + known.late, side="right")
    paths = np.full((len(origins), ahead), np.nan)
    for row, (origin, newest) in enumerate(zip(origins, at, strict=True)):
        if newest:
            issue, hour = ordered[newest - 1], history.first + int(origin)
            back = np.arange(len(OFFSET_WEIGHTS))
            recent = np.where(origin >= back, history.grams[np.maximum(origin - back, 0)], np.nan)
            path = issue.values(hour + 1 + np.arange(ahead))
            paths[row] = corrected(path, recent - issue.values(hour - back), fading)
    return paths


def blended(
    paths: Mapping[str, Column], mean_squares: Mapping[str, tuple[float | None, ...]]
) -> Column:
    """One path of several: each counts by how little it erred lately at that horizon.

    `mean_squares` holds square grams for each of `HORIZONS`, as of the last fourteen days; a model
    that says nothing of an hour (NaN) leaves it to the others. The last axis is hours ahead.
    """
    made = np.stack(list(paths.values()))
    ahead = made.shape[-1]
    squares = np.stack([_by_hour(mean_squares.get(name), ahead) for name in paths])
    return weighed(made, squares.reshape(len(paths), *(1,) * (made.ndim - 2), ahead))


def weighed(made: Column, squares: Column) -> Column:
    """The mean of the first axis, each weighed by how little it erred; NaN: not known."""
    best = np.where(np.isfinite(squares), squares, np.inf).min(axis=0)
    best = np.where(np.isfinite(best), best, 1.0)
    squares = np.maximum(np.where(np.isfinite(squares), squares, UNSCORED * best), LEAST_SQUARE)
    weights = np.where(np.isfinite(made), 1.0 / squares, 0.0)
    total = weights.sum(0)
    mixed = (weights * np.where(np.isfinite(made), made, 0.0)).sum(0)
    return np.where(total > 0, mixed / np.where(total > 0, total, 1.0), np.nan)


def _by_hour(squares: tuple[float | None, ...] | None, ahead: int) -> Column:
    """The figure of each horizon at each of its hours; the last one's beyond it."""
    hours = np.full(ahead, np.nan)
    for (first, _), square in zip(HORIZONS, squares or (), strict=False):
        hours[first - 1 :] = np.nan if square is None else square
    return hours
