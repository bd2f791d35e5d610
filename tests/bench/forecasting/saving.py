"""What a planner saves on a recorded year, against perfect foresight: every quarter of an hour a
job of each class and duration arrives, so no draw of jobs blurs the figure."""

from dataclasses import dataclass

import numpy as np

from carbon_scaler.forecasting.hours import Column

# Share of the jobs and how many minutes they may wait.
MIX = ((0.1, 0), (0.4, 60), (0.5, 720))
DURATIONS = (60, 120, 240)
ARRIVALS = (0, 15, 30, 45)  # minutes past the hour
MOST_HOURS = 17  # twelve of waiting, four of running, and the one begun


@dataclass(frozen=True)
class Saved:
    """Sums of mean intensities over the runs."""

    at_once: float
    planned: float
    best: float

    @property
    def saving(self) -> float:
        return 1 - self.planned / self.at_once

    @property
    def possible(self) -> float:
        return 1 - self.best / self.at_once

    @property
    def share(self) -> float:
        return self.saving / self.possible if self.possible > 5e-4 else float("nan")


def saved(grams: Column, seen: Column, first: int) -> Saved:
    """`seen[t]` is what hour t and those after it are taken for in hour t; jobs arrive from hour
    `first` on."""
    hours = np.arange(first, len(grams) - MOST_HOURS - 1)
    truth = grams[hours[:, None] + np.arange(MOST_HOURS + 1)]
    at_once = planned = best = 0.0
    for share, slack in MIX:
        for duration in DURATIONS:
            for minute in ARRIVALS:
                costs = _costs(truth, minute, slack, duration)
                chosen = _chosen(seen, hours, (minute, slack, duration))
                picked = np.take_along_axis(costs, chosen[:, None], 1)[:, 0]
                at_once += share * costs[:, 0].sum()
                planned += share * picked.sum()
                best += share * costs.min(1).sum()
    return Saved(at_once, planned, best)


def _steps(minute: int, slack: int) -> Column:
    """Arrival, each hour boundary within the slack, and the latest start, in minutes."""
    latest = minute + slack
    return np.unique([minute, *range(60, latest, 60), latest])


def _costs(path: Column, minute: int, slack: int, duration: int) -> Column:
    """Mean intensity over the run for each step, exact within constant hours."""
    return _means(path, _steps(minute, slack), duration)


def _means(path: Column, starts: Column, duration: int) -> Column:
    total = np.concatenate([np.zeros((len(path), 1)), np.cumsum(path * 60.0, axis=1)], axis=1)

    def until(minutes: Column) -> Column:
        hour = minutes // 60
        part = np.minimum(hour, path.shape[1] - 1)
        return total[:, hour] + path[:, part] * (minutes % 60)

    return (until(starts + duration) - until(starts)) / duration


def _chosen(seen: Column, hours: Column, job: tuple[int, int, int]) -> Column:
    """At each step: start iff nothing later is expected to be better; the last one starts."""
    minute, slack, duration = job
    steps = _steps(minute, slack)
    chosen = np.full(len(hours), -1)
    for index, step in enumerate(steps):
        now = hours + step // 60
        expected = _means(seen[now, : MOST_HOURS + 1], steps[index:] - step // 60 * 60, duration)
        go = (chosen < 0) & ((expected[:, :1] <= expected).all(1) | (index == len(steps) - 1))
        chosen[go] = index
    return chosen
