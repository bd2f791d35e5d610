"""What a backtest found, small enough to know every figure."""

from typing import Any

import numpy as np

from carbon_scaler.application.backtest import Way
from carbon_scaler.simulation.outcome import Yardstick
from carbon_scaler.simulation.starts import Starts
from carbon_scaler.wiring.backtest import BacktestFound
from tests.builders import HOME
from tests.unit.simulation.worlds import HOUR, some_jobs

JOBS = some_jobs(0.0, 6 * HOUR, duration=HOUR, energy_kwh=2.0, workload_class="a <class> & more")


def starts(way: Way, waited: float, *grams: float) -> Starts:
    return Starts(
        strategy=way,
        region_of=np.zeros(2, dtype=np.intp),
        started=JOBS.submitted + waited,
        emissions_g=np.array(grams),
    )


AT_ONCE = starts(Way.RUN_NOW, 0.0, 100.0, 300.0)
WORSE = starts(Way.THRESHOLD, HOUR, 200.0, 300.0)
BEST = starts(Way.ORACLE, 2 * HOUR, 100.0, 100.0)


def a_found(*ways: Starts, **told: Any) -> BacktestFound:
    yardstick = Yardstick(jobs=JOBS, regions=(HOME,), at_once=AT_ONCE, best=BEST)
    document = {
        "method": "in a way, as it was",
        "signal": "average",
        "factors": "lifecycle",
        "period": {"from": "2026-03-02T12:00:00Z", "until": "2026-03-02T18:00:00Z"},
        "jobs_from": "a&b.csv",
        "policy": {"version": "v1"},
        "place": {"what": "at home"},
        "lag_seconds": 0.0,
        "spread_seconds": 1200.0,
        "regions": {HOME: {}},
        "strategies": {each.strategy: yardstick.outcome(each) for each in ways},
        **told,
    }
    return BacktestFound(document=document, jobs=JOBS, regions=(HOME,), starts=ways)
