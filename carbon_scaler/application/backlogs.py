"""Keep the last reading of every backlog in memory."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Protocol
from zlib import crc32

import structlog

from carbon_scaler.application.ports import BacklogSource, Clock
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.backlog import BacklogReading, BacklogState
from carbon_scaler.domain.errors import CarbonScalerError

log = structlog.get_logger()

Sleep = Callable[[float], Awaitable[None]]

UNEXPECTED = "an internal error, which the server's log tells"


class OwnedBacklog(BacklogSource, Protocol):
    """A source together with what its owner must know."""

    @property
    def namespaces(self) -> Collection[str] | None:
        """Who may use it; None is everybody."""
        ...

    async def close(self) -> None:
        """Let go of its connections."""
        ...


class Backlogs:
    """Reads each source at its own pace; one that fails leaves the others alone."""

    def __init__(
        self, sources: Iterable[OwnedBacklog], clock: Clock, *, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._sources = {source.name: source for source in sources}
        self._clock = clock
        self._sleep = sleep
        self._states = {name: BacklogState() for name in self._sources}
        self._tried = {name: asyncio.Event() for name in self._sources}
        self._is_closed = False
        self.reads: Counter[str] = Counter(dict.fromkeys(self._sources, 0))
        self.failures: Counter[str] = Counter(dict.fromkeys(self._sources, 0))

    @property
    def namespaces(self) -> Mapping[str, Collection[str] | None]:
        """Who may use which backlog; None is everybody."""
        return {name: source.namespaces for name, source in self._sources.items()}

    def state(self, name: str) -> BacklogState:
        """What is known of a backlog."""
        return self._states.get(name) or BacklogState(failure="no backlog has this name")

    async def first_reading(self, name: str) -> None:
        """Wait until a backlog was tried once, for its timeout at most."""
        tried = self._tried.get(name)
        if tried is None or tried.is_set():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(tried.wait(), self._sources[name].timeout.total_seconds())

    def start(self, tasks: Tasks) -> None:
        """Read all of them, from now on until the tasks are stopped."""
        for name, source in self._sources.items():
            tasks.start(f"backlog.{name}", partial(self._keep_reading, source))

    async def close(self) -> None:
        """Read no more and let go of what the sources hold."""
        self._is_closed = True
        await asyncio.gather(*(source.close() for source in self._sources.values()))

    async def read_once(self, name: str) -> None:
        """One attempt; it changes what is known and raises only what nobody foresaw."""
        source, now = self._sources[name], self._clock.now()
        self.reads[name] += 1
        try:
            async with asyncio.timeout(source.timeout.total_seconds()):
                items = await source.read()
        except CarbonScalerError as error:
            self._failed(name, str(error))
        except TimeoutError:
            self._failed(name, f"not answered within {source.timeout.total_seconds():g} s")
        except Exception:
            self._failed(name, UNEXPECTED)
            raise
        else:
            # As of before the reading began: the content may be that old.
            self._succeeded(
                name, BacklogReading(items=items, read_at=now, too_old_at=now + source.max_age)
            )

    async def _keep_reading(self, source: BacklogSource) -> None:
        pause = source.refresh.total_seconds()
        await self.read_once(source.name)
        # Apart from each other, for many backlogs usually share one server.
        await self._sleep(pause * (0.5 + phase(source.name) / 2))
        while not self._is_closed:
            await self.read_once(source.name)
            await self._sleep(pause)

    def _succeeded(self, name: str, reading: BacklogReading) -> None:
        if self._states[name].failure is not None:
            log.info("backlog.recovered", backlog=name)
        self._states[name] = BacklogState(reading=reading)
        self._tried[name].set()

    def _failed(self, name: str, cause: str) -> None:
        if self._is_closed:
            return
        before = self._states[name]
        self.failures[name] += 1
        if cause != before.failure:
            log.warning("backlog.failed", backlog=name, cause=cause)
        # The last reading stays and ages.
        self._states[name] = BacklogState(reading=before.reading, failure=cause)
        self._tried[name].set()


def phase(name: str) -> float:
    """A fixed fraction of 1 for this name, the same in every process."""
    return crc32(name.encode()) / 2**32
