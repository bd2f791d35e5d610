"""Ingest at work: its sources, its stores, its election, its alerts."""

import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from os import getpid

import structlog

from carbon_scaler.application.alert_rules import AlertView, Spent, judge
from carbon_scaler.application.alerting import Alerting
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.ingest.loop import Ingest, IngestOutcome, Rhythm, Stores
from carbon_scaler.application.ports import Clock, Elections, Term
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.config.zones_file import zone_warnings
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.providers.transport import Patience
from carbon_scaler.storage.alert_episodes import PostgresEpisodeStore
from carbon_scaler.storage.call_counts import PostgresCallCounts
from carbon_scaler.storage.databases import refuse_real_data, refuse_replayed_data
from carbon_scaler.storage.feeds import PostgresFeedLedger
from carbon_scaler.storage.forecasts import PostgresForecastStore
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.leadership import PostgresElections
from carbon_scaler.storage.pool import Pool, open_connection, server_name
from carbon_scaler.storage.zone_directory import PostgresZoneDirectory
from carbon_scaler.wiring.alerts import notifier
from carbon_scaler.wiring.forecast_process import forecasting_apart
from carbon_scaler.wiring.grid import Grid, opened_grid, refusal_of_plan
from carbon_scaler.wiring.own_forecasts import Apart, own_forecasts
from carbon_scaler.wiring.replay import replay_grid
from carbon_scaler.wiring.sources import PATIENCE, Memory, quotas_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The database that is filled, and whether replayed values go there."""

    url: str
    pool: Pool
    replay: bool


def holder_name() -> str:
    """What other processes are told of this one."""
    return f"{socket.gethostname()}:{getpid()}"


class Ingesting:
    """What an ingest process consists of."""

    def __init__(
        self, settings: Settings, place: Place, grid: Grid, *, clock: Clock, apart: Apart
    ) -> None:
        server = server_name(place.url)
        self.grid = grid
        self.elections = PostgresElections(place.url, holder=holder_name())
        self._settings = settings
        self.clock = clock
        self._watched_since = self.clock.now()
        self._calls = PostgresCallCounts(place.pool, server=server)
        self.stores = Stores(
            intensities=PostgresIntensityStore(place.pool, server=server),
            forecasts=PostgresForecastStore(place.pool, server=server),
            feeds=PostgresFeedLedger(place.pool, server=server),
        )
        self.ingest = Ingest(
            grid.plan.grids,
            grid.sources,
            stores=self.stores,
            clock=self.clock,
            rhythm=Rhythm(
                forecast_every=settings.forecast_every, history_every=settings.history_every
            ),
        )
        self.forecasts = own_forecasts(place.pool, server, grid, clock=clock, apart=apart)
        channels = None if place.replay else notifier(settings)
        self._alerting = (
            None
            if channels is None
            else Alerting(
                clock=self.clock,
                store=PostgresEpisodeStore(place.pool, server=server),
                notifier=channels,
            )
        )

    def log_warnings(self) -> None:
        """What is allowed and yet surprising."""
        for text in (*self.grid.plan.warnings, *_zone_warnings(self.grid.plan.grids)):
            log.warning("ingest.warning", text=text)

    async def run(self) -> None:
        """For ever; whoever leads also tells of what is wrong and of what is expected."""
        loops = {"alerts": self._tell, "forecasts": self.forecasts.run}
        await self.ingest.run(_Leading(self.elections, loops))

    async def note_run(self, outcome: IngestOutcome) -> None:
        """Tell of a single cycle, within bounds; a failure to tell fails nothing."""
        if self._alerting is not None:
            failures = {} if outcome.usable else outcome.failures
            await self._alerting.observe_once(judge(await self._view(failures)))

    async def _tell(self, _term: Term) -> None:
        if self._alerting is not None:
            await self._alerting.run(self._view)

    async def _view(self, run_failures: Mapping[str, str] | None = None) -> AlertView:
        now = self.clock.now()
        names = [grid.region.name for grid in self.grid.plan.grids]
        loaded = await self.stores.intensities.load(names, now=now)
        calls = await self._calls.calls_today(now)
        return AlertView(
            now=now,
            watched_since=self._watched_since,
            regions={name: loaded.get(name) for name in names},
            feeds=await self.stores.feeds.feeds(),
            quotas={
                source: Spent(calls=calls.get(source, 0), quota=quota)
                for source, quota in quotas_of(self._settings).items()
            },
            run_failures=run_failures or {},
        )


async def refuse_mixing(url: str, *, replay: bool) -> None:
    """Replayed and live values never share a database."""
    async with open_connection(url) as connection:
        await (refuse_real_data if replay else refuse_replayed_data)(connection)


@asynccontextmanager
async def opened_ingesting(
    settings: Settings,
    environment: Mapping[str, str],
    place: Place,
    *,
    patience: Patience = PATIENCE,
    clock: Clock | None = None,
) -> AsyncIterator[Ingesting]:
    """Everything that ingest needs; refuses a configuration that can't work."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        if place.replay:
            grid = replay_grid(settings, now=clock.now())
        else:
            server = server_name(place.url)
            memory = Memory(
                calls=PostgresCallCounts(place.pool, server=server),
                zones=PostgresZoneDirectory(place.pool, server=server),
                clock=clock,
            )
            opened = opened_grid(settings, environment, memory, patience=patience)
            grid = await stack.enter_async_context(opened)
            if (refusal := refusal_of_plan(grid, settings)) is not None:
                raise SettingsError(refusal)
        apart = partial(forecasting_apart, environment)
        yield Ingesting(settings, place, grid, clock=clock, apart=apart)


def _zone_warnings(grids: tuple[RegionGrid, ...]) -> list[str]:
    """Of the zones that Electricity Maps will be asked for."""
    zones = {each.region.zone for each in grids if "electricity_maps" in each.chain}
    return [text for zone in sorted(zones) for text in zone_warnings(zone)]


class _Leading:
    """Elections whose winner does more than ingest for as long as it leads."""

    def __init__(
        self,
        elections: Elections,
        loops: Mapping[str, Callable[[Term], Coroutine[None, None, None]]],
    ) -> None:
        self._elections = elections
        self._loops = loops

    @asynccontextmanager
    async def term(self) -> AsyncIterator[Term]:
        async with self._elections.term() as term:
            tasks = Tasks()
            for name, loop in self._loops.items():
                tasks.start(name, partial(loop, term))
            try:
                yield term
            finally:
                await tasks.stop()
