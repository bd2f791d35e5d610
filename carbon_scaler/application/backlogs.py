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
        self._sources: dict[str, OwnedBacklog] = {source.name: source for source in sources}
        self._tasks: Tasks | None = None
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
        self._tasks = tasks
        for source in self._sources.values():
            self._start(source, tasks)

    async def use(self, sources: Iterable[OwnedBacklog]) -> None:
        """Read these from now on; one that was read before goes on as it is."""
        former = self._sources
        self._sources = {source.name: source for source in sources}
        for name, source in self._sources.items():
            if former.get(name) is not source:
                self._states[name] = BacklogState()
                self._tried[name] = asyncio.Event()
                self.reads.setdefault(name, 0)
                self.failures.setdefault(name, 0)
                if self._tasks is not None:
                    self._start(source, self._tasks)
        for name in former.keys() - self._sources.keys():
            del self._states[name], self._tried[name]
        gone = [source for source in former.values() if not self._is_read(source)]
        await asyncio.gather(*(source.close() for source in gone))

    async def close(self) -> None:
        """Read no more and let go of what the sources hold."""
        self._is_closed = True
        await asyncio.gather(*(source.close() for source in self._sources.values()))

    async def read_once(self, name: str) -> None:
        """One attempt; it changes what is known and raises only what nobody foresaw."""
        await self._read(self._sources[name])

    async def _read(self, source: OwnedBacklog) -> None:
        name, now = source.name, self._clock.now()
        self.reads[name] += 1
        try:
            async with asyncio.timeout(source.timeout.total_seconds()):
                items = await source.read()
        except CarbonScalerError as error:
            self._failed(source, str(error))
        except TimeoutError:
            self._failed(source, f"not answered within {source.timeout.total_seconds():g} s")
        except Exception:
            self._failed(source, UNEXPECTED)
            raise
        else:
            # As of before the reading began: the content may be that old.
            self._succeeded(
                source, BacklogReading(items=items, read_at=now, too_old_at=now + source.max_age)
            )

    def _start(self, source: OwnedBacklog, tasks: Tasks) -> None:
        tasks.start(f"backlog.{source.name}", partial(self._keep_reading, source))

    def _is_read(self, source: OwnedBacklog) -> bool:
        """Whether it is still among those that are read; another of its name may be."""
        return not self._is_closed and self._sources.get(source.name) is source

    async def _keep_reading(self, source: OwnedBacklog) -> None:
        pause = source.refresh.total_seconds()
        await self._read(source)
        # Apart from each other, for many backlogs usually share one server.
        await self._sleep(pause * (0.5 + phase(source.name) / 2))
        while self._is_read(source):
            await self._read(source)
            await self._sleep(pause)

    def _succeeded(self, source: OwnedBacklog, reading: BacklogReading) -> None:
        if not self._is_read(source):
            return
        name = source.name
        if self._states[name].failure is not None:
            log.info("backlog.recovered", backlog=name)
        self._states[name] = BacklogState(reading=reading)
        self._tried[name].set()

    def _failed(self, source: OwnedBacklog, cause: str) -> None:
        if not self._is_read(source):
            return
        name = source.name
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
