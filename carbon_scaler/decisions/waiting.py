"""Does waiting pay? Starting now against the best start within the slack, on an expected path."""

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.snapshot import HOUR_SECONDS, Column

# Costs that differ by less were reached by different sums.
ROUNDING = 1e-9


def waiting_pays(
    paths: Column,
    begun: Column,
    durations: Column,
    slack: Column,
    *,
    min_savings_percent: float,
) -> NDArray[np.bool_]:
    """Whether a later start costs less than one now, by the minimum saving; a row per question.

    A row of `paths` has the g/kWh of each hour from the present one on, of which `begun` seconds
    are over. What lies beyond the path is never better; an unknown path never makes wait.
    """
    now = _mean(paths, begun[:, None], durations[:, None])[:, 0]
    later = _candidates(begun, durations, slack, paths.shape[1])
    costs = _mean(paths, later, durations[:, None])
    best = np.where(np.isfinite(costs), costs, np.inf).min(axis=1, initial=np.inf)
    pays: NDArray[np.bool_] = best < now * (1 - min_savings_percent / 100) - ROUNDING * now
    return pays


def _candidates(begun: Column, durations: Column, slack: Column, hours: int) -> Column:
    """Between these a cost runs straight, so none between them is the least; NaN: not in time."""
    latest = begun + slack
    edges = np.arange(1, hours + 1) * HOUR_SECONDS
    starting = np.broadcast_to(edges, (len(begun), hours))
    families = [starting, latest[:, None]]
    if (durations % HOUR_SECONDS).any():
        # Where the run ends with an hour.
        families.append(starting - durations[:, None])
    later = np.concatenate(families, axis=1)
    in_time = (later > begun[:, None]) & (later <= latest[:, None])
    return np.where(in_time, later, np.nan)


def _mean(paths: Column, starts: Column, durations: Column) -> Column:
    """Over a run from each start; NaN where it would leave the path."""
    summed = np.concatenate([np.zeros((len(paths), 1)), np.cumsum(paths, axis=1)], axis=1)
    ends = starts + durations
    inside = (starts >= 0) & (ends <= paths.shape[1] * HOUR_SECONDS)
    between = _until(summed, paths, ends) - _until(summed, paths, starts)
    return np.where(inside, between / (durations / HOUR_SECONDS), np.nan)


def _until(summed: Column, paths: Column, instants: Column) -> Column:
    hours = np.nan_to_num(instants / HOUR_SECONDS)
    whole = np.clip(hours.astype(np.intp), 0, paths.shape[1] - 1)
    rows = np.arange(len(paths))[:, None]
    part = hours - whole
    # Nothing of an hour that is not known is nothing.
    found: Column = summed[rows, whole] + np.where(part > 0, paths[rows, whole] * part, 0.0)
    return found
