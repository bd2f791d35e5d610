"""What is configured, reachable and missing, found out by trying."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

from carbon_scaler.application.backlogs import OwnedBacklog
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.series_past import missing_hours
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.storage.databases import REPLAY_DATABASE
from carbon_scaler.wiring.databases import embedded_database
from carbon_scaler.wiring.doctor.database import examine_database
from carbon_scaler.wiring.doctor.findings import Finding, bad, good, warning
from carbon_scaler.wiring.doctor.ingest import examine_ingest
from carbon_scaler.wiring.doctor.sources import examine_sources
from carbon_scaler.wiring.look import opened_stores, read_all_once
from carbon_scaler.wiring.replay import REPLAY, replay_label
from carbon_scaler.wiring.resources import configured_backlogs

A_DAY = timedelta(hours=24)


async def examine(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Every check, one after another; none stops the others."""
    yield _region(settings)
    async for finding in examine_database(settings):
        yield finding
    async for finding in _stored(settings):
        yield finding
    async for finding in _sources(settings, environment):
        yield finding
    async for finding in _backlogs(settings, environment):
        yield finding


def _region(settings: Settings) -> Finding:
    if settings.region is None:
        text = "CARBON_SCALER_REGION is not set, so every trigger must name its region"
        return warning("region", text)
    return good("region", f"{settings.region} is the default")


async def _sources(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Finding]:
    if REPLAY in settings.sources or _run_replays(settings):
        yield good("sources", replay_label(settings))
        return
    async for finding in examine_sources(settings, environment):
        yield finding


def _run_replays(settings: Settings) -> bool:
    """Whether `run` chose to replay, because nothing live was to be had."""
    chose = not settings.sources and settings.database_url is None
    return chose and embedded_database(settings) == REPLAY_DATABASE


async def _stored(settings: Settings) -> AsyncIterator[Finding]:
    """Ingest and what it stored; nothing where the database is not as it should be."""
    try:
        async with opened_stores(settings) as stores:
            now = SystemClock().now()
            regions = await stores.intensities.load(None, now=now)
            state = await stores.grid_state.read(now)
    except CarbonScalerError:
        return
    for finding in examine_ingest(state, now):
        yield finding
    for region, series in sorted(regions.items()):
        yield _age(region, series, now)
        yield _coverage(region, series, now)


def _age(region: str, series: RegionSeries, now: datetime) -> Finding:
    check = f"data {region}"
    reading = series.resolved_at(now)
    if reading is None:
        return warning(check, "none that has begun")
    text = (
        f"{reading.grams_per_kwh:g} g/kWh ({reading.kind}) from {reading.source}, "
        f"{format_duration(now - reading.observed_at)} old"
    )
    if now >= reading.too_old_at:
        return warning(check, f"{text}: not fit to decide, triggers are blind")
    return good(check, text)


def _coverage(region: str, series: RegionSeries, now: datetime) -> Finding:
    check = f"past {region}"
    if series.first_at is None or now - series.first_at < A_DAY:
        return warning(check, "less than 24 hours are stored yet")
    if missing := missing_hours(series, now):
        return warning(check, f"{missing} hours of the last 7 days have no value")
    return good(check, "no hour of the last 7 days is missing since the first value")


async def _backlogs(settings: Settings, environment: Mapping[str, str]) -> AsyncIterator[Finding]:
    if settings.policy_dir is None:
        text = "CARBON_SCALER_POLICY_DIR is not set, so there are no backlogs and no mode queue"
        yield warning("backlogs", text)
        return
    try:
        sources = backlog_sources(configured_backlogs(settings, environment))
    except CarbonScalerError as error:
        yield bad("backlogs", str(error))
        return
    readings = await read_all_once(sources)
    for source in sources:
        yield _backlog(source, readings[source.name])


def _backlog(source: OwnedBacklog, reading: BacklogReading | BacklogUnknown) -> Finding:
    check = f"backlog {source.name}"
    if isinstance(reading, BacklogUnknown):
        return bad(check, reading.cause)
    items = reading.items
    strategy = "default" if items.counts_in_progress else "accurate"
    return good(
        check,
        f"{len(items.enqueued)} waiting, {items.in_progress} in progress; its ScaledJobs "
        f"need scalingStrategy.strategy: {strategy}",
    )
