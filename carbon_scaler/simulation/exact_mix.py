"""Jobs by chance in exact shares, the same ones on any set of regions and in any period."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column
from carbon_scaler.simulation.jobs import Jobs, Places
from carbon_scaler.simulation.mix import CLASSES, DURATIONS, MINUTE, each_first

DAY = 86400.0
PERCENT = 100

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactMix:
    """How many jobs in how many days, of which classes, and how many may only run in the EU."""

    days: int
    jobs: int
    # Percent of the jobs, in the order of `CLASSES`.
    shares: tuple[int, ...]
    eu_share: float
    # Of the least and of the most patient class; the one between takes the middle.
    least_kwh: float
    most_kwh: float
    seed: int

    @property
    def energies_kwh(self) -> tuple[float, ...]:
        """What one job of each class draws."""
        return self.least_kwh, (self.least_kwh + self.most_kwh) / 2, self.most_kwh


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnJobs:
    """Jobs before they have a place and a date."""

    mix: ExactMix
    submitted: Column  # seconds after the period's beginning
    duration: Column  # seconds
    class_of: Places
    bound: Flags  # may only run in the EU
    # Where a job lives among the regions open to it, from 0 to 1.
    lives: Column

    def on(self, regions: Sequence[str], bound_regions: Collection[str], begins: float) -> Jobs:
        """In these regions and from `begins` on; bound ones live and run in the bound regions.

        Without any such region nothing is bound.
        """
        bound = [region for region in regions if region in bound_regions]
        choices = (*each_first(regions), *each_first(bound))
        choice_of = (self.lives * len(regions)).astype(np.intp)
        if bound:
            inside = len(regions) + (self.lives * len(bound)).astype(np.intp)
            choice_of = np.where(self.bound, inside, choice_of)
        slack = np.array([slack for _, slack in CLASSES.values()])
        return Jobs(
            ids=tuple(f"job-{number:07d}" for number in range(1, len(self.submitted) + 1)),
            submitted=begins + self.submitted,
            duration=self.duration,
            energy_kwh=np.array(self.mix.energies_kwh)[self.class_of],
            slack=slack[self.class_of],
            classes=tuple(CLASSES),
            class_of=self.class_of,
            choices=choices,
            choice_of=choice_of,
        )


def drawn(mix: ExactMix) -> DrawnJobs:
    """Arrivals on whole minutes, evenly in the period; classes and EU share hold to the job."""
    random = np.random.default_rng([mix.seed, 3])
    minutes = random.integers(0, round(mix.days * DAY / MINUTE), mix.jobs)
    classes = np.repeat(np.arange(len(CLASSES)), _counts(mix.jobs, mix.shares))
    bound = np.arange(mix.jobs) < round(mix.jobs * mix.eu_share)
    return DrawnJobs(
        mix=mix,
        submitted=np.sort(minutes).astype(np.float64) * MINUTE,
        duration=random.choice(np.array(DURATIONS), mix.jobs),
        class_of=random.permutation(classes),
        bound=random.permutation(bound),
        lives=random.random(mix.jobs),
    )


def _counts(jobs: int, shares: Sequence[int]) -> list[int]:
    """Whole jobs that add up; what is left over goes to the largest remainders."""
    exact = [jobs * share / PERCENT for share in shares]
    counts = [int(count) for count in exact]
    largest = sorted(range(len(exact)), key=lambda place: counts[place] - exact[place])
    for place in largest[: jobs - sum(counts)]:
        counts[place] += 1
    return counts
