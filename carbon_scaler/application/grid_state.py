"""How ingest fares, for those who only read: who leads, how each feed does, what was asked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.ports import Clock
from carbon_scaler.domain.errors import CarbonScalerError

log = structlog.get_logger()

READ_EVERY_SECONDS = 10.0
# Beyond a trigger's usual lead a difference of clocks moves deadlines.
MOST_AHEAD = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """The one ingest process that writes."""

    holder: str
    since: datetime
    token: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GridState:
    """Ingest as the database shows it."""

    # None: no process leads.
    leader: Leader | None = None
    feeds: tuple[FeedRecord, ...] = ()
    # Requests since midnight UTC by source.
    calls_today: Mapping[str, int] = field(default_factory=dict)
    # How far the database's clock is ahead of ours; None: not measured yet.
    database_ahead: timedelta | None = None


class GridStateStore(Protocol):
    """Where ingest keeps what it must not forget."""

    async def read(self, now: datetime) -> GridState:
        """All of it at this moment, which is `now` by our clock."""
        ...


class GridStates:
    """The last view of ingest, renewed in the background so that no request waits for it."""

    def __init__(
        self,
        store: GridStateStore,
        *,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._clocks_differ = False
        self._sleep = sleep
        self.current = GridState()
        self.failure: str | None = "not read yet"

    async def run(self) -> None:
        """Read it every ten seconds for ever; while the store is away the last view stands."""
        while True:
            await self.read_once()
            await self._sleep(READ_EVERY_SECONDS)

    async def read_once(self) -> None:
        """Renew the view; a failure is kept and told once."""
        try:
            self.current = await self._store.read(self._clock.now())
        except CarbonScalerError as error:
            if self.failure != str(error):
                log.warning("grid_state.read_failed", cause=str(error))
            self.failure = str(error)
        else:
            self.failure = None
            self._judge_clocks(self.current.database_ahead or timedelta(0))

    def _judge_clocks(self, ahead: timedelta) -> None:
        """A difference beyond the usual lead moves deadlines: told when it begins and ends."""
        differ = abs(ahead) > MOST_AHEAD
        if differ != self._clocks_differ:
            write = log.warning if differ else log.info
            write("database.clock_differs", seconds=ahead.total_seconds(), beyond_lead=differ)
        self._clocks_differ = differ
