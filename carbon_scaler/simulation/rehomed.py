"""The same jobs elsewhere: in one region each, anywhere, by chance; and several such sets at once."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from carbon_scaler.simulation.jobs import Jobs, Places
from carbon_scaler.simulation.mix import each_first
from carbon_scaler.simulation.starts import Starts


def only_in(jobs: Jobs, regions: Sequence[str], region_of: Places) -> Jobs:
    """Each may run in one region alone."""
    return replace(jobs, choices=tuple((region,) for region in regions), choice_of=region_of)


def anywhere(jobs: Jobs, regions: Sequence[str]) -> Jobs:
    """At the same homes, free to run in every region."""
    homes = np.array([regions.index(choice[0]) for choice in jobs.choices])
    return replace(jobs, choices=tuple(each_first(regions)), choice_of=homes[jobs.choice_of])


def by_chance(jobs: Jobs, regions: Sequence[str], seed: int) -> Jobs:
    """Each in any one of the regions that it may run in, all as likely."""
    counts = np.array([len(choice) for choice in jobs.choices])
    table = np.zeros((len(counts), len(regions)), dtype=np.intp)
    for row, choice in enumerate(jobs.choices):
        table[row, : len(choice)] = [regions.index(region) for region in choice]
    random = np.random.default_rng([seed, 4]).random(len(jobs))
    place = (random * counts[jobs.choice_of]).astype(np.intp)
    return only_in(jobs, regions, table[jobs.choice_of, place])


def stacked(parts: Sequence[Jobs]) -> Jobs:
    """Sets of jobs of the same classes as one: replayed at once, each region is forecast once."""
    firsts = np.cumsum([0, *(len(part.choices) for part in parts[:-1])])
    return Jobs(
        ids=tuple(name for part in parts for name in part.ids),
        submitted=np.concatenate([part.submitted for part in parts]),
        duration=np.concatenate([part.duration for part in parts]),
        energy_kwh=np.concatenate([part.energy_kwh for part in parts]),
        slack=np.concatenate([part.slack for part in parts]),
        classes=parts[0].classes,
        class_of=np.concatenate([part.class_of for part in parts]),
        choices=tuple(choice for part in parts for choice in part.choices),
        choice_of=np.concatenate(
            [part.choice_of + first for part, first in zip(parts, firsts, strict=True)]
        ),
    )


def taken_apart(starts: Starts, times: int) -> list[Starts]:
    """The starts of each of the sets that were stacked."""
    columns = (starts.region_of, starts.started, starts.emissions_g)
    return [
        Starts(strategy=starts.strategy, region_of=where, started=started, emissions_g=emitted)
        for where, started, emitted in zip(
            *(np.split(column, times) for column in columns), strict=True
        )
    ]
