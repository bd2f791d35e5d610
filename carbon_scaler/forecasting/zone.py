"""The forecaster of one zone: fed its history, asked for what comes."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from carbon_scaler.forecasting.accuracy import (
    Accuracy,
    accuracy,
    errors_of,
    losses_of,
    scored_origins,
    targets_of,
)
from carbon_scaler.forecasting.choice import Scored, chosen
from carbon_scaler.forecasting.forecast import (
    STATIC_AVERAGE,
    Forecast,
)
from carbon_scaler.forecasting.hours import (
    DAY,
    EMPTY,
    HOUR_SECONDS,
    Column,
    HourlyHistory,
    hour_of,
)
from carbon_scaler.forecasting.inputs import Hours
from carbon_scaler.forecasting.intervals import ERROR_HOURS, alike, bounds, equally_told
from carbon_scaler.forecasting.learner import Learner
from carbon_scaler.forecasting.levels import SCALE_HOURS
from carbon_scaler.forecasting.mix import Mix, mix_of
from carbon_scaler.forecasting.models import Models
from carbon_scaler.forecasting.provider import ProviderIssue, ProviderIssues
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.forecasting.weather import NO_WEATHER, WeatherForecast

# How far a grid is taken to swing, as a share of its level, before its own swings are known.
UNKNOWN_SCALE = 0.2
SCALE_KNOWN_HOURS = 2 * DAY


class ZoneForecaster:
    """What it answers follows from its history alone, however that came: at once or by the hour."""

    def __init__(self, priors: Priors, average: float | None = None) -> None:
        self._priors = priors
        self._average = average
        self._given = EMPTY
        self._history = EMPTY
        self._weather = NO_WEATHER
        self._learner = Learner(priors)
        self._paths: Column = np.empty((0, priors.ahead))

    @property
    def known_until(self) -> datetime | None:
        """Where the last hour that counts as measured ends."""
        return self._history.known_until if len(self._history.grams) else None

    def learn(self, newer: HourlyHistory, weather: Iterable[WeatherForecast] = ()) -> None:
        """Take up hours that are new, or were revised, and what was forecast of the weather.

        What weather was forecast counts from the hour on that it was issued in.
        """
        self._given = self._given.joined(newer)
        history = self._given.until(self._given.end).without_repeated_tail()
        known = self._weather.joined(weather)
        self._rewind(self._kept(history, self._weather.first_change(known)))
        self._history, self._weather = history, known
        paths = np.concatenate([self._paths, self._learner.advance(history, known)])
        self._paths = paths[-(ERROR_HOURS + self._priors.ahead) :].copy()

    def issue(self, now: datetime, provider: Sequence[ProviderIssue] = ()) -> Forecast | None:
        """What is expected of the hours after the last measured one; None: nothing is known.

        Hours that begin after `now` are taken for unknown. What a provider issued in the last
        weeks is scored, corrected and blended in.
        """
        begun = hour_of(now) + 1
        if self._history.end > begun:
            return self._as_of(begun).issue(now, provider)
        if not len(self._history.grams) or begun - self._history.end >= self._priors.ahead:
            return self._static(now, begun)
        return self._issued(now, self._models(provider, late=begun - self._history.end))

    def scores(self) -> dict[str, Accuracy]:
        """How each model fared over the last days; one without a pair to compare is not there."""
        return {model: one.accuracy for model, one in self._scored(self._models()).items()}

    def _kept(self, history: HourlyHistory, weather_changed: int | None) -> int | None:
        """How many hours of what was learned still stand; None: none can be kept."""
        kept = _first_difference(self._history, history)
        if kept is None or weather_changed is None:
            return kept
        return min(kept, max(0, weather_changed - self._history.first))

    def _rewind(self, kept: int | None) -> None:
        """Forget what was made of hours that are different now; None: of all."""
        forgotten = None if kept is None else len(self._history.grams) - kept
        if forgotten == 0:
            return
        if forgotten is None or kept is None or not self._learner.rewind(kept):
            self._learner, self._paths = Learner(self._priors), self._paths[:0]
            return
        self._paths = self._paths[: max(0, len(self._paths) - forgotten)]

    def _as_of(self, end: int) -> "ZoneForecaster":
        earlier = ZoneForecaster(self._priors, self._average)
        earlier.learn(self._given.until(end), self._weather.until(end).issues)
        return earlier

    def _static(self, now: datetime, first: int) -> Forecast | None:
        """The yearly average, from the hour after `now` on."""
        if self._average is None:
            return None
        path = np.full(self._priors.ahead, self._average)
        lower, upper = self._bounds(path, np.empty((0, self._priors.ahead)), self._average)
        return Forecast(
            starts=_starts(first - 1, self._priors.ahead),
            grams=path,
            lower=lower,
            upper=upper,
            model=STATIC_AVERAGE,
            issued_at=now,
            known_until=self.known_until,
        )

    def _issued(self, now: datetime, models: Models) -> Forecast:
        paths = {name: made[0] for name, made in models.paths(self._last()).items()}
        available = [name for name, path in paths.items() if np.isfinite(path).all()]
        own, rejected = chosen(available, self._scored(models))
        scored = self._scored_origins()
        mix = mix_of(own, paths, models.errors(scored))
        path = mix.path(paths)
        lower, upper = self._bounds(path, self._scaled_errors(models, mix), self._average)
        return Forecast(
            starts=_starts(self._history.end, len(path)),
            grams=path,
            lower=lower,
            upper=upper,
            model=mix.name,
            issued_at=now,
            known_until=self.known_until,
            accuracy=self._accuracy(models, mix, scored),
            rejected=rejected,
        )

    def _last(self) -> Hours:
        return np.array([len(self._history.grams) - 1])

    def _models(self, provider: Sequence[ProviderIssue] = (), *, late: int = 0) -> Models:
        return Models(
            history=self._history,
            levels=self._learner.levels,
            regression=self._paths,
            fading=self._priors.fading,
            average=self._average,
            provider=ProviderIssues(issues=provider, late=late) if provider else None,
        )

    def _scored_origins(self) -> Hours:
        origins = scored_origins(len(self._history.grams))
        return origins[origins >= len(self._history.grams) - len(self._paths)]

    def _accuracy(self, models: Models, mix: Mix, origins: Hours) -> Accuracy | None:
        targets = targets_of(self._history.grams, origins, self._priors.ahead)
        known = np.isfinite(models.errors(origins)[mix.own])
        errors = np.where(known, errors_of(mix.path(models.paths(origins)), targets), np.nan)
        return accuracy(mix.name, errors, targets)

    def _scored(self, models: Models) -> dict[str, Scored]:
        origins = self._scored_origins()
        targets = targets_of(self._history.grams, origins, self._priors.ahead)
        scored: dict[str, Scored] = {}
        for model, errors in models.errors(origins).items():
            score = accuracy(model, errors, targets)
            if score is not None:
                scored[model] = Scored(accuracy=score, losses=losses_of(errors))
        return scored

    def _scaled_errors(self, models: Models, mix: Mix) -> Column:
        """Of forecasts issued at about this time of day in the last weeks."""
        count = len(self._history.grams)
        past = np.arange(max(0, count - 1 - ERROR_HOURS, count - len(self._paths)), count - 1)
        origins = alike(past, count - 1)
        targets = targets_of(self._history.grams, origins, self._priors.ahead)
        scale = self._learner.levels.scale[origins]
        per = np.where(scale > 0, 1.0 / np.where(scale > 0, scale, 1.0), np.nan)
        errors = errors_of(mix.path(models.paths(origins)), targets) * per[:, None]
        if not self._weather:
            return errors
        hours = self._history.first + np.append(origins, count - 1)
        return equally_told(errors, self._weather.is_known(hours, self._priors.ahead))

    def _bounds(self, path: Column, errors: Column, average: float | None) -> tuple[Column, Column]:
        recent = self._history.grams[-SCALE_HOURS:]
        known = recent[np.isfinite(recent)]
        scale = float(self._learner.levels.scale[-1]) if len(known) else 0.0
        if len(known) < SCALE_KNOWN_HOURS:
            level = float(known.mean()) if len(known) else average or 0.0
            scale = max(scale, UNKNOWN_SCALE * level)
        return bounds(path, scale, errors, self._priors)


def _first_difference(before: HourlyHistory, after: HourlyHistory) -> int | None:
    """How many hours of `before` still stand as they were; None: none can be kept."""
    if not len(before.grams):
        return 0
    if before.first != after.first:
        return None
    common = min(len(before.grams), len(after.grams))
    old, new = before.grams[:common], after.grams[:common]
    differs = np.flatnonzero((old != new) & ~(np.isnan(old) & np.isnan(new)))
    return int(differs[0]) if len(differs) else common


def _starts(first: int, count: int) -> Column:
    return np.arange(first, first + count, dtype=np.float64) * HOUR_SECONDS
