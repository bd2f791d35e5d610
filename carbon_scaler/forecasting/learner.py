"""The regression's life on one grid: fed hour by hour, fitted anew each week."""

from dataclasses import dataclass

import numpy as np

from carbon_scaler.forecasting.hours import DAY, WEEK, Column, HourlyHistory
from carbon_scaler.forecasting.inputs import design
from carbon_scaler.forecasting.levels import NO_LEVELS, Levels
from carbon_scaler.forecasting.regression import Priors, Sums, path

# Seven daily lags and the last day: from here on the prior's coefficients serve.
FIRST_PATH_HOUR = 8 * DAY
FIRST_FIT_HOUR = 11 * DAY
# Of the hours up to the present that the inputs look back on.
LEAST_KNOWN_HOURS = FIRST_PATH_HOUR // 2
REFIT_HOURS = WEEK


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """What the first `hours` of a history have taught; 0: none but the prior."""

    sums: Sums
    coefficients: Column
    hours: int = 0

    @property
    def next(self) -> int:
        """After how many hours the next fit is due."""
        return self.hours + REFIT_HOURS if self.hours else FIRST_FIT_HOUR


class Learner:
    """What has been learned from the first hours of a history, and the paths issued meanwhile."""

    def __init__(self, priors: Priors) -> None:
        self._priors = priors
        self._fit = Fit(sums=Sums(priors.ahead), coefficients=priors.coefficients)
        # Providers revise the hours of the last days: those must not cost a year's sums.
        self._before = self._fit
        self.levels: Levels = NO_LEVELS

    def advance(self, history: HourlyHistory) -> Column:
        """The path from each hour that is new, as it could be issued then: (hours, hours ahead)."""
        known = len(self.levels.day)
        pieces = [np.empty((0, self._priors.ahead))]
        while known < len(history.grams):
            until = min(len(history.grams), self._fit.next)
            past = HourlyHistory(first=history.first, grams=history.grams[:until])
            self.levels = self.levels.continued(past.grams)
            pieces.append(self._paths(past, known))
            if until == self._fit.next:
                self._before, self._fit = self._fit, self._fitted(past)
            known = until
        return np.concatenate(pieces)

    def rewind(self, kept: int) -> bool:
        """Forget all but the first `kept` hours; False: those are needed that fits have seen."""
        if kept < self._fit.hours:
            if kept < self._before.hours:
                return False
            self._fit = self._before
        self.levels = self.levels.until(kept)
        return True

    def _paths(self, past: HourlyHistory, since: int) -> Column:
        """Nothing is expected at an hour that was not measured, nor where too few before it were."""
        origins = np.arange(since, len(past.grams))
        paths = np.full((len(origins), self._priors.ahead), np.nan)
        known = np.isfinite(past.grams)
        counts = (
            np.cumsum(known) - np.cumsum(np.append(np.zeros(FIRST_PATH_HOUR), known))[: len(known)]
        )
        enough = (origins + 1 >= FIRST_PATH_HOUR) & (counts[since:] >= LEAST_KNOWN_HOURS)
        issued = enough & known[since:]
        if issued.any():
            seen = design(past, self.levels, origins[issued], self._priors.ahead)
            paths[issued] = path(seen, self._fit.coefficients)
        return paths

    def _fitted(self, past: HourlyHistory) -> Fit:
        """Each pair of origin and target counts once, in the week in which its target came."""
        ahead, grams, since = self._priors.ahead, past.grams, self._fit.hours
        oldest = max(FIRST_PATH_HOUR - 1, since - ahead)
        origins = oldest + np.flatnonzero(np.isfinite(grams[oldest:]))
        targets = origins + np.arange(1, ahead + 1)[:, None]
        fresh = (targets >= since) & (targets < len(grams))
        wanted = np.where(fresh, grams[np.minimum(targets, len(grams) - 1)], np.nan)
        sums = self._fit.sums.copy()
        sums.add(design(past, self.levels, origins, ahead), wanted)
        return Fit(sums=sums, coefficients=sums.fitted(self._priors), hours=len(grams))
