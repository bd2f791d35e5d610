"""What `run`, `serve` and `ingest` do, from settings to the end of the process."""

import asyncio
import signal
from collections.abc import Callable

import structlog

from carbon_scaler.application.ingest import Ingest, IngestOutcome
from carbon_scaler.config.settings import DEFAULT_RUN_REGION, Settings, SettingsError
from carbon_scaler.storage.migrate import check_schema, migrate_up
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.pool import open_connection, open_pool
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.wiring.resources import (
    replay_database,
    replay_label,
    replay_source,
    required_database,
)
from carbon_scaler.wiring.serving import Serving, ensure_ports_free

log = structlog.get_logger()

FIRST_CYCLE = "first ingest cycle"


async def run(
    settings: Settings, environment: dict[str, str], announce: Callable[[Serving, str], None]
) -> None:
    """Everything in one process until a signal comes: the way to try it."""
    stopped = stop_on_signals()
    ensure_ports_free(settings)
    source = replay_source(settings, now=SystemClock().now())
    async with replay_database(settings) as url, open_pool(url, min_size=0) as pool:
        await migrate_up(url)
        serving = Serving(
            settings.model_copy(update={"sources": ("replay",)}),
            environment,
            pool=pool,
            database_url=url,
            default_region=settings.region or DEFAULT_RUN_REGION,
            replay=replay_label(settings),
            waiting_for=frozenset({FIRST_CYCLE}),
        )
        async with serving:
            ingest = Ingest((source,), store=serving.store, clock=serving.clock)
            serving.tasks.start("ingest", ingest.run)
            ready = asyncio.ensure_future(_first_cycle(serving, ingest))
            await _either(ready, stopped)
            if not stopped.is_set():
                announce(serving, url)
            await stopped.wait()


async def serve(settings: Settings, environment: dict[str, str]) -> None:
    """The stateless server until a signal comes."""
    stopped = stop_on_signals()
    url = required_database(settings, "serve")
    ensure_ports_free(settings)
    replay = replay_label(settings) if "replay" in settings.sources else None
    async with open_pool(url, min_size=0) as pool:
        serving = Serving(
            settings,
            environment,
            pool=pool,
            database_url=url,
            default_region=settings.region,
            replay=replay,
        )
        async with serving:
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
    async with open_pool(url) as pool:
        work = Ingest((source,), store=PostgresIntensityStore(pool), clock=clock)
        log.info("ingest.started", sources=settings.sources, replay=replay_label(settings))
        if once:
            return await work.ingest_once()
        stopped = stop_on_signals()
        running = asyncio.ensure_future(work.run())
        await _either(running, stopped)
        running.cancel()
    return None


def stop_on_signals() -> asyncio.Event:
    """Set once SIGINT or SIGTERM comes."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _first_cycle(serving: Serving, ingest: Ingest) -> None:
    await ingest.first_cycle_done.wait()
    serving.server.waiting_for -= {FIRST_CYCLE}
    await serving.wait_ready()


async def _either(work: "asyncio.Future[None]", stopped: asyncio.Event) -> None:
    """Wait for whichever comes first; what the work raised is raised here."""
    signalled = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({work, signalled}, return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if work.done():
        work.result()
    else:
        work.cancel()
