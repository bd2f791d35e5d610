"""What other grids teach: pooled normal equations, fading offsets and the spread of errors."""

from collections.abc import Iterable

import numpy as np

from carbon_scaler.forecasting.hours import Column, HourlyHistory
from carbon_scaler.forecasting.inputs import INTERCEPT, SHARED, WIDTH, Design, design
from carbon_scaler.forecasting.learner import FIRST_PATH_HOUR
from carbon_scaler.forecasting.levels import NO_LEVELS, Levels
from carbon_scaler.forecasting.regression import Priors, Sums, path

AHEAD = 51  # two days, and three hours that may be measured late
CHUNK = 500
# Against columns that say nearly the same; a thousandth of what the data say.
STABILISER = 1e-3


class Pooled:
    """One grid's sums beside those of the offset, made once and added up."""

    def __init__(self, history: HourlyHistory, ahead: int = AHEAD) -> None:
        self.history = history
        self.levels: Levels = NO_LEVELS.continued(history.grams)
        self.ahead = ahead
        self.sums = Sums(ahead)
        self.counts = np.zeros(ahead)
        self.offset_squares = np.zeros(ahead)
        self.offset_products = np.zeros(ahead)
        for origins in self._pieces():
            self._add(origins)

    def _pieces(self) -> list[Column]:
        hours = np.arange(FIRST_PATH_HOUR, len(self.history.grams))
        known = hours[np.isfinite(self.history.grams[hours])]
        return [known[row : row + CHUNK] for row in range(0, len(known), CHUNK)]

    def _seen(self, origins: Column) -> tuple[Design, Column]:
        grams = self.history.grams
        seen = design(self.history, self.levels, origins, self.ahead)
        targets = origins + np.arange(1, self.ahead + 1)[:, None]
        wanted = np.append(grams, np.nan)[np.minimum(targets, len(grams))]
        return seen, wanted

    def _add(self, origins: Column) -> None:
        seen, targets = self._seen(origins)
        self.sums.add(seen, targets)
        above = Sums.wanted(seen, targets)
        known = np.isfinite(above)
        offset = np.where(known, self.levels.offset[origins] / seen.scale, 0.0)
        self.counts += known.sum(1)
        self.offset_squares += (offset**2).sum(1)
        self.offset_products += (offset * np.where(known, above, 0.0)).sum(1)

    def shared(self) -> tuple[Column, Column]:
        """Normal equations of the shared inputs, once the grid's own have explained theirs."""
        squares, products = self.sums.squares, self.sums.products
        own = squares[:, SHARED:, SHARED:] + 1e-6 * np.eye(WIDTH - SHARED)
        mixed = squares[:, :SHARED, SHARED:]
        taken = mixed @ np.linalg.inv(own)
        left = squares[:, :SHARED, :SHARED] - taken @ mixed.transpose(0, 2, 1)
        right = products[:, :SHARED] - (taken @ products[:, SHARED:, None])[:, :, 0]
        return left, right

    def plain(self) -> tuple[Column, Column]:
        """The same as if the grid had no inputs of its own."""
        return self.sums.squares[:, :SHARED, :SHARED], self.sums.products[:, :SHARED]

    def errors(self, coefficients: Column) -> Column:
        """(hours ahead, origins), as multiples of the scale."""
        pieces = []
        for origins in self._pieces():
            seen, targets = self._seen(origins)
            pieces.append((targets - path(seen, coefficients).T) / seen.scale)
        return np.concatenate(pieces, axis=1)


def learned(grids: list[Pooled], *, partial: bool = True, spread: bool = True) -> Priors:
    """The priors that these grids teach; each counts by its hours."""
    equations = [grid.shared() if partial else grid.plain() for grid in grids]
    left = sum(squares for squares, _ in equations)
    right = sum(products for _, products in equations)
    counts = sum(grid.counts for grid in grids)
    mean_squares = (
        sum(np.diagonal(g.sums.squares, axis1=1, axis2=2) for g in grids) / counts[:, None]
    )
    diagonal = np.arange(SHARED)
    left[:, diagonal, diagonal] += STABILISER * counts[:, None] * mean_squares[:, :SHARED]
    coefficients = np.zeros((len(counts), WIDTH))
    coefficients[:, :SHARED] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    mean_squares[:, INTERCEPT] = 1.0
    fading = sum(g.offset_products for g in grids) / sum(g.offset_squares for g in grids)
    lower = upper = np.zeros(len(counts))
    if spread:
        errors = np.concatenate([grid.errors(coefficients) for grid in grids], axis=1)
        lower, upper = np.nanquantile(errors, [0.1, 0.9], axis=1)
    return Priors(
        coefficients=coefficients,
        mean_squares=mean_squares,
        fading=fading,
        lower=lower,
        upper=upper,
    )


def pooled(histories: Iterable[HourlyHistory], ahead: int = AHEAD) -> list[Pooled]:
    """The sums of each grid."""
    return [Pooled(history, ahead) for history in histories]
