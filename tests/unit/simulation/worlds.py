"""Small worlds for backtests: name what matters, the rest has a default."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from carbon_scaler.application.backtest import Way, World, replay
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.starts import Starts
from tests.builders import HOME, NOW, a_region

BEGINS = NOW.timestamp()
HOUR = HOUR_SECONDS
AWAY = "eu-west-1"


def a_history(
    *grams: float,
    region: str = HOME,
    step: float = HOUR,
    begins: float = BEGINS,
    renewable: Sequence[float] | None = None,
) -> History:
    return History(
        region=region,
        begins=begins,
        step=step,
        grams_per_kwh=np.array(grams, dtype=np.float64),
        renewable_percent=None if renewable is None else np.array(renewable, dtype=np.float64),
        basis=Basis(),
    )


def some_jobs(
    *submitted: float,
    duration: float = HOUR,
    slack: float = 12 * HOUR,
    energy_kwh: float = 1.0,
    workload_class: str = "deferrable",
    regions: tuple[str, ...] = (HOME,),
) -> Jobs:
    """Submitted so many seconds after the histories begin."""
    count = len(submitted)
    return Jobs(
        ids=tuple(f"job-{number}" for number in range(count)),
        submitted=BEGINS + np.array(submitted, dtype=np.float64),
        duration=np.full(count, duration),
        energy_kwh=np.full(count, energy_kwh),
        slack=np.full(count, slack),
        classes=(workload_class,),
        class_of=np.zeros(count, dtype=np.intp),
        choices=(regions,),
        choice_of=np.zeros(count, dtype=np.intp),
    )


def a_world(*histories: History, **stated: Any) -> World:
    said: dict[str, Any] = {
        "policy": BUILT_IN_POLICY,
        "catalog": {name: a_region(name) for name in (HOME, AWAY)},
        "priors": load_priors(),
        "spread": 0.0,
        **stated,
    }
    return World(histories={history.region: history for history in histories}, **said)


def replayed(
    world: World, jobs: Jobs, *ways: Way, heard: Callable[[str], None] = lambda what: None
) -> dict[str, Starts]:
    found = replay(world, jobs, ways or tuple(Way), heard)
    return {starts.strategy: starts for starts in found}


def hours_waited(starts: Starts, jobs: Jobs) -> list[float]:
    return [float(hours) for hours in (starts.started - jobs.submitted) / HOUR]
