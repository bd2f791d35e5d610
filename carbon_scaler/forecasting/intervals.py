"""Between which bounds eight of ten values come."""

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.forecasting.hours import DAY, Column
from carbon_scaler.forecasting.inputs import Hours
from carbon_scaler.forecasting.regression import Priors

COVERED = 0.8
ERROR_HOURS = 60 * DAY
# Errors of forecasts issued at about the same time of day: noon errs otherwise than night.
HOURS_BESIDE = 2
# Before this the errors of other grids, as multiples of the scale, say more than a grid's own.
LEAST_DAYS = 14


def alike(origins: Hours, origin: int) -> Hours:
    """Those origins whose errors tell of a forecast issued at this one."""
    apart = np.abs((origins - origin + DAY // 2) % DAY - DAY // 2)
    return np.asarray(origins[apart <= HOURS_BESIDE])


def equally_told(errors: Column, told: NDArray[np.bool_]) -> Column:
    """Those errors of forecasts that knew the weather of the hour as the last does, where enough.

    `told` has a row for each of the `errors` and one for the forecast that bounds are wanted of.
    """
    same = told[:-1] == told[-1]
    enough = _days(np.isfinite(errors) & same) >= LEAST_DAYS
    return np.where(same | ~enough, errors, np.nan)


def bounds(
    path: Column, scale: float, scaled_errors: Column, priors: Priors
) -> tuple[Column, Column]:
    """Lower and upper grams of one path; `scaled_errors` are (origins alike, hours ahead)."""
    lower, upper = _quantiles(scaled_errors, priors, len(path))
    return np.maximum(path + scale * lower, 0.0), np.maximum(path + scale * upper, 0.0)


def _quantiles(errors: Column, priors: Priors, ahead: int) -> tuple[Column, Column]:
    lower, upper = priors.lower[:ahead].copy(), priors.upper[:ahead].copy()
    days = _days(np.isfinite(errors))
    for column in np.flatnonzero(days >= LEAST_DAYS):
        known = errors[np.isfinite(errors[:, column]), column]
        outside = max(0.0, (1 - COVERED) / 2 - (1 + COVERED) / 2 / days[column])
        lower[column], upper[column] = np.quantile(known, [outside, 1 - outside])
    # A skewed past may put both bounds on one side of the path.
    return np.minimum(lower, 0.0), np.maximum(upper, 0.0)


def _days(known: NDArray[np.bool_]) -> Column:
    """The errors of one day are nearly one error, so it is days that count."""
    return np.asarray(known.sum(0) / (2 * HOURS_BESIDE + 1))
