"""What `advise` reads: a policy, one region's past, and jobs to replay on it."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from carbon_scaler.application.advice import (
    SLACKS,
    TooLittleToAdviseError,
    Trials,
    by_class,
    by_slack,
    require_enough,
)
from carbon_scaler.application.advice_document import advice_document
from carbon_scaler.application.backtest import World
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.known_past import (
    KnownPast,
    known_past,
    latest,
    replayable,
    some,
    whole,
)
from carbon_scaler.application.own_issue import LEARNED_FROM
from carbon_scaler.application.saving_causes import Evidence, causes_document, causes_of
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.config.history_file import HistoryFile, StoredHistory
from carbon_scaler.config.job_columns import JobFrame
from carbon_scaler.config.policy_files import PolicyFiles, read_policy
from carbon_scaler.config.region_grids import known_region
from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs
from carbon_scaler.simulation.mix import Mix, draw
from carbon_scaler.storage.region_figures import PostgresRegionFigures
from carbon_scaler.wiring.backtest import class_terms
from carbon_scaler.wiring.backtest_inputs import JobsAsked, history_of, jobs_of
from carbon_scaler.wiring.databases import opened_database
from carbon_scaler.wiring.forecast import DEFAULT, NothingKnownError, stored_past

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceAsked:
    """Which region over how long a past, by which jobs, and what saving is hoped for.

    The first of the histories is that of the region; without any the database is read.
    """

    region: str | None
    histories: tuple[HistoryFile | StoredHistory, ...]
    days: int
    jobs: JobsAsked | None  # None: the seed mix
    per_month: int
    seed: int
    target_percent: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Read:
    """A region's past as far as it is known, and what else there is."""

    past: KnownPast  # with what forecasts learn from
    age: timedelta | None
    elsewhere: Mapping[str, float]
    origin: str


def advise(
    settings: Settings, asked: AdviceAsked, progress: Callable[[str], None]
) -> dict[str, Any]:
    """What other settings would have saved on this past, and why little is saved."""
    files = read_policy(settings.policy_dir)
    read = _read(settings, asked, files)
    recent = latest(read.past, asked.days * DAY.total_seconds())
    world = World(
        policy=files.policy,
        catalog=files.catalog,
        histories={read.past.history.region: read.past.history},
        seed=asked.seed,
        priors=load_priors(),
    )
    jobs, left_out = _jobs(settings, asked, world, recent)
    trials = Trials(world=world, history=read.past.history, jobs=jobs, progress=progress)
    require_enough(trials)
    evidence = Evidence(
        grams=recent.history.grams_per_kwh[~(recent.bridged | recent.unknown)],
        missing_percent=100 * float((recent.bridged | recent.unknown).mean()),
        age=read.age,
        elsewhere=read.elsewhere,
        target_percent=asked.target_percent,
    )
    return advice_document(
        trials,
        classes=by_class(trials),
        slacks=by_slack(trials),
        causes=causes_document(causes_of(trials, evidence)),
        about={
            "region": recent.history.region,
            "basis": str(recent.history.basis),
            "intensity_from": read.origin,
            "jobs_from": str(asked.jobs.file) if asked.jobs else f"mix seed, seed {asked.seed}",
            "jobs_left_out": left_out,
            "target_percent": asked.target_percent,
            "policy": files.policy.version,
        },
    )


def _read(settings: Settings, asked: AdviceAsked, files: PolicyFiles) -> _Read:
    if not asked.histories:
        return asyncio.run(_stored(settings, asked, files))
    read = [history_of(each, DEFAULT, settings).history for each in asked.histories]
    here, *others = read
    if asked.region is not None and known_region(asked.region, files.catalog).name != here.region:
        raise SettingsError(
            f"the first --intensity is of {here.region}, and {asked.region} is asked about; name "
            "its file first, or leave the region out"
        )
    return _Read(
        past=latest(whole(here), _reaches_back(asked).total_seconds()),
        age=None,
        elsewhere={each.region: _mean(each, here, asked.days * DAY) for each in others},
        origin=", ".join(_named(each) for each in asked.histories),
    )


def _reaches_back(asked: AdviceAsked) -> timedelta:
    """Forecasts learn from what was before the days that are advised on."""
    return max(LEARNED_FROM, asked.days * DAY)


def _named(asked: HistoryFile | StoredHistory) -> str:
    return str(asked.file) if isinstance(asked, HistoryFile) else "database"


def _mean(other: History, here: History, back: timedelta) -> float:
    """Of the time that is advised on, as far as it is known there."""
    starts = other.begins + other.step * np.arange(len(other.grams_per_kwh))
    within = (starts >= here.ends - back.total_seconds()) & (starts < here.ends)
    if not within.any():
        raise SettingsError(
            f"--intensity: {other.region} has no value in the time that is advised on, which ends "
            f"with that of {here.region}; leave it out"
        )
    return float(other.grams_per_kwh[within].mean())


async def _stored(settings: Settings, asked: AdviceAsked, files: PolicyFiles) -> _Read:
    if asked.region is None:
        raise SettingsError("name a region that is stored, or files: --intensity REGION=FILE")
    region = known_region(asked.region, files.catalog).name
    now = SystemClock().now()
    # The present hour is not over, so that nobody knows yet what it comes to.
    hour = now.replace(minute=0, second=0, microsecond=0)
    back = _reaches_back(asked)
    async with opened_database(settings, most_connections=1) as database:
        figures = PostgresRegionFigures(database.pool, server=database.server)
        bases = await figures.bases()
        past = await stored_past(database, region, now=hour, reaches_back=back)
        basis = bases.get(region, DEFAULT)
        if not len(past.grams):
            raise NothingKnownError(
                f"nothing of the last {back.days} days is stored of {region}; carbon-scaler "
                "ingest fills it, or name a file: --intensity REGION=FILE"
            )
        elsewhere = {
            name: found.grams_per_kwh
            for name, its in bases.items()
            if name != region
            and its == basis
            and (found := await figures.read(name, its, since=hour - asked.days * DAY, until=hour))
        }
    return _Read(
        past=known_past(region, past, basis),
        age=now - (past.known_until - HOUR),
        elsewhere=elsewhere,
        origin="database",
    )


def _jobs(
    settings: Settings, asked: AdviceAsked, world: World, recent: KnownPast
) -> tuple[Jobs, int]:
    """Those that can be replayed with every slack that is tried, and how many others there are."""
    if asked.jobs is not None:
        frame = JobFrame(terms=class_terms(world), histories=world.histories)
        jobs = jobs_of(asked.jobs, frame, settings).jobs
    else:
        jobs = _drawn(asked, world, recent.history)
    chosen = replayable(jobs, recent, SLACKS[-1])
    if not chosen.any():
        raise TooLittleToAdviseError(
            f"none of {len(jobs)} jobs lies in the last {asked.days} days with a day to wait and "
            "no gap in the intensity; give a longer --days, or other jobs"
        )
    return some(jobs, chosen), int(len(jobs) - chosen.sum())


def _drawn(asked: AdviceAsked, world: World, recent: History) -> Jobs:
    """The mix, with the slack that the policy's classes have."""
    jobs = draw(Mix(per_month=asked.per_month, seed=asked.seed), {recent.region: recent})
    plans = [world.plan(name, recent.region) for name in jobs.classes]
    slack = [0.0 if plan.urgent else plan.settings.max_delay.total_seconds() for plan in plans]
    return replace(jobs, slack=np.array(slack)[jobs.class_of])
