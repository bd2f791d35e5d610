"""What `backtest` reads: a policy, the grids' past and jobs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from carbon_scaler.application.backtest import STRATEGIES, Placing, Way, World, replay
from carbon_scaler.application.residency_overrides import residency_overrides
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.history_file import DATABASE, HistoryFile, ReadHistory, StoredHistory
from carbon_scaler.config.job_columns import ClassTerms, JobFrame, ReadJobs
from carbon_scaler.config.known_tenant import known_tenant
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.mix import Mix, draw
from carbon_scaler.simulation.outcome import Yardstick
from carbon_scaler.simulation.starts import Starts
from carbon_scaler.wiring.backtest_forecasts import NONE, ForecastsAsked, named, read_forecasts
from carbon_scaler.wiring.backtest_inputs import JobsAsked, history_of, jobs_of

EU_EEA = frozenset({"eu", "eea"})
METHOD = (
    "every job through the rules that serve, on what was known then; energy is drawn evenly over "
    "the run, the intensity is constant within its interval, savings are against starting at once"
)
PLACES = {
    Placing.HOME: "every job runs in its home region; only the oracle chooses among its regions",
    Placing.CLEANEST: (
        "every job runs in that of its regions whose last 30 days were the cleanest when it was "
        "submitted; run_now stays at home and the oracle is free"
    ),
    Placing.PLANNED: (
        "strategy forecast chooses among a job's regions at each look: it starts where that costs "
        "least, once no later start in any of them is expected to cost less; gates and random "
        "starts run in the region whose last 30 days were the cleanest, run_now stays at home and "
        "the oracle is free"
    ),
}
STANDING_IN = "quantile: threshold stands in until a day of the past is known"


class NothingToReplayError(CarbonScalerError):
    """There are no jobs, or nothing to replay them on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MixAsked:
    """Jobs drawn by chance instead of a file."""

    per_month: int
    eu_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestAsked:
    """Which jobs on which past, and how."""

    settings: Settings
    histories: tuple[HistoryFile | StoredHistory, ...]
    jobs: JobsAsked | MixAsked
    # Of the jobs that name no class.
    job_class: str
    ways: tuple[Way, ...]
    policy: Path | None
    basis: Basis
    tenant: str | None
    lag: float  # seconds
    poll: float  # seconds
    spread: float  # seconds
    placing: Placing
    forecasts: ForecastsAsked
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BacktestFound:
    """All figures, and every single start."""

    document: Mapping[str, Any]
    jobs: Jobs
    regions: tuple[str, ...]
    starts: tuple[Starts, ...]


def backtest(asked: BacktestAsked, progress: Callable[[str], None]) -> BacktestFound:
    """Read everything, replay it, and sum it up; `progress` hears what is being done."""
    files = read_policy(asked.policy)
    read = _histories(asked, progress)
    known_tenant(asked.tenant, files.policy.residency.tenants)
    world = World(
        policy=files.policy,
        catalog=files.catalog,
        histories={region: each.history for region, each in read.items()},
        tenant=asked.tenant,
        lag=asked.lag,
        poll=asked.poll,
        seed=asked.seed,
        spread=asked.spread,
        placing=asked.placing,
        priors=load_priors() if asked.forecasts.own and Way.FORECAST in asked.ways else None,
        forecasts=read_forecasts(asked.forecasts, read),
    )
    progress("jobs")
    given = _jobs(asked, world)
    jobs = given.jobs
    ways = tuple(dict.fromkeys((Way.RUN_NOW, Way.ORACLE, *asked.ways)))
    starts = {each.strategy: each for each in replay(world, jobs, ways, progress)}
    yardstick = Yardstick(
        jobs=jobs,
        regions=tuple(read),
        at_once=starts[Way.RUN_NOW],
        best=starts[Way.ORACLE],
    )
    told = {
        **_described(asked, files, read, given),
        "residency_overrides": residency_overrides(world, jobs),
        "strategies": {
            way.value: {**yardstick.outcome(starts[way]), **_settings(world, jobs, way)}
            for way in asked.ways
        },
    }
    return BacktestFound(
        document=told,
        jobs=jobs,
        regions=tuple(read),
        starts=tuple(starts[way] for way in asked.ways),
    )


def _histories(asked: BacktestAsked, progress: Callable[[str], None]) -> Mapping[str, ReadHistory]:
    read: dict[str, ReadHistory] = {}
    for file in asked.histories:
        if file.region in read:
            raise NothingToReplayError(f"--intensity: {file.region} is there twice; keep one")
        progress(file.region)
        read[file.region] = history_of(file, asked.basis, asked.settings)
    return read


