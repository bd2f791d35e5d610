"""How far paths were from what came, by how many hours ahead they looked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.forecasting.hours import DAY, Column
from carbon_scaler.forecasting.inputs import Hours
from carbon_scaler.forecasting.levels import mean_known

SCORED_HOURS = 14 * DAY
# With fewer days than these a comparison says nothing.
LEAST_DAYS = 7
# One-sided, 95 %: a difference that chance would hardly make.
BEYOND_CHANCE = 1.645
# Errors that differ by less were reached by different sums.
ROUNDING = 1e-9
# First and last hour ahead.
HORIZONS = ((1, 6), (7, 24), (25, 48))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Mean errors of one model over the last days."""

    model: str
    pairs: int  # of a forecast, up to a day ahead, and the value that came
    grams: float  # mean absolute error up to a day ahead
    percent: float  # the same, of the mean of what came
    by_horizon: tuple[float | None, ...]  # grams, for each of HORIZONS; None: nothing to compare


def targets_of(grams: Column, origins: Hours, ahead: int) -> Column:
    """What came: (origins, hours ahead), NaN where it is not known yet."""
    hours = origins[:, None] + np.arange(1, ahead + 1)
    return np.asarray(np.append(grams, np.nan)[np.minimum(hours, len(grams))])


def scored_origins(count: int) -> Hours:
    """Those hours of a history whose forecasts for a day ahead count: of the last fourteen days."""
    last = count - DAY
    return np.arange(max(0, last - SCORED_HOURS), max(0, last))


def errors_of(paths: Column, targets: Column) -> Column:
    """What came less what was expected; NaN where either is not known."""
    return np.asarray(targets - paths)


def accuracy(model: str, errors: Column, targets: Column) -> Accuracy | None:
    """How far `errors` are from none; None where no pair is known."""
    day = errors[:, :DAY]
    known = np.isfinite(day)
    pairs = int(known.sum())
    if not pairs:
        return None
    grams = float(np.abs(day[known]).mean())
    came = float(targets[:, :DAY][known].mean())
    return Accuracy(
        model=model,
        pairs=pairs,
        grams=grams,
        percent=100 * grams / came if came > 0 else 0.0,
        by_horizon=tuple(_mean_size(errors[:, a - 1 : b]) for a, b in HORIZONS),
    )


def losses_of(errors: Column) -> Column:
    """Mean absolute error up to a day ahead by origin; NaN where no pair is known."""
    return mean_known(np.abs(errors[:, :DAY]))


def clearly_worse(losses: Column, yardstick: Column) -> NDArray[np.bool_]:
    """Whether losses (along the last axis) are greater by more than chance would make them."""
    more = losses - yardstick
    mean = mean_known(more)
    spread = np.sqrt(mean_known((more - mean[..., None]) ** 2))
    # The losses of one day's origins are nearly one loss, so it is days that count.
    days = np.isfinite(more).sum(-1) / DAY
    level = mean_known(yardstick)
    threshold = BEYOND_CHANCE * spread / np.sqrt(np.maximum(days, 1)) + ROUNDING * level
    return np.asarray((days >= LEAST_DAYS) & (mean > threshold))


def mean_squares(errors: Column) -> tuple[float | None, ...]:
    """Mean squared error for each of HORIZONS, in square grams; None where no pair is known."""
    return tuple(_mean_size(errors[:, a - 1 : b] ** 2) for a, b in HORIZONS)


def _mean_size(errors: Column) -> float | None:
    known = np.isfinite(errors)
    return float(np.abs(errors[known]).mean()) if known.any() else None
