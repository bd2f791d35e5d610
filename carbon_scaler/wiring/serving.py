"""One server process: objects, tasks, and the order in which they start and stop."""

import asyncio
import gc
import socket
import sys
from contextlib import AsyncExitStack

import structlog
from fastapi import FastAPI

import carbon_scaler
from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.loop_lag import watch_loop_lag
from carbon_scaler.application.rulebook import Rulebook, Rules
from carbon_scaler.application.status import Server
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.config.policy_signature import policy_signature
from carbon_scaler.config.settings import Settings
from carbon_scaler.keda.server import GrpcServer
from carbon_scaler.keda.servicer import Servicer
from carbon_scaler.keda.triggers import KnownTriggers
from carbon_scaler.observability.counters import LoopLag, RpcCounters
from carbon_scaler.storage.pool import redacted
from carbon_scaler.web.app import build_app
from carbon_scaler.web.metrics import Measured, build_registry
from carbon_scaler.web.server import HttpServer
from carbon_scaler.wiring.listening import ensure_free, listen
from carbon_scaler.wiring.resources import read_rulebook
from carbon_scaler.wiring.views import Ground, Views

log = structlog.get_logger()

READINESS_EVERY_SECONDS = 0.2
# How long a stopping server takes at most to write what it decided last.
LAST_DECISIONS_SECONDS = 1.0
GARBAGE_BEFORE_COLLECTING = 20_000
# Policies are read and explanations rendered in threads: the loop waits no longer for its turn.
SWITCH_THREADS_SECONDS = 0.0001


class Serving:
    """The parts of a running server; entered, it listens, left, it has drained."""

    def __init__(self, ground: Ground) -> None:
        self.clock = SystemClock()
        self.settings = ground.settings
        self.tasks = Tasks()
        self.rules = Rules(
            read=lambda: _read(ground),
            signature=lambda: policy_signature(ground.settings.policy_dir),
            use=self._use,
            clock=self.clock,
        )
        self.views = Views(ground, self.rules.current, self.clock)
        self.evaluator = Evaluator(
            rulebook=self.rules.current,
            default_region=ground.default_region,
            known=self.views.known,
            notes=self.views.journal,
            clock=self.clock,
        )
        self.server = Server(
            version=carbon_scaler.__version__,
            started_at=self.clock.now(),
            database=redacted(ground.database_url),
            sources=self.settings.sources,
            replay=ground.replay,
            waiting_for=ground.waiting_for,
            grid=lambda: self.views.grid_states.current,
        )
        self.ready = asyncio.Event()
        self._stack = AsyncExitStack()
        self._triggers = KnownTriggers(self.evaluator)
        self._rpc, self._loop_lag = RpcCounters(), LoopLag()

    @property
    def has_usable_values(self) -> bool:
        """Whether any region has a value that may decide now."""
        now = self.clock.now()
        readings = (each.resolved_at(now) for each in self.views.snapshots.current.regions.values())
        return any(reading is not None and now < reading.too_old_at for reading in readings)

    async def _use(self, rulebook: Rulebook) -> None:
        """Answer by another rulebook from now on."""
        await self.views.use(rulebook)
        self.evaluator.rulebook = rulebook

    async def __aenter__(self) -> "Serving":
        async with AsyncExitStack() as starting:
            starting.push_async_callback(self.tasks.stop)
            self.views.start(self.tasks)
            self.tasks.start("policy", self.rules.run)
            self.tasks.start("loop_lag", lambda: watch_loop_lag(self._loop_lag))
            starting.push_async_callback(self.views.backlogs.close)
            starting.push_async_callback(self.views.journal.flush, seconds=LAST_DECISIONS_SECONDS)
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
            snapshots=self.views.snapshots,
            backlogs=self.views.backlogs,
            subjects=lambda: iter(self._triggers),
            rpc=self._rpc,
            loop_lag=self._loop_lag,
            rules=self.rules,
            directives=self.views.directives,
            places=self.views.places,
            journal=self.views.journal,
            grid=lambda: self.views.grid_states.current,
        )
        return build_app(
            server=self.server,
            snapshots=self.views.snapshots,
            backlogs=self.views.backlogs,
            rules=self.rules,
            clock=self.clock,
            registry=build_registry(measured),
        )

    async def _follow_readiness(self, grpc: GrpcServer) -> None:
        told: bool | None = None
        while True:
            reasons = self.server.not_ready_because(self.views.snapshots)
            if told is not (not reasons):
                told = not reasons
                await grpc.set_ready(ready=told)
                log.info("server.ready" if told else "server.not_ready", reasons=reasons)
            if told and not self.ready.is_set():
                _settle_memory()
                sys.setswitchinterval(SWITCH_THREADS_SECONDS)
                self.ready.set()
            await asyncio.sleep(READINESS_EVERY_SECONDS)


def _read(ground: Ground) -> Rulebook:
    """In a thread: what it makes is looked through neither meanwhile nor, as it stays, later."""
    gc.disable()
    try:
        return read_rulebook(ground.settings, ground.environment)
    finally:
        gc.freeze()
        gc.enable()


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
