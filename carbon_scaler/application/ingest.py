"""Fetch grid values from the sources and keep them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import structlog

from carbon_scaler.application.ingest_feeds import Asked, Backfill, Feed, ask, cause_of
from carbon_scaler.application.ports import Clock, IntensitySource, IntensityStore
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Kind, Reading

log = structlog.get_logger()

# The store bounds its own statements; this ends one that does not.
STORE_SECONDS = 60.0
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 5.0
# The wall clock may be set while we sleep by the monotonic one.
LONGEST_NAP_SECONDS = 5.0

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOutcome:
    """What one source gave: `usable` are the regions with a value that may decide now."""

    source: str
    rows: int
    changed: int
    regions: frozenset[str]
    usable: frozenset[str]
    failure: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOutcome:
    """What one cycle brought, source by source."""

    sources: tuple[SourceOutcome, ...]

    @property
    def changed(self) -> int:
        """How many stored rows are new or different."""
        return sum(outcome.changed for outcome in self.sources)

    @property
    def usable(self) -> frozenset[str]:
        """The regions that got a usable value from any source."""
        return frozenset(chain.from_iterable(outcome.usable for outcome in self.sources))

    @property
    def failures(self) -> Mapping[str, str]:
        """Why sources failed, by their name."""
        return {each.source: each.failure for each in self.sources if each.failure is not None}


class Ingest:
    """Asks each source when it is due; the past is fetched in between, so nothing waits for it."""

    def __init__(
        self,
        sources: Sequence[IntensitySource],
        *,
        store: IntensityStore,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.first_cycle_done = asyncio.Event()
        self._feeds = [Feed(source=source) for source in sources]
        self._store = store
        self._clock = clock
        self._sleep = sleep
        self._unsaved: dict[str, Asked] = {}
        self._backfills: deque[Backfill] = deque()
        self._store_failures = 0
        self._store_cause: str | None = None
        self._last_logged: object = None

    async def ingest_once(self) -> IngestOutcome:
        """One cycle with the whole past that the sources offer; only a failing store raises."""
        now = self._clock.now()
        answers = await asyncio.gather(*(ask(feed, now) for feed in self._feeds))
        changed = [await self._keep(asked.readings) for asked in answers]
        # Before the past is fetched: a fast replay's values are soon too old.
        usable = [await self._usable(asked.readings) for asked in answers]
        self._log_cycle(answers, changed=sum(changed))
        backfills = [await self._whole_past(asked) for asked in answers]
        return IngestOutcome(
            sources=tuple(
                _outcome(*parts) for parts in zip(answers, changed, usable, backfills, strict=True)
            )
        )

    async def run(self) -> None:
        """Keep the store up to date for ever; a failing store is retried and then caught up."""
        while True:
            await self._step()

    async def _step(self) -> None:
        now = self._clock.now()
        due = [feed for feed in self._feeds if feed.due_at(now) <= now]
        for asked in await asyncio.gather(*(ask(feed, now) for feed in due)):
            self._unsaved[asked.feed.source.name] = asked
        try:
            await self._work()
        except (CarbonScalerError, TimeoutError) as error:
            await self._sleep(self._note_store_failure(cause_of(error)))
        else:
            self._note_store_success()

    async def _work(self) -> None:
        """The most urgent thing there is to do, or a nap."""
        if self._unsaved:
            await self._keep_latest()
        elif self._backfills:
            await self._advance(self._backfills[0])
        else:
            await self._sleep(self._seconds_to_wait())

    async def _keep_latest(self) -> None:
        answers = tuple(self._unsaved.values())
        changed = [await self._keep(asked.readings) for asked in answers]
        self._unsaved.clear()
        for asked in answers:
            if asked.failure is None:
                self._begin_backfill(asked)
        self._log_cycle(answers, changed=sum(changed))
        self.first_cycle_done.set()

    def _begin_backfill(self, asked: Asked) -> None:
        """The whole past at first, later what was missed; the newest gap is filled first."""
        feed, now = asked.feed, asked.asked_at
        if feed.wants_history or feed.missed_values_until(now):
            self._backfills.appendleft(Backfill(feed, now=now, since=feed.kept_until))
            feed.wants_history = False
        feed.kept_asked_at = now
        if asked.readings:
            feed.kept_until = min(reading.observed_at for reading in asked.readings)

    async def _advance(self, backfill: Backfill) -> None:
        chunk = await backfill.next_chunk()
        if chunk is not None:
            backfill.kept(await self._keep(chunk))
            return
        self._backfills.remove(backfill)
        if backfill.failure is not None:
            backfill.feed.wants_history = True
            backfill.feed.kept_until = backfill.since
        _log_backfill(backfill)

    async def _whole_past(self, asked: Asked) -> Backfill:
        backfill = Backfill(asked.feed, now=asked.asked_at, since=None)
        # A source that just failed is not asked for more.
        if asked.failure is None:
            while (chunk := await backfill.next_chunk()) is not None:
                backfill.kept(await self._keep(chunk))
            _log_backfill(backfill)
        return backfill

    async def _keep(self, readings: Sequence[Reading]) -> int:
        if not readings:
            return 0
        async with asyncio.timeout(STORE_SECONDS):
            return await self._store.store(readings)

    async def _usable(self, readings: Sequence[Reading]) -> frozenset[str]:
        """The regions whose present value in the store is one of these, and may decide."""
        if not readings:
            return frozenset()
        now = self._clock.now()
        async with asyncio.timeout(STORE_SECONDS):
            loaded = await self._store.load({each.region for each in readings}, now=now)
        present = {region: series.reading_at(now) for region, series in loaded.items()}
        return frozenset(
            each.region for each in readings if _may_decide(present.get(each.region), each, now)
        )

    def _seconds_to_wait(self) -> float:
        now = self._clock.now()
        waits = [(feed.due_at(now) - now).total_seconds() for feed in self._feeds]
        return max(0.0, min([LONGEST_NAP_SECONDS, *waits]))

    def _note_store_failure(self, cause: str) -> float:
        if cause != self._store_cause:
            log.warning("ingest.store_failed", cause=cause)
        self._store_cause = cause
        self._store_failures += 1
        seconds = FIRST_RETRY_SECONDS * 2.0 ** min(self._store_failures - 1, 10)
        return min(seconds, LONGEST_RETRY_SECONDS)

    def _note_store_success(self) -> None:
        if self._store_cause is not None:
            log.info("ingest.store_recovered", failures=self._store_failures)
        self._store_cause = None
        self._store_failures = 0

    def _log_cycle(self, answers: Collection[Asked], *, changed: int) -> None:
        """At level info when other sources or regions answered than in the last cycle."""
        sources = ",".join(asked.feed.source.name for asked in answers)
        readings = [reading for asked in answers for reading in asked.readings]
        regions = sorted({reading.region for reading in readings})
        failed = ",".join(asked.feed.source.name for asked in answers if asked.failure)
        told = (sources, regions, failed)
        write = log.debug if told == self._last_logged else log.info
        self._last_logged = told
        write(
            "ingest.cycle_finished",
            source=sources,
            rows=len(readings),
            changed=changed,
            regions=len(regions),
            **({"failed": failed} if failed else {}),
        )


def _may_decide(present: Reading | None, given: Reading, now: datetime) -> bool:
    return (
        present is not None
        and (present.source, present.observed_at) == (given.source, given.observed_at)
        and present.kind is not Kind.STATIC
        and now < present.too_old_at
    )


def _log_backfill(backfill: Backfill) -> None:
    source = backfill.feed.source.name
    if backfill.failure is None:
        log.info(
            "ingest.history_loaded", source=source, rows=backfill.rows, changed=backfill.changed
        )
    else:
        log.warning("ingest.history_failed", source=source, cause=backfill.failure)


def _outcome(
    asked: Asked, changed: int, usable: frozenset[str], backfill: Backfill
) -> SourceOutcome:
    return SourceOutcome(
        source=asked.feed.source.name,
        rows=len(asked.readings) + backfill.rows,
        changed=changed + backfill.changed,
        regions=frozenset(reading.region for reading in asked.readings),
        usable=usable,
        failure=asked.failure or backfill.failure,
    )
