"""The regression's life on one grid: fed hour by hour, fitted anew each week."""

import numpy as np

from carbon_scaler.forecasting.hours import DAY, WEEK, Column, HourlyHistory
from carbon_scaler.forecasting.inputs import design
from carbon_scaler.forecasting.levels import NO_LEVELS, Levels
from carbon_scaler.forecasting.regression import Priors, Sums, path

# Seven daily lags and the last day: from here on the prior's coefficients serve.
FIRST_PATH_HOUR = 8 * DAY
FIRST_FIT_HOUR = 11 * DAY
REFIT_HOURS = WEEK


class Learner:
    """What has been learned from the first hours of a history, and the paths issued meanwhile."""

    def __init__(self, priors: Priors) -> None:
        self._priors = priors
        self._sums = Sums(priors.ahead)
        self._coefficients = priors.coefficients
        self._next_fit = FIRST_FIT_HOUR
        self._fitted = 0
        self.levels: Levels = NO_LEVELS

    @property
    def fitted_hours(self) -> int:
        """How many hours of the history the fit that counts now has seen; 0: none but the prior."""
        return self._fitted

    def advance(self, history: HourlyHistory) -> Column:
        """The path from each hour that is new, as it could be issued then: (hours, hours ahead)."""
        known = len(self.levels.day)
        pieces = [np.empty((0, self._priors.ahead))]
        while known < len(history.grams):
            until = min(len(history.grams), self._next_fit)
            grams = history.grams[:until]
            self.levels = self.levels.continued(grams)
            if until == self._next_fit:
                self._fit(grams, history.first)
            pieces.append(self._paths(grams, history.first, known))
            known = until
        return np.concatenate(pieces)

    def _paths(self, grams: Column, first: int, since: int) -> Column:
        """Nothing is expected at an hour that was not measured, nor before there is a profile."""
        origins = np.arange(since, len(grams))
        paths = np.full((len(origins), self._priors.ahead), np.nan)
        issued = (origins + 1 >= FIRST_PATH_HOUR) & np.isfinite(grams[since:])
        if issued.any():
            seen = design(grams, self.levels, first, origins[issued], self._priors.ahead)
            paths[issued] = path(seen, self._coefficients)
        return paths
