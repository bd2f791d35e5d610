"""One recorded day through gRPC and through `backtest`: every job starts at the same instant."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pytest

from carbon_scaler.application.backtest import Way
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.storage.pool import Pool
from tests.integration.serving.recorded_day import Looked, backtested, the_jobs
from tests.integration.serving.replayed_day import lived_day

HOUR, SPREAD = 3600.0, 1200.0
DAYS = (
    Looked(way=Way.FORECAST, lag=0.0, spread=0.0),
    Looked(way=Way.FORECAST, lag=0.0, spread=SPREAD),
    Looked(way=Way.FORECAST, lag=HOUR, spread=0.0),
    Looked(way=Way.FORECAST, lag=HOUR, spread=SPREAD),
    Looked(way=Way.FORECAST, lag=HOUR, spread=SPREAD, alone=True),
    Looked(way=Way.QUANTILE, lag=0.0, spread=0.0),
    Looked(way=Way.QUANTILE, lag=HOUR, spread=SPREAD),
    Looked(way=Way.THRESHOLD, lag=0.0, spread=0.0),
    Looked(way=Way.THRESHOLD, lag=HOUR, spread=SPREAD),
)


@pytest.mark.parametrize("looked", DAYS, ids=str)
async def test_the_jobs_of_a_recorded_day_start_when_backtest_says(
    pool: Pool, database_url: str, looked: Looked
):
    jobs = the_jobs()
    expected = backtested(jobs, looked)
    assert all(count >= 8 for count in kinds_of(jobs, expected)), "this day proves little"

    # Of a shared backlog it is told how many start; the workers take those that are to.
    order = sorted(jobs.ids, key=expected.__getitem__)
    async with lived_day(pool, database_url, jobs, looked, order=order) as day:
        await day.live()

    assert day.started == expected


def kinds_of(jobs: Jobs, starts: Mapping[str, datetime]) -> tuple[int, int, int]:
    """How many start at once, at the latest, and in between."""
    started = np.array([starts[job].timestamp() for job in jobs.ids])
    at_once, last = started == jobs.submitted, started == jobs.latest
    return int(at_once.sum()), int(last.sum()), int((~at_once & ~last).sum())
