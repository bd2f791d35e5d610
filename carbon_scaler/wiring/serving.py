"""One server process: objects, tasks, and the order in which they start and stop."""

import asyncio
import gc
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import structlog
from fastapi import FastAPI

import carbon_scaler
from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.grid_state import GridStates
from carbon_scaler.application.loop_lag import watch_loop_lag
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.status import Server
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.keda.server import GrpcServer
from carbon_scaler.keda.servicer import Servicer
from carbon_scaler.keda.triggers import KnownTriggers
from carbon_scaler.observability.counters import LoopLag, RpcCounters
from carbon_scaler.storage.grid_state import PostgresGridState
from carbon_scaler.storage.notifications import PostgresChanges
from carbon_scaler.storage.pool import Pool, redacted, server_name
from carbon_scaler.web.app import build_app
from carbon_scaler.web.metrics import Measured, build_registry
from carbon_scaler.web.server import HttpServer
from carbon_scaler.wiring.checked_store import CheckedStore
from carbon_scaler.wiring.grid import averages_of, catalog_of
from carbon_scaler.wiring.listening import ensure_free, listen
from carbon_scaler.wiring.resources import configured_backlogs

log = structlog.get_logger()

READINESS_EVERY_SECONDS = 0.2
GARBAGE_BEFORE_COLLECTING = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a server stands on."""

    settings: Settings
    environment: Mapping[str, str]
    database_url: str
    pool: Pool
    default_region: str | None
    replay: str | None
    waiting_for: frozenset[str] = frozenset()


class Serving:
    """The parts of a running server; entered, it listens, left, it has drained."""

    def __init__(self, ground: Ground) -> None:
        self.clock = SystemClock()
        self.settings = ground.settings
        self.tasks = Tasks()
        self.store = CheckedStore(ground.pool, server=server_name(ground.database_url))
        catalog = catalog_of(self.settings)
        self.snapshots = Snapshots(
            store=self.store,
            changes=PostgresChanges(ground.database_url),
            clock=self.clock,
            averages=averages_of(catalog),
        )
        self.grid_states = GridStates(
            PostgresGridState(ground.pool, server=server_name(ground.database_url)),
            clock=self.clock,
        )
        self.backlogs = Backlogs(
            backlog_sources(configured_backlogs(self.settings, ground.environment)),
            clock=self.clock,
        )
        self.evaluator = Evaluator(
            policy=BUILT_IN_POLICY,
            catalog=catalog,
            default_region=ground.default_region,
            snapshots=self.snapshots,
            backlogs=self.backlogs,
            clock=self.clock,
        )
        self.server = Server(
            version=carbon_scaler.__version__,
            started_at=self.clock.now(),
            database=redacted(ground.database_url),
            sources=self.settings.sources,
            replay=ground.replay,
            waiting_for=ground.waiting_for,
            grid=lambda: self.grid_states.current,
        )
        self.ready = asyncio.Event()
        self._stack = AsyncExitStack()
        self._triggers = KnownTriggers(self.evaluator)
        self._rpc, self._loop_lag = RpcCounters(), LoopLag()

    @property
    def has_usable_values(self) -> bool:
        """Whether any region has a value that may decide now."""
        now = self.clock.now()
        readings = (each.resolved_at(now) for each in self.snapshots.current.regions.values())
        return any(reading is not None and now < reading.too_old_at for reading in readings)

    async def __aenter__(self) -> "Serving":
        async with AsyncExitStack() as starting:
            starting.push_async_callback(self.tasks.stop)
            self.tasks.start("snapshots", self.snapshots.run)
            self.tasks.start("grid_state", self.grid_states.run)
            self.tasks.start("loop_lag", lambda: watch_loop_lag(self._loop_lag))
            self.backlogs.start(self.tasks)
            starting.push_async_callback(self.backlogs.close)
            await self._open_doors(starting)
            self._stack = starting.pop_all()
        log.info(
            "server.listening",
            bind=self.settings.bind,
            grpc_port=self.server.grpc_port,
            http_port=self.server.http_port,
            replay=self.server.replay,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.stopping = True
        await self._stack.aclose()
        log.info("server.stopped")

    async def _open_doors(self, starting: AsyncExitStack) -> None:
        http = HttpServer(self._app(), listen_http(self.settings))
        servicer = Servicer(evaluator=self.evaluator, triggers=self._triggers, counters=self._rpc)
        grpc = GrpcServer(servicer, host=self.settings.bind, port=self.settings.grpc_port)
        self.server.grpc_port, self.server.http_port = grpc.port, http.port
        await grpc.start()
        self.tasks.start("http", http.run_until_stopped)
        self.tasks.start("readiness", lambda: self._follow_readiness(grpc))
        starting.push_async_callback(_stop_doors, grpc, http)

    def _app(self) -> FastAPI:
        measured = Measured(
            version=self.server.version,
            clock=self.clock,
            evaluator=self.evaluator,
            snapshots=self.snapshots,
            backlogs=self.backlogs,
            subjects=lambda: iter(self._triggers),
            rpc=self._rpc,
            loop_lag=self._loop_lag,
            grid=lambda: self.grid_states.current,
        )
        return build_app(
            server=self.server,
            snapshots=self.snapshots,
            backlogs=self.backlogs,
            policy=self.evaluator.policy,
            clock=self.clock,
            registry=build_registry(measured),
        )

    async def _follow_readiness(self, grpc: GrpcServer) -> None:
        told: bool | None = None
        while True:
            reasons = self.server.not_ready_because(self.snapshots)
            if told is not (not reasons):
                told = not reasons
                await grpc.set_ready(ready=told)
                log.info("server.ready" if told else "server.not_ready", reasons=reasons)
            if told and not self.ready.is_set():
                _settle_memory()
                self.ready.set()
            await asyncio.sleep(READINESS_EVERY_SECONDS)


def _settle_memory() -> None:
    """What lives as long as the process is not looked through again: that held the loop for long."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_BEFORE_COLLECTING)


def ensure_ports_free(settings: Settings) -> None:
    """Refuse ports in use before anything heavy is started."""
    ensure_free(settings.bind, settings.grpc_port, setting="CARBON_SCALER_GRPC_PORT")
    ensure_free(settings.bind, settings.http_port, setting="CARBON_SCALER_HTTP_PORT")


def listen_http(settings: Settings) -> socket.socket:
    """The listening socket of the HTTP door."""
    return listen(settings.bind, settings.http_port, setting="CARBON_SCALER_HTTP_PORT")


async def _stop_doors(grpc: GrpcServer, http: HttpServer) -> None:
    http.should_exit = True
    await asyncio.gather(grpc.stop(), http.stopped())
