"""What the starts come to, strategy by strategy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.starts import Starts

# Instants are floats of seconds.
LATE_SECONDS = 1e-3
# The oracle saves at least this share, or nobody's share of its saving means anything.
LEAST_SAVING = 1e-9
MINUTE, HOUR = 60.0, 3600.0

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Yardstick:
    """What a strategy is measured against: all jobs at once, and the oracle."""

    jobs: Jobs
    regions: Sequence[str]
    at_once: Starts
    best: Starts

    def outcome(self, starts: Starts) -> dict[str, Any]:
        """The figures of one strategy; by region where the jobs ran."""
        jobs = self.jobs
        classes = {name: jobs.class_of == place for place, name in enumerate(jobs.classes)}
        places = {name: starts.region_of == place for place, name in enumerate(self.regions)}
        return {
            **self._of_some(starts, np.ones(len(jobs), dtype=np.bool_)),
            "busiest_minute_hours": _busiest_minute(jobs.submitted, starts.started),
            "by_class": self._parts(starts, classes),
            "by_region": self._parts(starts, places),
        }

    def _parts(self, starts: Starts, parts: Mapping[str, Flags]) -> dict[str, Any]:
        return {
            name: self._of_some(starts, chosen) for name, chosen in parts.items() if chosen.any()
        }

    def _of_some(self, starts: Starts, chosen: Flags) -> dict[str, Any]:
        emitted, at_once, least = (
            fsum(each.emissions_g[chosen].tolist()) for each in (starts, self.at_once, self.best)
        )
        saved, possible = at_once - emitted, at_once - least
        waited = starts.started[chosen] - self.jobs.submitted[chosen]
        late = starts.started[chosen] > self.jobs.latest[chosen] + LATE_SECONDS
        return {
            "jobs": int(chosen.sum()),
            "energy_kwh": fsum(self.jobs.energy_kwh[chosen].tolist()),
            "emissions_g": emitted,
            "grams_per_kwh": _intensities(
                starts.emissions_g[chosen], self.jobs.energy_kwh[chosen], emitted
            ),
            "saving_percent": 100 * saved / at_once if at_once > 0 else None,
            "share_of_oracle": saved / possible if possible > LEAST_SAVING * at_once else None,
            "late_starts": int(late.sum()),
            "delay_minutes": _delays(waited),
        }


def _intensities(emitted: Column, energy_kwh: Column, total: float) -> Mapping[str, float | None]:
    """Two means that differ where large jobs run at other times than small ones."""
    used = energy_kwh > 0
    if not used.any():
        return {"weighted_by_energy": None, "plain_mean_over_jobs": None}
    return {
        "weighted_by_energy": total / fsum(energy_kwh.tolist()),
        "plain_mean_over_jobs": float((emitted[used] / energy_kwh[used]).mean()),
    }


def _delays(seconds: Column) -> Mapping[str, float]:
    minutes = seconds / MINUTE
    return {
        "mean": float(minutes.mean()),
        "p50": float(np.percentile(minutes, 50)),
        "p95": float(np.percentile(minutes, 95)),
        "max": float(minutes.max()),
    }


def _busiest_minute(submitted: Column, started: Column) -> float:
    """The most starts in one minute, as the hours in which so many jobs arrive on average."""
    _, counts = np.unique(np.floor(started / MINUTE), return_counts=True)
    hours = max(1.0, float(np.ptp(submitted)) / HOUR)
    return float(counts.max() / (len(submitted) / hours))
