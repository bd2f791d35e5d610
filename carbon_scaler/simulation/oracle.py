"""The best start of each job, with all that came known beforehand."""

from collections.abc import Iterator

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.simulation.history import Meter
from carbon_scaler.simulation.jobs import Jobs, Places
from carbon_scaler.simulation.places import Sites

Candidates = Iterator[tuple[Places, Column]]  # of which jobs, when


def best_starts(jobs: Jobs, sites: Sites, meters: tuple[Meter, ...]) -> tuple[Places, Column]:
    """Where and when each job emits least; of equally good ones home.

    Emissions are linear in the start between the instants at which the run's begin or end meets a
    boundary, so one of those is the best, or the submission or the latest start.
    """
    where, started = sites.home.copy(), jobs.submitted.copy()
    least = np.full(len(jobs), np.inf)
    for at_home in (True, False):
        for place, meter in enumerate(meters):
            is_home = sites.home == place
            here = np.flatnonzero(sites.allowed[:, place] & (is_home == at_home))
            for chosen, starts in _candidates(jobs, here, meter):
                grams = meter.mean_grams(starts, jobs.duration[chosen])
                better = grams < least[chosen]
                winners = chosen[better]
                least[winners], started[winners] = grams[better], starts[better]
                where[winners] = place
    return where, started


def _candidates(jobs: Jobs, here: Places, meter: Meter) -> Candidates:
    yield here, jobs.submitted[here]
    yield from _boundaries(jobs, here, meter, np.zeros(len(here)))
    split = here[jobs.duration[here] % meter.step != 0]
    yield from _boundaries(jobs, split, meter, jobs.duration[split])
    yield here, jobs.latest[here]


def _boundaries(jobs: Jobs, chosen: Places, meter: Meter, before: Column) -> Candidates:
    """The starts inside the slack that lie so long before a boundary."""
    earliest = jobs.submitted[chosen] + before
    passed = np.floor((earliest - meter.begins) / meter.step)
    starts = meter.begins + (passed + 1) * meter.step - before
    latest = jobs.latest[chosen]
    while len(chosen):
        inside = starts < latest
        chosen, starts, latest = chosen[inside], starts[inside], latest[inside]
        yield chosen, starts
        starts = starts + meter.step
