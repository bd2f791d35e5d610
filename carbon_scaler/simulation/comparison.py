"""An optimised run beside its baseline: the table of a simulation, its parts and what the law cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np

from carbon_scaler.simulation.exact_mix import Flags
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.starts import Starts

GRAMS_PER_KG = 1000.0
MINUTE = 60.0
PERCENT = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A metric in both runs; the change is in percent where that says something."""

    metric: str
    unit: str
    baseline: float
    optimised: float

    @property
    def difference(self) -> float:
        """Optimised less baseline, in the unit."""
        return self.optimised - self.baseline

    @property
    def percent(self) -> float | None:
        """The same in percent of the baseline."""
        return PERCENT * self.difference / self.baseline if self.baseline else None


def emissions_row(baseline_kg: float, optimised_kg: float) -> Row:
    """What is saved, weighted by energy because emissions are."""
    return Row(
        metric="total emissions", unit="kg CO2e", baseline=baseline_kg, optimised=optimised_kg
    )


def comparison(
    jobs: Jobs, baseline: Starts, optimised: Starts, *, bound: Flags, inside: Flags
) -> list[Row]:
    """The metrics of both runs; `bound` of each job, `inside` the EU of each region."""
    both = baseline, optimised

    def row(metric: str, unit: str, values: Sequence[float]) -> Row:
        return Row(metric=metric, unit=unit, baseline=values[0], optimised=values[1])

    kilograms = [total_kg(each) for each in both]
    energies = [energy_kwh(jobs, each) for each in both]
    weighted = [_per_kwh(*each) for each in zip(kilograms, energies, strict=True)]
    waits = [(each.started - jobs.submitted) / MINUTE for each in both]
    return [
        row("total jobs", "", [len(each.started) for each in both]),
        row("total energy", "kWh", energies),
        emissions_row(*kilograms),
        row("intensity, weighted by energy", "g/kWh", weighted),
        row("intensity, plain mean over jobs", "g/kWh", [_plain_mean(jobs, each) for each in both]),
        row("average delay", "min", [float(each.mean()) for each in waits]),
        row("max delay", "min", [float(each.max()) for each in waits]),
        row("residency violations", "jobs", [violations(bound, inside, each) for each in both]),
    ]


def violations(bound: Flags, inside: Flags, starts: Starts) -> int:
    """The jobs that may only run in the EU and ran elsewhere."""
    return int((bound & ~inside[starts.region_of]).sum())


def _per_kwh(kilograms: float, energy_kwh: float) -> float:
    return GRAMS_PER_KG * kilograms / energy_kwh if energy_kwh else 0.0


def _plain_mean(jobs: Jobs, starts: Starts) -> float:
    """Every job counts alike, however much it draws."""
    return float(np.mean(starts.emissions_g / jobs.energy_kwh))


def points_of_classes(jobs: Jobs, baseline: Starts, optimised: Starts) -> Mapping[str, float]:
    """What each class adds to the whole saving, in percent of the baseline's emissions."""
    saved = baseline.emissions_g - optimised.emissions_g
    whole = fsum(baseline.emissions_g.tolist())
    return {
        name: PERCENT * fsum(saved[jobs.class_of == place].tolist()) / whole if whole else 0.0
        for place, name in enumerate(jobs.classes)
    }


def by_region(regions: Sequence[str], starts: Starts) -> dict[str, dict[str, Any]]:
    """How many jobs ran where, and what that emitted."""
    found = {}
    for place, region in enumerate(regions):
        here = starts.region_of == place
        emitted = fsum(starts.emissions_g[here].tolist())
        found[region] = {"jobs": int(here.sum()), "emissions_kg": emitted / GRAMS_PER_KG}
    return found


def energy_kwh(jobs: Jobs, starts: Starts) -> float:
    """What all jobs drew, summed where they ran."""
    places = np.unique(starts.region_of)
    return fsum(fsum(jobs.energy_kwh[starts.region_of == place].tolist()) for place in places)


def total_kg(starts: Starts) -> float:
    """The emissions of all jobs."""
    return fsum(starts.emissions_g.tolist()) / GRAMS_PER_KG


def saved_percent(baseline: Starts, optimised: Starts) -> float | None:
    """Of the baseline's emissions; None where it has none."""
    percent = emissions_row(total_kg(baseline), total_kg(optimised)).percent
    return None if percent is None else -percent
