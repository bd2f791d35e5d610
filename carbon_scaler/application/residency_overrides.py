"""How often the law kept a job from where it would have run cleaner."""

import numpy as np

from carbon_scaler.application.backtest import World, sites_of
from carbon_scaler.simulation.history import meter
from carbon_scaler.simulation.jobs import Jobs


def residency_overrides(world: World, jobs: Jobs) -> int:
    """The jobs whose cleanest region, started at once, is one that their tenant may not use."""
    regions = tuple(world.histories)
    placed = sites_of(world, jobs, regions)
    grams = np.full((len(jobs), len(regions)), np.inf)
    for choice, names in enumerate(jobs.choices):
        here = np.flatnonzero(jobs.choice_of == choice)
        for name in names:
            each = meter(world.histories[name])
            column = regions.index(name)
            grams[here, column] = each.mean_grams(jobs.submitted[here], jobs.duration[here])
    cleanest = grams.argmin(axis=1)
    return int((~placed.allowed[np.arange(len(jobs)), cleanest]).sum())
