"""When jobs start that wait for as long as a forecast says that it pays."""

from dataclasses import dataclass

import numpy as np

from carbon_scaler.decisions.waiting import Costs, bar_at, pays_from, turns_at
from carbon_scaler.domain.snapshot import HOUR_SECONDS, Column
from carbon_scaler.forecasting.hindcast import hindcast
from carbon_scaler.forecasting.hours import hourly
from carbon_scaler.forecasting.regression import Priors
from carbon_scaler.simulation.history import History

# How many jobs are asked about at once: each takes a path of two days.
AT_ONCE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expected:
    """For each hour: the hours from it on, as they were expected once it had begun."""

    begins: float  # of the first hour, Unix seconds
    paths: Column  # (hours, hours from the present one on); NaN where nothing was known

    def at(self, instants: Column) -> tuple[Column, Column]:
        """The path that was known at each instant, and how much of its first hour was over."""
        hours = (instants - self.begins) / HOUR_SECONDS
        whole = np.floor(hours).astype(np.intp)
        return self.paths[whole], instants - (self.begins + whole * HOUR_SECONDS)


def expected_of(history: History, priors: Priors, lag: float, ahead: float) -> Expected:
    """What the forecaster would have said at each hour, for `ahead` seconds from then on.

    Values are known `lag` seconds after their interval began; of an hour of several intervals
    only the last tells its mean.
    """
    late = int(np.ceil((lag + max(0.0, HOUR_SECONDS - history.step)) / HOUR_SECONDS))
    wanted = min(priors.ahead, int(np.ceil(ahead / HOUR_SECONDS)) + 1 + late)
    starts: Column = history.begins + history.step * np.arange(
        len(history.grams_per_kwh), dtype=np.float64
    )
    lasts = np.full(len(starts), history.step)
    measured = hourly(starts, history.grams_per_kwh, lasts)
    said = hindcast(measured, priors.up_to(wanted))
    joined = np.concatenate([measured.grams[:, None], said.paths], axis=1)[:, late:]
    unknown = np.full((late, joined.shape[1]), np.nan)
    paths = np.concatenate([unknown, joined])[: len(joined)]
    return Expected(begins=measured.first * float(HOUR_SECONDS), paths=paths)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """Jobs that may wait, a column per attribute; all in seconds."""

    submitted: Column
    latest: Column
    durations: Column


def planned_starts(
    jobs: Waiting, expected: Expected, poll: float, *, min_savings_percent: float
) -> Column:
    """Polled from the submission on: the first poll at which waiting pays no more."""
    started = jobs.latest.copy()
    for first in range(0, len(started), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        chosen = Waiting(
            submitted=jobs.submitted[part],
            latest=jobs.latest[part],
            durations=jobs.durations[part],
        )
        started[part] = _started(chosen, expected, poll, min_savings_percent)
    return started


def _started(jobs: Waiting, expected: Expected, poll: float, min_savings_percent: float) -> Column:
    started, asked = jobs.latest.copy(), jobs.submitted.copy()
    left = np.flatnonzero(asked < jobs.latest)
    while len(left):
        paths, begun = expected.at(asked[left])
        costs = Costs.of(paths, jobs.durations[left])
        latest = begun + jobs.latest[left] - asked[left]
        bar = bar_at(costs, begun, min_savings_percent=min_savings_percent)
        waits = pays_from(costs, begun, bar) < latest
        turns = turns_at(costs, begun, latest, min_savings_percent=min_savings_percent) - begun
        started[left[~waits]] = asked[left[~waits]]
        left = left[waits]
        asked[left] = _next_polls(jobs.submitted[left], asked[left], turns[waits], poll)
        left = left[asked[left] < jobs.latest[left]]
    return started


def _next_polls(submitted: Column, asked: Column, turns: Column, poll: float) -> Column:
    """The first poll at which another answer may come."""
    hours = HOUR_SECONDS - asked % HOUR_SECONDS  # then another path is there
    edges = asked + np.minimum(turns, hours)
    polls: Column = submitted + np.ceil((edges - submitted) / poll) * poll
    return np.maximum(polls, asked + poll)
