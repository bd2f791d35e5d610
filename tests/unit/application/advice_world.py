"""A fortnight on one grid with work each hour, to advise on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from carbon_scaler.application.advice import Trials
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy, Strategy
from carbon_scaler.simulation.jobs import Jobs
from tests.unit.simulation.worlds import BEGINS, HOUR, a_history, a_world

DAYS = 14
# Clean from noon to six.
DAILY = [500.0] * 12 + [300.0] * 6 + [500.0] * 6
EVEN = [400.0] * 24
CLASSES = ("urgent", "standard", "deferrable")


def hourly_jobs(
    days: int = DAYS,
    *,
    class_of: Sequence[int] = (2,),
    slack: float = 12 * HOUR,
    energy_kwh: float = 1.0,
) -> Jobs:
    """One each hour as long as it can wait for a day, the classes in turn."""
    count = 24 * (days - 1) - 1
    numbers = np.resize(np.array(class_of, dtype=np.intp), count)
    slacks = np.array([0.0, min(slack, HOUR), slack])
    return Jobs(
        ids=tuple(f"job-{number}" for number in range(count)),
        submitted=BEGINS + HOUR * np.arange(count, dtype=np.float64),
        duration=np.full(count, float(HOUR)),
        energy_kwh=np.full(count, energy_kwh),
        slack=slacks[numbers],
        classes=CLASSES,
        class_of=numbers,
        choices=(("us-west-1",),),
        choice_of=np.zeros(count, dtype=np.intp),
    )


def a_policy(strategy: Strategy = Strategy.THRESHOLD, threshold: float = 250.0) -> Policy:
    """The deferrable class by this strategy."""
    deferrable = BUILT_IN_POLICY.classes["deferrable"]
    stated = replace(
        deferrable.stated, strategy=strategy, threshold=threshold, min_renewable_percent=None
    )
    classes = {**BUILT_IN_POLICY.classes, "deferrable": replace(deferrable, stated=stated)}
    return replace(BUILT_IN_POLICY, classes=classes)


def some_trials(daily: Sequence[float] = DAILY, jobs: Jobs | None = None, **stated: Any) -> Trials:
    history = a_history(*(list(daily) * DAYS))
    world = a_world(history, **{"policy": a_policy(), "spread": 0.0, **stated})
    return Trials(
        world=world,
        history=history,
        jobs=hourly_jobs() if jobs is None else jobs,
        progress=lambda what: None,
    )
