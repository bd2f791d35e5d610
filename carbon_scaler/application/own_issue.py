"""One forecast of our own, made from one region's past; pure, so that it can be made elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from carbon_scaler.application.forecast_view import accuracy_document, rejected_documents
from carbon_scaler.domain.expected import ExpectedError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.forecasting.choice import YARDSTICKS
from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hours import (
    HOUR_SECONDS,
    Column,
    HourlyHistory,
    hour_of,
    hourly,
    instant_of,
)
from carbon_scaler.forecasting.provider import ProviderIssue
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.forecasting.zone import ZoneForecaster

# What is kept of raw values.
LEARNED_FROM = timedelta(days=90)
# A path that is joined on to these shows where it comes from.
MEASURED_SHOWN_HOURS = 3
# A forecast of nothing would be taken for an implausible value.
LEAST_GRAMS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """All that a forecast is made from: the same lesson gives the same forecast."""

    region: str
    basis: Basis
    now: datetime
    starts: Column  # Unix seconds
    grams: Column
    covered: Column  # seconds
    average: float | None  # g/kWh in a year; None: nobody says
    provider: tuple[ProviderIssue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OwnIssue:
    """A forecast as it is kept: what is expected, what it is joined on to, how such ones fared."""

    region: str
    basis: Basis
    model: str
    issued_at: datetime
    known_until: datetime | None
    measured: tuple[float, ...]  # g/kWh of the hours before the first expected one
    past_hours: int
    first_at: datetime
    grams: Column  # hour by hour from `first_at` on
    lower: Column
    upper: Column
    error: ExpectedError | None
    by_horizon: Mapping[str, float | None]
    against: Mapping[str, Mapping[str, Any]]
    rejected: Sequence[Mapping[str, Any]]


def history_of(lesson: Lesson) -> HourlyHistory:
    """The hours that count as measured."""
    history = hourly(lesson.starts, lesson.grams, lesson.covered)
    return history.until(hour_of(lesson.now) + 1).without_repeated_tail()


def forecaster_of(lesson: Lesson, priors: Priors) -> ZoneForecaster:
    """After its lesson."""
    forecaster = ZoneForecaster(priors, lesson.average)
    forecaster.learn(hourly(lesson.starts, lesson.grams, lesson.covered))
    return forecaster


def issue_of(lesson: Lesson, priors: Priors) -> OwnIssue | None:
    """What is expected; None: nothing is known that it could be made from."""
    forecaster = forecaster_of(lesson, priors)
    forecast = forecaster.issue(lesson.now, lesson.provider)
    if forecast is None:
        return None
    history, score = history_of(lesson), forecast.accuracy
    scores = forecaster.scores()
    return OwnIssue(
        region=lesson.region,
        basis=lesson.basis,
        model=forecast.model,
        issued_at=forecast.issued_at,
        known_until=forecast.known_until,
        measured=_joined_on_to(history, forecast),
        past_hours=int(np.isfinite(history.grams).sum()),
        first_at=instant_of(forecast.starts[0] / HOUR_SECONDS),
        grams=np.maximum(forecast.grams, LEAST_GRAMS),
        lower=np.maximum(forecast.lower, 0.0),
        upper=np.maximum(forecast.upper, LEAST_GRAMS),
        error=None
        if score is None
        else ExpectedError(grams=score.grams, percent=score.percent, compared=score.pairs),
        by_horizon={} if score is None else accuracy_document(score)["by_hours_ahead"],
        against={name: accuracy_document(scores[name]) for name in YARDSTICKS if name in scores},
        rejected=rejected_documents(forecast),
    )


def _joined_on_to(history: HourlyHistory, forecast: Forecast) -> tuple[float, ...]:
    """Nothing, where the first expected hour does not follow the last measured one."""
    if forecast.starts[0] != history.end * HOUR_SECONDS:
        return ()
    last = history.grams[-MEASURED_SHOWN_HOURS:]
    first = int(np.argmax(np.isfinite(last)))
    return tuple(float(grams) for grams in last[first:])
