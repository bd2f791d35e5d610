"""What `windows` reads: the stored past of regions, and what our forecaster makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from carbon_scaler.application.clean_hours import LearnedHours, learned_hours, ranked_hours
from carbon_scaler.application.clean_windows import (
    CleanWindow,
    ExpectedHours,
    JobShape,
    clean_windows,
    expected_hours,
    ranked,
    start_now,
)
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.forecast_view import accuracy_document
from carbon_scaler.application.own_issue import LEARNED_FROM
from carbon_scaler.application.region_ranking import NotComparableError
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.config.region_grids import known_region
from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.policy import Policy
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted
from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hours import HourlyHistory
from carbon_scaler.forecasting.provider import ProviderIssue
from carbon_scaler.storage.provider_issues import PostgresProviderIssues
from carbon_scaler.storage.region_figures import PostgresRegionFigures
from carbon_scaler.storage.region_grids import read_grid
from carbon_scaler.wiring.databases import Opened, opened_database
from carbon_scaler.wiring.forecast import (
    DEFAULT,
    NothingKnownError,
    forecasted,
    stored_past,
)

MINUTE = timedelta(minutes=1)
STARTS_NOW = "a saving is against the same job started now, in the same region"
STARTS_ANY = "a saving is against the mean of all starts in the same region"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowsAsked:
    """For which job, how far ahead or from how long a past, and how many; None: as stated."""

    region: str | None  # None: all that are stored
    workload_class: str
    duration: timedelta | None = None
    within: timedelta
    past: timedelta | None = None  # None: what is expected
    limit: int
    below: float | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stored:
    """What one region's windows are made from."""

    region: str
    basis: Basis
    zone: tzinfo
    past: HourlyHistory
    provider: Sequence[ProviderIssue]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Question:
    """What is asked, with all that the policy adds."""

    asked: WindowsAsked
    catalog: Catalog
    job: JobShape
    now: datetime


async def windows_of(settings: Settings, asked: WindowsAsked) -> dict[str, Any]:
    """The cleanest starts that are expected, or that the past was clean at."""
    files = read_policy(settings.policy_dir)
    question = _Question(
        asked=asked,
        catalog=files.catalog,
        job=_job(files.policy, asked),
        now=asked.at or SystemClock().now(),
    )
    async with opened_database(settings, most_connections=1) as database:
        stored = await _stored(database, question)
    return {
        "now": question.now,
        "workload_class": asked.workload_class,
        "duration_minutes": question.job.duration / MINUTE,
        "job_energy_kwh": question.job.energy_kwh,
        **(_expected if asked.past is None else _of_the_past)(stored, question),
    }


def _job(policy: Policy, asked: WindowsAsked) -> JobShape:
    """The length and energy that the class states, or the defaults."""
    name = asked.workload_class
    if name not in policy.classes:
        raise SettingsError(
            f"--class {quoted(name)} is not known; {allowed_names(name, policy.classes)}"
        )
    stated, defaults = policy.classes[name].stated, policy.defaults
    duration = asked.duration or stated.job_duration or defaults.job_duration
    energy = stated.job_energy_kwh or defaults.job_energy_kwh
    if duration is None or energy is None:
        raise SettingsError(f"--class {quoted(name)} has no job_duration and job_energy_kwh")
    return JobShape(duration=duration, energy_kwh=energy)


async def _stored(database: Opened, question: _Question) -> list[_Stored]:
    return [
        await _stored_of(database, question, name, basis)
        for name, basis in (await _regions(database, question)).items()
    ]


async def _stored_of(database: Opened, question: _Question, region: str, basis: Basis) -> _Stored:
    """A stored region may have any name; nobody forecasts one that is in no catalog."""
    place, now = question.catalog.get(region), question.now
    back = question.asked.past or LEARNED_FROM
    provider: Sequence[ProviderIssue] = ()
    if place is not None and question.asked.past is None:
        grid = await read_grid(database.pool, place, server=database.server)
        issues = PostgresProviderIssues(database.pool, server=database.server)
        provider = await issues.provider_issues(grid, now)
    return _Stored(
        region=region,
        basis=basis,
        zone=UTC if place is None else place.timezone,
        past=await stored_past(database, region, now=now, reaches_back=back),
        provider=provider,
    )


