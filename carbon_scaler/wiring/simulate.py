"""What `simulate` reads: a policy, invented series beside real grids, and jobs for both."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from carbon_scaler.application.backtest import Way, World
from carbon_scaler.application.simulate import Baseline, simulate
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.history_file import HistoryFile
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.domain.policy import DEFAULT_SPREAD
from carbon_scaler.simulation.exact_mix import DrawnJobs, ExactMix, drawn
from carbon_scaler.wiring.backtest import EU_EEA
from carbon_scaler.wiring.simulation_document import grid_document
from carbon_scaler.wiring.simulation_grids import Grid, demonstration, given_grid, shipped_grid

POLL_SECONDS = 60.0
FOOTNOTE = (
    "shifting changes when and where work runs, not how much energy it draws: it saves carbon, "
    "not energy"
)
CLAIM = (
    "the 25.04 % that are told of this set-up were reached with perfect foresight, against an "
    "unseeded random baseline, with jobs that take no time; here nothing but the oracle sees "
    "ahead, jobs run 1, 2 or 4 hours, and every figure can be computed again"
)
BASELINES = {
    Baseline.RUN_NOW: "every job at once, at home",
    Baseline.RANDOM: "every job in any region that it may use, at any poll within its slack",
    Baseline.WORST: "every job where and when it emits most",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationAsked:
    """Which jobs, by what, against what; no histories: the shipped year."""

    mix: ExactMix
    strategy: Way
    baseline: Baseline
    policy: Path | None
    histories: tuple[HistoryFile, ...]


def simulation(asked: SimulationAsked, progress: Callable[[str], None]) -> dict[str, Any]:
    """The demonstration and the same jobs on real grids, in one document."""
    files, mix = read_policy(asked.policy), asked.mix
    jobs = drawn(mix)
    real = given_grid(mix, asked.histories, progress) if asked.histories else shipped_grid(mix)
    told = {}
    for name, grid in (("demonstration", demonstration(mix)), ("real", real)):

        def heard(what: str, name: str = name) -> None:
            progress(f"{name}: {what}")

        told[name] = _simulated(asked, files, jobs, grid, progress=heard)
    return {
        "days": mix.days,
        "jobs": mix.jobs,
        "seed": mix.seed,
        "mix_percent": mix.shares,
        "eu_share": mix.eu_share,
        "energy_kwh_by_class": mix.energies_kwh,
        "strategy": asked.strategy.value,
        "place": "cleanest",
        "baseline": {"name": asked.baseline.value, "what": BASELINES[asked.baseline]},
        "policy": {"version": files.policy.version, "documents": files.documents},
        "poll_seconds": POLL_SECONDS,
        "spread_seconds": DEFAULT_SPREAD.total_seconds(),
        "notes": [CLAIM, FOOTNOTE],
        "warnings": list(files.warnings),
        "grids": told,
    }


def _simulated(
    asked: SimulationAsked,
    files: PolicyFiles,
    jobs: DrawnJobs,
    grid: Grid,
    *,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    catalog = files.catalog
    inside = frozenset(
        name for name in grid.histories if name in catalog and catalog[name].eu_eea in EU_EEA
    )
    world = World(
        policy=files.policy,
        catalog=catalog,
        histories=grid.histories,
        poll=POLL_SECONDS,
        seed=asked.mix.seed,
        priors=load_priors(),
    )
    placed = jobs.on(tuple(grid.histories), inside, grid.begins)
    found = simulate(
        world, placed, strategy=asked.strategy, baseline=asked.baseline, progress=progress
    )
    bound = jobs.bound & bool(inside)
    return grid_document(grid, found, asked.strategy, bound=bound, inside=inside)
