"""The regression's life on one grid: fed hour by hour, fitted anew each week."""

from dataclasses import dataclass, replace

import numpy as np

from carbon_scaler.forecasting.hours import DAY, WEEK, Column, HourlyHistory
from carbon_scaler.forecasting.inputs import WIDTH, Design, Hours, design
from carbon_scaler.forecasting.levels import NO_LEVELS, Levels
from carbon_scaler.forecasting.regression import Priors, Sums, path
from carbon_scaler.forecasting.weather import NO_WEATHER, Weather
from carbon_scaler.forecasting.weather_inputs import WEATHER_WIDTH, is_known, weather_rows

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
    with_weather: Column | None = None  # coefficients that know the weather too
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

    def advance(self, history: HourlyHistory, weather: Weather = NO_WEATHER) -> Column:
        """The path from each hour that is new, as it could be issued then: (hours, hours ahead)."""
        known = len(self.levels.day)
        pieces = [np.empty((0, self._priors.ahead))]
        while known < len(history.grams):
            until = min(len(history.grams), self._fit.next)
            past = HourlyHistory(first=history.first, grams=history.grams[:until])
            self.levels = self.levels.continued(past.grams)
            pieces.append(self._paths(past, known, weather))
            if until == self._fit.next:
                self._before, self._fit = self._fit, self._fitted(past, weather)
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

    def _paths(self, past: HourlyHistory, since: int, weather: Weather) -> Column:
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
            paths[issued] = self._issued(past, origins[issued], weather)
        return paths

    def _issued(self, past: HourlyHistory, origins: Hours, weather: Weather) -> Column:
        """An hour whose weather is not known is expected as if weather were unknown everywhere."""
        seen = design(past, self.levels, origins, self._priors.ahead)
        paths = path(seen, self._fit.coefficients)
        if self._fit.with_weather is None or not weather:
            return paths
        rows = weather_rows(weather, past, self.levels, origins, ahead=self._priors.ahead)
        return np.where(is_known(rows).T, path(_with(seen, rows), self._fit.with_weather), paths)

    def _fitted(self, past: HourlyHistory, weather: Weather) -> Fit:
        """Each pair of origin and target counts once, in the week in which its target came."""
        ahead, grams, since = self._priors.ahead, past.grams, self._fit.hours
        oldest = max(FIRST_PATH_HOUR - 1, since - ahead)
        origins = oldest + np.flatnonzero(np.isfinite(grams[oldest:]))
        targets = origins + np.arange(1, ahead + 1)[:, None]
        fresh = (targets >= since) & (targets < len(grams))
        wanted = np.where(fresh, grams[np.minimum(targets, len(grams) - 1)], np.nan)
        seen = design(past, self.levels, origins, ahead)
        if not weather:
            sums = self._fit.sums.copy()
            sums.add(seen, wanted)
            return Fit(sums=sums, coefficients=sums.fitted(self._priors), hours=len(grams))
        rows = weather_rows(weather, past, self.levels, origins, ahead=ahead, learning=True)
        sums = self._fit.sums.copy(WIDTH + WEATHER_WIDTH)
        sums.add(_with(seen, rows), wanted)
        return Fit(
            sums=sums,
            coefficients=sums.fitted(self._priors),
            with_weather=sums.fitted_with_weather(self._priors),
            hours=len(grams),
        )


def _with(seen: Design, rows: Column) -> Design:
    return replace(seen, rows=np.concatenate([seen.rows, rows], axis=-1))
