"""A forecast that is off by a known amount: what the planner makes of a good one."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.issues import Issues

ERROR_SHARE = 0.05
HEADER = "target_at,value"


def noisy(history: History, seed: int, share: float = ERROR_SHARE) -> Column:
    """Every hour's value with an independent normal error; its deviation is a share of the mean."""
    grams = history.grams_per_kwh
    errors = np.random.default_rng([seed, 5]).normal(0.0, share * grams.mean(), len(grams))
    said: Column = np.maximum(grams + errors, 0.0)
    return said


def one_issue(history: History, seed: int) -> Issues:
    """All hours at once, known from the beginning."""
    return Issues(
        issued=np.array([-np.inf]),
        starts=np.array([history.begins]),
        grams=(noisy(history, seed),),
    )


def write_forecast(file: Path, history: History, seed: int) -> None:
    """The same as a file that `backtest --forecast REGION=FILE` reads."""
    lines = [
        f"{datetime.fromtimestamp(history.begins + hour * HOUR_SECONDS, UTC):%Y-%m-%dT%H:%MZ},"
        f"{value:.3f}"
        for hour, value in enumerate(noisy(history, seed).tolist())
    ]
    file.write_text("\n".join([HEADER, *lines, ""]))
