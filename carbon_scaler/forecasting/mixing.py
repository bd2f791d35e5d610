"""Own paths and a provider's mixed for every hour of a history: the same answers, all at once."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.forecasting.accuracy import HORIZONS, SCORED_HOURS
from carbon_scaler.forecasting.choice import JUDGED
from carbon_scaler.forecasting.forecast import PROVIDER
from carbon_scaler.forecasting.hours import DAY, Column
from carbon_scaler.forecasting.mix import LEAST_PAIRS
from carbon_scaler.forecasting.provider import weighed

Names = NDArray[np.str_]


def mixed(own: Column, provided: Column, names: Names, errors: Mapping[str, Column]) -> Column:
    """As `mix.mix_of` has it for one hour; a row per hour, and `names` are the own models.

    `errors` are those of all hours by model, known only where those of all models are.
    """
    scored = {name: _Scores(errors[name]) for name in (*np.unique(names[names != ""]), PROVIDER)}
    theirs = scored[PROVIDER].mean_squares()
    ours = np.full(theirs.shape, np.nan)
    for name, scores in scored.items():
        rows = names == name
        ours[rows] = scores.mean_squares()[rows]
    blended = weighed(np.stack([own, provided]), np.stack([ours, theirs]))
    is_judged = np.isin(names, JUDGED)
    alone = np.where(np.isfinite(provided) & ~is_judged[:, None], provided, own)
    enough = scored[PROVIDER].pairs_of_a_day() >= LEAST_PAIRS
    says = np.isfinite(provided).any(axis=1)
    return np.where((enough & says)[:, None], blended, alone)


class _Scores:
    """Square errors of one model, by hour of issue and hours ahead, as they were known."""

    def __init__(self, errors: Column) -> None:
        known = np.isfinite(errors)
        self._squares = _summed(np.where(known, errors, 0.0) ** 2)
        self._pairs = _summed(known.astype(np.float64))

    def mean_squares(self) -> Column:
        """Of the fortnight that was known at each hour: (hours, hours ahead)."""
        squares, pairs = self._squares, self._pairs
        found = np.full(squares.shape, np.nan)
        for first, last in HORIZONS:
            span = slice(first - 1, last)
            count = pairs[:, span].sum(axis=1)
            total = squares[:, span].sum(axis=1)
            mean = np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
            # The figure of the last horizon counts beyond it too.
            found[:, first - 1 :] = mean[:, None]
        return found

    def pairs_of_a_day(self) -> Column:
        """How many forecasts for up to a day ahead are compared at each hour."""
        pairs: Column = self._pairs[:, :DAY].sum(axis=1)
        return pairs


def _summed(values: Column) -> Column:
    """Over the issues that count at each hour, as far as what came was known then."""
    count, ahead = values.shape
    sums = np.concatenate([np.zeros((1, ahead)), np.cumsum(values, axis=0)])
    hours = np.arange(count)[:, None]
    columns = np.arange(ahead)[None, :]
    until = np.clip(hours + 1 - np.maximum(columns + 1, DAY), 0, count)
    since = np.clip(hours + 1 - DAY - SCORED_HOURS, 0, count)
    found: Column = sums[np.maximum(until, since), columns] - sums[since, columns]
    return found
