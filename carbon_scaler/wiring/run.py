"""What `run`, `serve` and `ingest` do, from settings to the end of the process."""

import asyncio
import signal
from collections.abc import Callable

import structlog

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.ingest import Ingest, IngestOutcome
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.config.settings import DEFAULT_RUN_REGION, Settings, SettingsError
from carbon_scaler.storage.databases import refuse_real_data
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.migrate import check_schema, migrate_up
from carbon_scaler.storage.pool import open_connection, open_pool
from carbon_scaler.wiring.resources import (
    replay_database,
    replay_label,
    replay_source,
    required_database,
)
from carbon_scaler.wiring.serving import Ground, Serving, ensure_ports_free

log = structlog.get_logger()

Announce = Callable[[Serving, str], None]
FIRST_CYCLE = "first ingest cycle"


async def run(settings: Settings, environment: dict[str, str], announce: Announce) -> None:
    """Everything in one process until a signal comes: the way to try it."""
    stopped = stop_on_signals()
    ensure_ports_free(settings)
    source = replay_source(settings, now=SystemClock().now())
    async with replay_database(settings) as url, open_pool(url, min_size=0) as pool:
        await migrate_up(url)
        ground = Ground(
            settings=settings.model_copy(update={"sources": ("replay",)}),
            environment=environment,
            database_url=url,
            pool=pool,
            default_region=settings.region or DEFAULT_RUN_REGION,
            replay=replay_label(settings),
            waiting_for=frozenset({FIRST_CYCLE}),
        )
        async with Serving(ground) as serving:
            ingest = Ingest((source,), store=serving.store, clock=serving.clock)
            serving.tasks.start("ingest", ingest.run)
            serving.tasks.start("announce", lambda: _announce(serving, ingest, announce, url))
            await stopped.wait()


async def serve(settings: Settings, environment: dict[str, str]) -> None:
    """The stateless server until a signal comes."""
    stopped = stop_on_signals()
    url = required_database(settings, "serve")
    ensure_ports_free(settings)
    replay = replay_label(settings) if "replay" in settings.sources else None
    async with open_pool(url, min_size=0) as pool:
        ground = Ground(
            settings=settings,
            environment=environment,
            database_url=url,
            pool=pool,
            default_region=settings.region,
            replay=replay,
        )
        async with Serving(ground):
            await stopped.wait()


async def ingest(settings: Settings, *, once: bool) -> IngestOutcome | None:
    """Fill the database: one cycle, or until a signal comes."""
    url = required_database(settings, "ingest")
    if not settings.sources:
        raise SettingsError(
            "CARBON_SCALER_SOURCES is not set; this version only has replay, and ingest never "
            "chooses it by itself: set CARBON_SCALER_SOURCES=replay"
        )
    clock = SystemClock()
    source = replay_source(settings, now=clock.now())
    async with open_connection(url) as connection:
        await check_schema(connection)
        await refuse_real_data(connection)
    async with open_pool(url) as pool:
        work = Ingest((source,), store=PostgresIntensityStore(pool), clock=clock)
        log.info("ingest.started", sources=settings.sources, replay=replay_label(settings))
        if once:
            return await work.ingest_once()
        stopped = stop_on_signals()
        tasks = Tasks()
        tasks.start("ingest", work.run)
        await stopped.wait()
        await tasks.stop()
    return None


def stop_on_signals() -> asyncio.Event:
    """Set once SIGINT or SIGTERM comes."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _announce(serving: Serving, ingest: Ingest, announce: Announce, url: str) -> None:
    await ingest.first_cycle_done.wait()
    # Ready means that what was ingested is seen, and the notification may still be under way.
    await serving.snapshots.refresh(None)
    serving.server.waiting_for -= {FIRST_CYCLE}
    await serving.ready.wait()
    announce(serving, url)
