"""What `ingest` does, from settings to the end of the process."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import structlog

from carbon_scaler.application.ingest.loop import IngestOutcome
from carbon_scaler.application.ports import Clock, Term
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.application.terms import SupersededError, while_leading
from carbon_scaler.config.settings import Settings
from carbon_scaler.providers.transport import Patience
from carbon_scaler.storage.leadership import LeaderElsewhereError
from carbon_scaler.storage.migrate import check_schema
from carbon_scaler.storage.pool import open_connection, open_pool
from carbon_scaler.wiring.databases import required_database
from carbon_scaler.wiring.ingesting import Ingesting, Place, opened_ingesting, refuse_mixing
from carbon_scaler.wiring.ingesting_anew import keep_ingesting
from carbon_scaler.wiring.replay import REPLAY, replay_label
from carbon_scaler.wiring.signals import stop_on_signals
from carbon_scaler.wiring.sources import PATIENCE

log = structlog.get_logger()

# What a single cycle waits for another process that leads, while no value is usable yet.
WAIT_FOR_TURN = timedelta(seconds=60)
LOOK_AGAIN_SECONDS = 1.0
AT_ONCE = timedelta(0)
# A single cycle with all that comes after it, and the forecasts of it.
ONE_CYCLE = timedelta(seconds=175)
FORECASTS_ONCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneCycle:
    """What a single cycle came to; None: another process leads and did the work."""

    outcome: IngestOutcome | None
    # The regions that have a value which may decide.
    usable: frozenset[str]
    leader: str | None = None


async def ingest(
    settings: Settings,
    environment: dict[str, str],
    *,
    once: bool,
    patience: Patience = PATIENCE,
    clock: Clock | None = None,
) -> OneCycle | None:
    """Fill the database: one cycle, or until a signal comes."""
    url = required_database(settings, "ingest")
    replay = REPLAY in settings.sources
    async with open_pool(url, min_size=0) as pool:
        place = Place(url=url, pool=pool, replay=replay)
        # Before the database: what is wrongly configured is said even while it is away.
        async with opened_ingesting(
            settings, environment, place, patience=patience, clock=clock
        ) as ingesting:
            async with open_connection(url) as connection:
                await check_schema(connection)
            await refuse_mixing(url, replay=replay)
            ingesting.log_warnings()
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

            def open_another() -> AbstractAsyncContextManager[Ingesting]:
                return opened_ingesting(settings, environment, place, patience=patience)

            tasks.start("ingest", partial(keep_ingesting, settings, ingesting, open_another))
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
    give_up_at = time.monotonic() + ONE_CYCLE.total_seconds()
    outcome = await ingesting.ingest.ingest_once(term)
    await ingesting.note_run(outcome)
    left = timedelta(seconds=give_up_at - time.monotonic())
    await ingesting.forecasts.issue_once(term, within=min(FORECASTS_ONCE, left))
    return outcome


async def _usable_now(ingesting: Ingesting) -> frozenset[str]:
    now = ingesting.clock.now()
    names = [grid.region.name for grid in ingesting.grid.plan.grids]
    loaded = await ingesting.stores.intensities.load(names, now=now)
    return frozenset(
        region
        for region, series in loaded.items()
        if any(each.usable_at(now) is not None for each in (series, *series.stand_ins))
    )
