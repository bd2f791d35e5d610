"""One ridge regression per hour ahead, drawn towards what other grids have taught."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.inputs import CLIPPED_AT, INTERCEPT, WIDTH, Design

# How many hours of own history the prior weighs.
PRIOR_HOURS = 500.0
PRIOR_HOURS_OF_INTERCEPT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Priors:
    """What other grids have taught; one row per hour ahead."""

    coefficients: Column  # (hours ahead, WIDTH); zero for what is a grid's own
    mean_squares: Column  # (hours ahead, WIDTH) of the inputs
    fading: Column  # (hours ahead,) how much of the present offset is left
    lower: Column  # (hours ahead,) the 10 % quantile of the errors, as multiples of the scale
    upper: Column  # (hours ahead,) the 90 % quantile

    @property
    def ahead(self) -> int:
        """For how many hours ahead there are coefficients."""
        return len(self.fading)

    def up_to(self, ahead: int) -> Self:
        """Those of the first hours ahead: less to compute, where nobody looks further."""
        return type(self)(
            coefficients=self.coefficients[:ahead],
            mean_squares=self.mean_squares[:ahead],
            fading=self.fading[:ahead],
            lower=self.lower[:ahead],
            upper=self.upper[:ahead],
        )


class Sums:
    """The normal equations of every hour ahead, which new hours are added to."""

    def __init__(self, ahead: int, width: int = WIDTH) -> None:
        self.squares = np.zeros((ahead, width, width))
        self.products = np.zeros((ahead, width))

    def add(self, seen: Design, targets: Column) -> None:
        """Count the rows whose target is known: (hours ahead, origins), NaN where it is not."""
        wanted = self.wanted(seen, targets)
        counts = np.isfinite(wanted)
        rows = seen.rows * counts[:, :, None]
        columns = rows.transpose(0, 2, 1)
        self.squares += columns @ rows
        self.products += (columns @ np.where(counts, wanted, 0.0)[:, :, None])[:, :, 0]

    def copy(self, width: int = 0) -> Self:
        """The same, to go on by itself; a greater width has room for inputs unseen so far."""
        ahead, seen = self.products.shape
        other = type(self)(ahead, max(seen, width))
        other.squares[:, :seen, :seen] = self.squares
        other.products[:, :seen] = self.products
        return other

    @staticmethod
    def wanted(seen: Design, targets: Column) -> Column:
        """How far the targets stand above the profile, as multiples of the scale."""
        scale = np.where(seen.scale > 0, seen.scale, np.nan)
        return np.clip((targets - seen.profile) / scale, -CLIPPED_AT, CLIPPED_AT)

    def fitted(self, priors: Priors) -> Column:
        """The coefficients that explain the past best without leaving the prior for nothing."""
        return self._solved(_weights(priors), priors.coefficients)

    def fitted_with_weather(self, priors: Priors) -> Column:
        """The same with the inputs beyond WIDTH, whose prior is 0: other grids say nothing of them.

        Each is held by its own mean square where it was known, so that its unit does not matter.
        """
        squares = np.diagonal(self.squares, axis1=1, axis2=2)[:, WIDTH:]
        means = squares / np.maximum(squares[:, -1:], 1.0)
        weights = np.concatenate(
            [_weights(priors), PRIOR_HOURS * np.where(means > 0, means, 1.0)], 1
        )
        none = np.zeros(means.shape)
        return self._solved(weights, np.concatenate([priors.coefficients, none], axis=1))

    def _solved(self, weights: Column, prior: Column) -> Column:
        """Of the first inputs alone, where `weights` has fewer than there are."""
        width = weights.shape[1]
        left = self.squares[:, :width, :width].copy()
        diagonal = np.arange(width)
        left[:, diagonal, diagonal] += weights
        right = self.products[:, :width] + weights * prior
        return np.asarray(np.linalg.solve(left, right[:, :, None])[:, :, 0])


def _weights(priors: Priors) -> Column:
    weights = PRIOR_HOURS * priors.mean_squares
    weights[:, INTERCEPT] = PRIOR_HOURS_OF_INTERCEPT
    return weights


def path(seen: Design, coefficients: Column) -> Column:
    """The expected grams: (origins, hours ahead), never negative; NaN without a profile."""
    above = (seen.rows @ coefficients[:, :, None])[:, :, 0]
    return np.asarray(np.maximum(seen.profile + seen.scale * above, 0.0).T)
