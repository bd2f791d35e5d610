"""What would have been issued at each hour of a history: the same answers, all at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from carbon_scaler.forecasting.accuracy import SCORED_HOURS, clearly_worse
from carbon_scaler.forecasting.choice import JUDGED, UNJUDGED, YARDSTICKS
from carbon_scaler.forecasting.forecast import PERSISTENCE, PROVIDER
from carbon_scaler.forecasting.hours import DAY, Column, HourlyHistory
from carbon_scaler.forecasting.learner import Learner
from carbon_scaler.forecasting.levels import mean_known
from carbon_scaler.forecasting.mixing import mixed
from carbon_scaler.forecasting.models import Models
from carbon_scaler.forecasting.provider import ProviderIssues
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.forecasting.weather import NO_WEATHER, WeatherForecast

NAME = np.dtype("<U16")  # the longest name of a model has fourteen letters


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hindcast:
    """One row per hour of the history: what was expected once that hour was measured."""

    paths: Column  # (hours, hours ahead), grams; NaN where the hour was not measured
    models: tuple[str, ...]  # empty where the hour was not measured


def hindcast(
    history: HourlyHistory,
    priors: Priors,
    average: float | None = None,
    weather: Iterable[WeatherForecast] = (),
    *,
    provider: ProviderIssues | None = None,
) -> Hindcast:
    """Each row depends alone on the history and on what was issued by then: weather, a provider's.

    `models` are the own ones, also where the provider's path is mixed in.
    """
    learner = Learner(priors)
    regression = learner.advance(history, NO_WEATHER.joined(weather))
    models = Models(
        history=history,
        levels=learner.levels,
        regression=regression,
        fading=priors.fading,
        average=average,
        provider=provider,
    )
    hours = np.arange(len(history.grams))
    paths = models.paths(hours)
    names = _names(paths, _windows(models.losses(hours)))
    known = np.isfinite(history.grams)
    chosen = np.full((len(hours), priors.ahead), np.nan)
    for name, path in paths.items():
        rows = known & (names == name)
        chosen[rows] = path[rows]
    if provider is not None:
        names = np.where(known, names, "")
        chosen = mixed(chosen, paths[PROVIDER], names, models.errors(hours))
        chosen[~known] = np.nan
    return Hindcast(
        paths=chosen,
        models=tuple(
            str(name) if measured else "" for name, measured in zip(names, known, strict=True)
        ),
    )


def _windows(losses: Mapping[str, Column]) -> dict[str, Column]:
    """The losses that were known at each hour, of the last fourteen days."""
    before = np.full(SCORED_HOURS + DAY - 1, np.nan)
    return {
        name: sliding_window_view(np.concatenate([before, loss])[:-DAY], SCORED_HOURS)
        for name, loss in losses.items()
    }


def _names(paths: Mapping[str, Column], losses: Mapping[str, Column]) -> NDArray[np.str_]:
    """The model of each hour, as `choice.chosen` has it for one."""
    there = {name: np.asarray(np.isfinite(path).all(axis=1)) for name, path in paths.items()}
    names = np.full(paths[PERSISTENCE].shape[:1], "", dtype=NAME)
    for name in reversed([name for name in UNJUDGED if name in paths]):
        names[there[name]] = name
    judged_below = np.zeros(len(names), dtype=bool)
    for model in reversed(JUDGED):
        best = _best(losses, model)
        stands_in = there[model] & (best != "") & ~judged_below
        for name in YARDSTICKS:
            names[stands_in & (best == name) & there[name]] = name
        names[there[model] & (best == "")] = model
        judged_below |= there[model]
    return names


def _best(losses: Mapping[str, Column], model: str) -> NDArray[np.str_]:
    """The best yardstick that the model was clearly worse than at each hour; empty: none."""
    worse = np.stack([clearly_worse(losses[model], losses[name]) for name in YARDSTICKS])
    means = np.stack([mean_known(losses[name]) for name in YARDSTICKS])
    best = np.where(worse, means, np.inf).argmin(0)
    return np.where(worse.any(0), np.array(YARDSTICKS, dtype=NAME)[best], "")