def _jobs(asked: BacktestAsked, world: World) -> ReadJobs:
    if isinstance(asked.jobs, JobsAsked):
        terms = class_terms(world)
        if asked.job_class not in terms:
            raise NothingToReplayError(f"--job-class: {allowed_names(asked.job_class, terms)}")
        frame = JobFrame(terms=terms, histories=world.histories, usual_class=asked.job_class)
        return jobs_of(asked.jobs, frame, asked.settings)
    mix = Mix(
        per_month=asked.jobs.per_month,
        seed=asked.seed,
        bound_regions=frozenset(_in_the_eu(world.histories, world.catalog)),
        bound_share=asked.jobs.eu_share,
    )
    jobs = draw(mix, world.histories)
    if not len(jobs):
        raise NothingToReplayError(
            "--mix draws no job: the intensity files have too short a time in common; give a month "
            "at least, or a larger --per-month"
        )
    return ReadJobs(jobs=jobs)


def class_terms(world: World) -> Mapping[str, ClassTerms]:
    """What each class states for cells that are left empty."""
    anywhere = next(iter(world.histories))
    settings = {name: world.plan(name, anywhere).settings for name in world.policy.classes}
    return {
        name: ClassTerms(
            slack=each.max_delay.total_seconds(),
            duration=each.job_duration.total_seconds(),
            energy_kwh=each.job_energy_kwh,
        )
        for name, each in settings.items()
    }


def _in_the_eu(regions: Iterable[str], catalog: Catalog) -> list[str]:
    """Those that are inside the EU or EEA."""
    return [name for name in regions if name in catalog and catalog[name].eu_eea in EU_EEA]


def _described(
    asked: BacktestAsked,
    files: PolicyFiles,
    read: Mapping[str, ReadHistory],
    given: ReadJobs,
) -> dict[str, Any]:
    jobs = given.jobs
    return {
        "method": METHOD,
        "signal": asked.basis.signal.value,
        "factors": asked.basis.factors.value,
        "period": {
            "from": _instant(float(jobs.submitted.min())),
            "until": _instant(float(jobs.submitted.max())),
            "what": "the first and the last submission",
        },
        "jobs_from": _jobs_from(asked.jobs),
        "seed": asked.seed,
        "policy": {"version": files.policy.version, "documents": files.documents},
        "tenant": asked.tenant,
        "forecast": named(asked.forecasts) if Way.FORECAST in asked.ways else NONE,
        "spread_seconds": asked.spread,
        "lag_seconds": asked.lag,
        "poll_seconds": asked.poll,
        "place": {"name": asked.placing.value, "what": PLACES[asked.placing]},
        "regions": {file.region: _region(file, read[file.region]) for file in asked.histories},
        "notes": [
            note
            for way, note in ((Way.QUANTILE, STANDING_IN), (Way.FORECAST, _foreseen(asked)))
            if way in asked.ways and note
        ],
        "warnings": [
            *files.warnings,
            *(warning for each in read.values() for warning in each.warnings),
            *given.warnings,
        ],
    }


def _foreseen(asked: BacktestAsked) -> str:
    """How a forecast that is not ours counts."""
    if not asked.forecasts.files:
        return ""
    return (
        f"forecast: what is given for {', '.join(asked.forecasts.files)} is joined on to what was "
        "measured and mixed with our own by how each fared lately, as live"
    )


def _jobs_from(asked: JobsAsked | MixAsked) -> str:
    if isinstance(asked, JobsAsked):
        return str(asked.file)
    return f"mix seed, {asked.per_month} a month"


def _region(asked: HistoryFile | StoredHistory, read: ReadHistory) -> dict[str, Any]:
    history = read.history
    file = asked if isinstance(asked, HistoryFile) else None
    return {
        "file": DATABASE if file is None else str(file.file),
        "column": read.column,
        "renewable_column": None if file is None else file.renewable_column,
        "from": _instant(history.begins),
        "until": _instant(history.ends),
        "interval_minutes": history.step / 60,
        "mean_grams_per_kwh": float(history.grams_per_kwh.mean()),
    }


def _settings(world: World, jobs: Jobs, way: Way) -> dict[str, Any]:
    """What the policy makes of a strategy, class by class."""
    strategy = STRATEGIES.get(way)
    if strategy is None:
        return {}
    anywhere = next(iter(world.histories))
    plans = {name: world.plan(name, anywhere, strategy) for name in jobs.classes}
    return {
        "settings": {
            name: {
                "urgent": plan.urgent,
                "strategy": plan.settings.strategy.value,
                "threshold": plan.settings.threshold,
                "min_renewable_percent": plan.settings.min_renewable_percent,
                "quantile_percent": plan.settings.quantile_percent,
                "quantile_window_hours": plan.settings.quantile_window.total_seconds() / 3600,
                "windows": len(plan.windows),
            }
            for name, plan in plans.items()
        }
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
