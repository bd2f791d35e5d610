"""What `run`, `serve` and `ingest` do, from settings to the end of the process."""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.ingest import IngestOutcome
from carbon_scaler.application.ports import Term
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.application.terms import SupersededError, while_leading
from carbon_scaler.config.settings import DEFAULT_RUN_REGION, Settings
from carbon_scaler.config.zones_file import zone_warnings
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.providers.transport import Patience
from carbon_scaler.storage.databases import refuse_real_data, refuse_replayed_data
from carbon_scaler.storage.leadership import LeaderElsewhereError
from carbon_scaler.storage.migrate import check_schema, migrate_up
from carbon_scaler.storage.pool import open_connection, open_pool
from carbon_scaler.wiring.choice import replay_instead
from carbon_scaler.wiring.databases import database_of_run, required_database
from carbon_scaler.wiring.ingesting import Ingesting, Place, opened_ingesting
from carbon_scaler.wiring.replay import REPLAY, replay_label
from carbon_scaler.wiring.serving import Ground, Serving, ensure_ports_free
from carbon_scaler.wiring.sources import PATIENCE

log = structlog.get_logger()

Announce = Callable[[Serving, str], None]
FIRST_CYCLE = "first ingest cycle"
# What a single cycle waits for another process that leads, while no value is usable yet.
WAIT_FOR_TURN = timedelta(seconds=60)
LOOK_AGAIN_SECONDS = 1.0
AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCycle:
    """What a single cycle came to; None: another process leads and did the work."""

    outcome: IngestOutcome | None
    # The regions that have a value which may decide.
    usable: frozenset[str]
    leader: str | None = None


async def run(settings: Settings, environment: dict[str, str], announce: Announce) -> None:
    """Everything in one process until a signal comes: the way to try it."""
    stopped = stop_on_signals()
    ensure_ports_free(settings)
    replay = await replay_instead(settings, environment)
    async with (
        database_of_run(settings, replay=replay is not None) as url,
        open_pool(url, min_size=0) as pool,
    ):
        await migrate_up(url)
        await _refuse_mixing(url, replay=replay is not None)
        place = Place(url=url, pool=pool, replay=replay is not None)
        async with opened_ingesting(settings, environment, place) as ingesting:
            _log_warnings(ingesting)
            ground = Ground(
                settings=settings.model_copy(update={"sources": ingesting.grid.names}),
                environment=environment,
                database_url=url,
                pool=pool,
                default_region=settings.region or _usual_region(ingesting),
                replay=replay,
                waiting_for=frozenset({FIRST_CYCLE}),
            )
            async with Serving(ground) as serving:
                serving.tasks.start("ingest", ingesting.run)
                serving.tasks.start(
                    "announce", lambda: _announce(serving, ingesting, announce, url)
                )
                await stopped.wait()


async def serve(settings: Settings, environment: dict[str, str]) -> None:
    """The stateless server until a signal comes."""
    stopped = stop_on_signals()
    url = required_database(settings, "serve")
    ensure_ports_free(settings)
    async with open_pool(url, min_size=0) as pool:
        ground = Ground(
            settings=settings,
            environment=environment,
            database_url=url,
            pool=pool,
            default_region=settings.region,
            replay=replay_label(settings) if REPLAY in settings.sources else None,
        )
        async with Serving(ground):
            await stopped.wait()


async def ingest(
    settings: Settings,
    environment: dict[str, str],
    *,
    once: bool,
    patience: Patience = PATIENCE,
) -> OneCycle | None:
    """Fill the database: one cycle, or until a signal comes."""
    url = required_database(settings, "ingest")
    replay = REPLAY in settings.sources
    async with open_pool(url, min_size=0) as pool:
        place = Place(url=url, pool=pool, replay=replay)
        # Before the database: what is wrongly configured is said even while it is away.
        async with opened_ingesting(settings, environment, place, patience=patience) as ingesting:
            async with open_connection(url) as connection:
                await check_schema(connection)
            await _refuse_mixing(url, replay=replay)
            _log_warnings(ingesting)
            log.info(
                "ingest.started",
                sources=ingesting.grid.names,
                regions=len(ingesting.grid.plan.grids),
                replay=replay_label(settings) if replay else None,
            )
            if once:
                return await _one_cycle(ingesting)
            stopped = stop_on_signals()
            tasks = Tasks()
            tasks.start("ingest", ingesting.run)
            await stopped.wait()
            await tasks.stop()
    return None


async def _one_cycle(ingesting: Ingesting) -> OneCycle:
    """A cycle of this process, or what another one that leads has brought."""
    give_up_at, told = time.monotonic() + WAIT_FOR_TURN.total_seconds(), False
    while True:
        try:
            async with ingesting.elections.term(AT_ONCE) as term:
                outcome = await while_leading(term, _cycle(ingesting, term))
            if outcome is not None:
                return OneCycle(outcome=outcome, usable=outcome.usable)
            cause = "this process was leading no more before its cycle ended"
            log.warning("ingest.term_lost", token=term.token)
        except SupersededError as error:
            cause = str(error)
            log.warning("ingest.superseded", cause=cause)
        except LeaderElsewhereError as error:
            cause = str(error)
            if usable := await _usable_now(ingesting):
                return OneCycle(outcome=None, usable=usable, leader=cause)
            if not told:
                log.info("ingest.waits_for_values", cause=cause)
            told = True
        if time.monotonic() >= give_up_at:
            usable = await _usable_now(ingesting)
            return OneCycle(outcome=None, usable=usable, leader=cause)
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _cycle(ingesting: Ingesting, term: Term) -> IngestOutcome:
    outcome = await ingesting.ingest.ingest_once(term)
    await ingesting.note_run(outcome)
    return outcome


async def _usable_now(ingesting: Ingesting) -> frozenset[str]:
    now = SystemClock().now()
    names = [grid.region.name for grid in ingesting.grid.plan.grids]
    loaded = await ingesting.stores.intensities.load(names, now=now)
    return frozenset(
        region
        for region, series in loaded.items()
        if any(each.usable_at(now) is not None for each in (series, *series.stand_ins))
    )


async def _refuse_mixing(url: str, *, replay: bool) -> None:
    async with open_connection(url) as connection:
        await (refuse_real_data if replay else refuse_replayed_data)(connection)


def _log_warnings(ingesting: Ingesting) -> None:
    for text in (*ingesting.grid.plan.warnings, *_zone_warnings(ingesting.grid.plan.grids)):
        log.warning("ingest.warning", text=text)


def _zone_warnings(grids: tuple[RegionGrid, ...]) -> list[str]:
    """Of the zones that Electricity Maps will be asked for."""
    zones = {each.region.zone for each in grids if "electricity_maps" in each.chain}
    return [text for zone in sorted(zones) for text in zone_warnings(zone)]


def _usual_region(ingesting: Ingesting) -> str:
    regions = [grid.region.name for grid in ingesting.grid.plan.grids]
    return DEFAULT_RUN_REGION if DEFAULT_RUN_REGION in regions else next(iter(regions))


def stop_on_signals() -> asyncio.Event:
    """Set once SIGINT or SIGTERM comes."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    return stopped


async def _announce(serving: Serving, ingesting: Ingesting, announce: Announce, url: str) -> None:
    await ingesting.ingest.first_cycle_done.wait()
    # Ready means that what was ingested is seen, and the notification may still be under way.
    await serving.snapshots.refresh(None)
    await serving.grid_states.read_once()
    serving.server.waiting_for -= {FIRST_CYCLE}
    await serving.ready.wait()
    announce(serving, url)
