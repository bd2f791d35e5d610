"""A recorded day, its jobs, and when each of them starts in a backtest."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np

from carbon_scaler.application.backtest import Way, World, replay
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.wiring.shipped_year import shipped_histories

REGION, CLASS = "us-west-1", "deferrable"
HOUR, POLL = 3600.0, 300.0
DAYS_BEFORE = 30
# KEDA never asks at the very instant at which a value is published.
FIRST_POLL = 120.0
SLACKS = (1800.0, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR)
DURATIONS = (2700.0, HOUR, 6000.0, 3 * HOUR)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """How a day is looked at, by both alike."""

    way: Way
    lag: float  # seconds
    spread: float  # seconds
    # Each job in a backlog of its own tells which one starts; of a shared one only how many do.
    alone: bool = False

    def __str__(self) -> str:
        each = ", each alone" if self.alone else ""
        return f"{self.way}, {self.lag / 60:g} min late, spread {self.spread / 60:g} min{each}"


@cache
def recorded() -> History:
    """A month, the recorded day, and time for its last jobs to end."""
    whole = shipped_histories([REGION])[REGION]
    hours = (DAYS_BEFORE + 3) * 24
    first = 40 * 24
    return History(
        region=REGION,
        begins=whole.begins + first * HOUR,
        step=HOUR,
        grams_per_kwh=whole.grams_per_kwh[first : first + hours],
        basis=whole.basis,
    )


def the_jobs(count: int = 40) -> Jobs:
    """Submitted at polls of one day, for what differs is then not when somebody looks."""
    random = np.random.default_rng(6)
    begins = recorded().begins + DAYS_BEFORE * 24 * HOUR + FIRST_POLL
    polls = np.sort(random.integers(0, int(24 * HOUR / POLL), count))
    return Jobs(
        ids=tuple(f"job-{number:02d}" for number in range(count)),
        submitted=begins + POLL * polls,
        duration=random.choice(DURATIONS, count),
        energy_kwh=np.ones(count),
        slack=random.choice(SLACKS, count),
        classes=(CLASS,),
        class_of=np.zeros(count, dtype=np.intp),
        choices=((REGION,),),
        choice_of=np.zeros(count, dtype=np.intp),
    )


def backtested(jobs: Jobs, looked: Looked) -> dict[str, datetime]:
    """When each job starts in a backtest."""
    world = World(
        policy=BUILT_IN_POLICY,
        catalog=load_catalog(),
        histories={REGION: recorded()},
        lag=looked.lag,
        poll=POLL,
        spread=looked.spread,
        priors=load_priors(),
    )
    [starts] = replay(world, jobs, [looked.way], lambda _: None)
    return {job: instant(at) for job, at in zip(jobs.ids, starts.started, strict=True)}


def instant(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(float(unix_seconds), UTC)
