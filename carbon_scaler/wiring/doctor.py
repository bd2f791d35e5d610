"""What is configured, reachable and missing, found out by trying."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from carbon_scaler.application.backlogs import OwnedBacklog
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.storage.migrate import check_schema
from carbon_scaler.storage.pool import open_connection, redacted, server_clock_offset
from carbon_scaler.wiring.look import opened_store, read_all_once
from carbon_scaler.wiring.resources import configured_backlogs, reachable_database

# Beyond a trigger's usual lead a difference of clocks moves deadlines.
MOST_OFFSET_SECONDS = 60.0


class State(StrEnum):
    """How one check went."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result, with what to do about it."""

    check: str
    state: State
    text: str


async def examine(settings: Settings, environment: dict[str, str]) -> AsyncIterator[Finding]:
    """Every check, one after another; none stops the others."""
    yield _region(settings)
    yield _sources(settings)
    async for finding in _database(settings):
        yield finding
    async for finding in _backlogs(settings, environment):
        yield finding


def _region(settings: Settings) -> Finding:
    if settings.region is None:
        return Finding(
            check="region",
            state=State.WARNING,
            text="CARBON_SCALER_REGION is not set, so every trigger must name its region",
        )
    return Finding(check="region", state=State.GOOD, text=f"{settings.region} is the default")


def _sources(settings: Settings) -> Finding:
    if settings.sources:
        return Finding(
            check="sources", state=State.GOOD, text=f"{', '.join(settings.sources)} (not live data)"
        )
    return Finding(
        check="sources",
        state=State.WARNING,
        text="CARBON_SCALER_SOURCES is not set: ingest has nothing to ask, run replays 2022",
    )


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    try:
        url = reachable_database(settings)
        async with open_connection(url) as connection:
            offset = await server_clock_offset(connection, SystemClock().now())
            yield Finding(check="database", state=State.GOOD, text=redacted(url))
            await check_schema(connection)
    except CarbonScalerError as error:
        yield Finding(check="database", state=State.BAD, text=str(error))
        return
    yield Finding(check="schema", state=State.GOOD, text="up to date")
    yield _clock(offset.total_seconds())
    now = SystemClock().now()
    async with opened_store(settings) as store:
        regions = await store.load(None, now=now)
    for region, series in sorted(regions.items()):
        yield _age(region, series, now)


def _clock(offset_seconds: float) -> Finding:
    state = State.WARNING if abs(offset_seconds) > MOST_OFFSET_SECONDS else State.GOOD
    text = f"the database's clock differs by {offset_seconds:+.1f} s"
    return Finding(check="clock", state=state, text=text)


def _age(region: str, series: RegionSeries, now: datetime) -> Finding:
    reading = series.reading_at(now)
    if reading is None:
        return Finding(check=f"data {region}", state=State.WARNING, text="none that has begun")
    text = (
        f"{reading.grams_per_kwh:g} g/kWh from {reading.source}, "
        f"{format_duration(now - reading.observed_at)} old"
    )
    if now >= reading.too_old_at:
        text += ": too old to decide, triggers are blind"
        return Finding(check=f"data {region}", state=State.WARNING, text=text)
    return Finding(check=f"data {region}", state=State.GOOD, text=text)


async def _backlogs(settings: Settings, environment: dict[str, str]) -> AsyncIterator[Finding]:
    if settings.policy_dir is None:
        text = "CARBON_SCALER_POLICY_DIR is not set, so there are no backlogs and no mode queue"
        yield Finding(check="backlogs", state=State.WARNING, text=text)
        return
    try:
        sources = backlog_sources(configured_backlogs(settings, environment))
    except CarbonScalerError as error:
        yield Finding(check="backlogs", state=State.BAD, text=str(error))
        return
    readings = await read_all_once(sources)
    for source in sources:
        yield _backlog(source, readings[source.name])


def _backlog(source: OwnedBacklog, reading: BacklogReading | BacklogUnknown) -> Finding:
    check = f"backlog {source.name}"
    if isinstance(reading, BacklogUnknown):
        return Finding(check=check, state=State.BAD, text=reading.cause)
    items = reading.items
    strategy = "default" if items.counts_in_progress else "accurate"
    return Finding(
        check=check,
        state=State.GOOD,
        text=f"{len(items.enqueued)} waiting, {items.in_progress} in progress; its ScaledJobs "
        f"need scalingStrategy.strategy: {strategy}",
    )