async def _regions(database: Opened, question: _Question) -> Mapping[str, Basis]:
    figures = PostgresRegionFigures(database.pool, server=database.server)
    bases = await figures.bases()
    if question.asked.region is not None:
        name = known_region(question.asked.region, question.catalog).name
        return {name: bases.get(name, DEFAULT)}
    if not bases:
        raise NothingKnownError(
            "no region is stored yet; name one for its yearly average, or fill the database with "
            "carbon-scaler ingest"
        )
    if len(set(bases.values())) > 1:
        told = ", ".join(f"{name} is {basis}" for name, basis in bases.items())
        raise NotComparableError(
            f"regions of different bases are not ranked together: {told}; name one region"
        )
    return bases


def _expected(stored: list[_Stored], question: _Question) -> dict[str, Any]:
    asked, job, now = question.asked, question.job, question.now
    regions, windows = [], list[CleanWindow]()
    for each in stored:
        found = forecasted(
            each.region,
            each.past,
            question.catalog,
            now,
            basis=each.basis,
            provider=each.provider,
        )
        hours = expected_hours(each.region, each.past, found.forecast, now)
        windows += clean_windows(hours, job, now, asked.within)
        at_once = start_now(hours, job, now)
        regions.append(_told(each) | _present(hours, found.forecast, at_once))
    zones = {each.region: each.zone for each in stored}
    return {
        "kind": "expected",
        "within_minutes": asked.within / MINUTE,
        "saving": STARTS_NOW,
        "regions": regions,
        "windows": [
            _window(each, zones[each.region])
            for each in ranked(windows, limit=asked.limit, below=asked.below)
        ],
    }


def _told(stored: _Stored) -> dict[str, Any]:
    return {
        "region": stored.region,
        "basis": str(stored.basis),
        "time_zone": str(stored.zone),
    }


def _present(hours: ExpectedHours, forecast: Forecast, at_once: CleanWindow) -> dict[str, Any]:
    return {
        "model": forecast.model,
        "accuracy": None if forecast.accuracy is None else accuracy_document(forecast.accuracy),
        "known_until": forecast.known_until,
        "expected_until": hours.ends_at,
        "present": {"grams_per_kwh": float(hours.grams[0]), "kind": hours.present_kind},
        "start_now": {
            "grams_per_kwh": at_once.grams_per_kwh,
            "emissions_grams": at_once.emissions_grams,
        },
    }


def _window(window: CleanWindow, zone: tzinfo) -> dict[str, Any]:
    told = asdict(window)
    told["delay_minutes"] = told.pop("delay") / MINUTE
    return told | {"local_start": window.starts_at.astimezone(zone).isoformat()}


def _of_the_past(stored: list[_Stored], question: _Question) -> dict[str, Any]:
    asked = question.asked
    found = [
        (each, learned_hours(each.region, each.past, question.job, each.zone)) for each in stored
    ]
    learned = [(each, hours) for each, hours in found if hours is not None]
    if not learned:
        names = ", ".join(each.region for each in stored)
        raise NothingKnownError(
            f"too little of the past of {names} is stored to learn from: not one run of this "
            "length is known in full; carbon-scaler ingest fills it"
        )
    starts = [start for _, hours in learned for start in hours.hours]
    return {
        "kind": "past",
        "saving": STARTS_ANY,
        "regions": [_told(each) | _learned(hours) for each, hours in learned],
        "windows": [
            asdict(each) for each in ranked_hours(starts, limit=asked.limit, below=asked.below)
        ],
    }


def _learned(hours: LearnedHours) -> dict[str, Any]:
    told = asdict(hours)
    del told["hours"]
    return told
