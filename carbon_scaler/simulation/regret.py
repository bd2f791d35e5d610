"""What starting by a forecast cost beyond the best start, decision by decision."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column

RUN_NOW = "run_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """Means over the same decisions, in grams per kWh."""

    decisions: int
    best: float  # what the best starts cost, with hindsight
    beyond: Mapping[str, float]  # what each way of starting cost beyond that


def regret(
    measured: Column, paths: Mapping[str, Column], *, slack: int, duration: int, last: int
) -> Regret | None:
    """Of work that came in each of the last hours; None where no decision can be judged.

    A row of `paths` is what was expected of the hours after that hour of `measured`; work that
    comes at the end of it starts at the hour, up to `slack` later, whose `duration` hours are
    expected to be the cleanest, and is not asked again.
    """
    origins = _origins(len(measured), slack + duration, last)
    came = _costs(_following(measured, origins, slack + duration), duration)
    planned = {
        name: _costs(path[origins, : slack + duration], duration) for name, path in paths.items()
    }
    known = np.logical_and.reduce(
        [np.isfinite(cost).all(axis=1) for cost in (came, *planned.values())]
    )
    if not known.any():
        return None
    came = came[known]
    best = came.min(axis=1)
    starts = {name: cost[known].argmin(axis=1) for name, cost in planned.items()}
    starts[RUN_NOW] = np.zeros(len(came), dtype=np.intp)
    rows = np.arange(len(came))
    return Regret(
        decisions=len(came),
        best=float(best.mean()),
        beyond={name: float((came[rows, at] - best).mean()) for name, at in starts.items()},
    )


def _origins(hours: int, needed: int, last: int) -> NDArray[np.intp]:
    end = hours - needed
    return np.arange(max(0, end - last), max(0, end))


def _following(measured: Column, origins: NDArray[np.intp], count: int) -> Column:
    return np.asarray(measured[origins[:, None] + np.arange(1, count + 1)])


def _costs(hours: Column, duration: int) -> Column:
    """The mean of the hours that work takes, for each start."""
    if not len(hours):
        return np.empty((0, hours.shape[1] - duration + 1))
    return np.asarray(sliding_window_view(hours, duration, axis=1).mean(axis=-1))
