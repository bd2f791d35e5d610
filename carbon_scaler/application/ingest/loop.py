"""Fetch grid values from the sources and keep them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from carbon_scaler.application.grid_sources import ErrorKind, GridSource
from carbon_scaler.application.ingest.answers import Answers
from carbon_scaler.application.ingest.feeds import Feed, Feeds
from carbon_scaler.application.ingest.outcome import OUT_OF_TIME, IngestOutcome, SourceOutcome
from carbon_scaler.application.ingest.readings import past_of
from carbon_scaler.application.ingest.store_patience import StorePatience
from carbon_scaler.application.ingest.turns import ALL, Rhythm, Sort, Turns
from carbon_scaler.application.ingest.unsaved import Unsaved
from carbon_scaler.application.ingest.zones import ZoneSearch
from carbon_scaler.application.ports import (
    Clock,
    Elections,
    FeedLedger,
    ForecastStore,
    IntensityStore,
    Term,
)
from carbon_scaler.application.terms import SupersededError, while_leading
from carbon_scaler.domain.intensity import Kind, Reading
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.domain.snapshot import RegionSeries

__all__ = ["Ingest", "IngestOutcome", "Rhythm", "SourceOutcome", "Stores"]

log = structlog.get_logger()

# The store bounds its own statements; this ends one that does not.
STORE_SECONDS = 60.0
# What is answered within this is stored together; what is slower is stored when it comes.
TOGETHER_SECONDS = 2.0
# The wall clock may be set while we sleep by the monotonic one.
LONGEST_NAP_SECONDS = 5.0
NAP_WHILE_ASKING_SECONDS = 1.0
# A single cycle in all, and how long its newest values and forecasts may keep the rest waiting.
ONCE = timedelta(seconds=165)
ONCE_LATEST = timedelta(seconds=60)
ONCE_PRESENT = timedelta(seconds=120)
# How long it begins to fetch parts of the past, and at least; the next cycle goes on from there.
ONCE_PAST = timedelta(seconds=8)
ONCE_PAST_AT_LEAST = timedelta(seconds=1)
PRESENT = (Sort.LATEST, Sort.FORECAST)

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Where ingest keeps what it fetches and what it must not forget."""

    intensities: IntensityStore
    forecasts: ForecastStore
    feeds: FeedLedger


class Ingest:
    """Asks each zone of each source when it is due; the past is fetched in between."""

    def __init__(
        self,
        grids: Sequence[RegionGrid],
        sources: Mapping[str, GridSource],
        *,
        stores: Stores,
        clock: Clock,
        rhythm: Rhythm | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.first_cycle_done = asyncio.Event()
        self._grids = tuple(grids)
        self._names = tuple(dict.fromkeys(n for g in grids for n in g.chain if n in sources))
        self._stores = stores
        self._clock = clock
        self._sleep = sleep
        self._unsaved = Unsaved()
        self._feeds = Feeds()
        self._search = ZoneSearch(grids, sources)
        self._answers = Answers(unsaved=self._unsaved, clock=clock)
        self._turns = Turns(
            self._search,
            self._feeds,
            self._answers,
            clock=clock,
            rhythm=rhythm or Rhythm(),
        )
        self._stored: Mapping[str, RegionSeries] = {}
        self._patience = StorePatience(sleep)
        # Of each source that was logged, whether it failed.
        self._told: dict[str, bool] = {}

    async def run(self, elections: Elections) -> None:
        """Keep the store up to date for ever, whenever this process is the one that writes."""
        while True:
            async with elections.term() as term:
                log.info("ingest.term_began", token=term.token)
                await while_leading(term, self._lead(term))
            log.warning("ingest.term_lost", token=term.token)

    async def ingest_once(self, term: Term) -> IngestOutcome:
        """One cycle, bounded in time; only a failing store raises."""
        began_at = self._clock.now()
        self._answers.tallies.clear()
        self._feeds.ask_at_once = True
        try:
            await self._begin(term)
            await self._drain(term, (Sort.LATEST,), until=began_at + ONCE_LATEST)
            # Before the past is fetched, as a fast replay's values are soon too old, and after it.
            usable = await self._usable(since=began_at)
            await self._drain(term, PRESENT, until=began_at + ONCE_PRESENT)
            past_until = max(began_at + ONCE_PAST, self._clock.now() + ONCE_PAST_AT_LEAST)
            await self._drain(term, ALL, until=past_until)
            await self._drain(term, (), until=began_at + ONCE)
            usable |= await self._usable(since=began_at)
            if self._clock.now() >= began_at + ONCE:
                self._note_what_is_left()
        finally:
            await self._turns.stop()
        return IngestOutcome(sources=tuple(self._outcome(name, usable) for name in self._names))

    async def _lead(self, term: Term) -> None:
        """Until the store says that another process leads."""
        try:
            await self._patience.insist(lambda: self._begin(term))
            await self._patience.attempt(lambda: self._save(term))
            while True:
                await self._step(term)
        except SupersededError as error:
            log.warning("ingest.superseded", cause=str(error))
        finally:
            await self._turns.stop()

    async def _begin(self, term: Term) -> None:
        """Tell the readers what counts, and recall what was known."""
        async with asyncio.timeout(STORE_SECONDS):
            await self._stores.feeds.keep_grids(self._grids, term=term.token)
            self._feeds.recall(await self._stores.feeds.feeds())
            regions = [grid.region.name for grid in self._grids]
            self._stored = await self._stores.intensities.load(regions, now=self._clock.now())

    async def _step(self, term: Term) -> None:
        started = False
        # While the store is away the present is still asked for, within bounds, and no more.
        if not self._unsaved.is_full:
            started = self._turns.start(ALL if self._patience.cause is None else (Sort.LATEST,))
        await self._settle()
        if self._unsaved or self._answers.changed:
            await self._patience.attempt(lambda: self._save(term))
            self._answers.tallies.clear()
            return
        if not started or self._turns.are_under_way:
            if not self._turns.are_under_way:
                self.first_cycle_done.set()  # nothing is due, as after a restart
            await self._sleep(self._seconds_to_wait())

    async def _settle(self) -> None:
        """Wait a little for answers, and make the feeds that were found ready to be asked."""
        await self._turns.settle(TOGETHER_SECONDS)
        self._recall_pasts()

    def _recall_pasts(self) -> None:
        for feed in self._feeds:
            if feed.past is None:
                feed.past = past_of(feed, self._stored)
        if self._search.is_complete:
            self._stored = {}

    async def _drain(self, term: Term, sorts: Sequence[Sort], *, until: datetime) -> None:
        """All of these sorts that are due, or as many as there is time for."""
        while self._clock.now() < until:
            started = self._turns.start(sorts)
            await self._settle()
            await self._save(term)
            now = self._clock.now()
            due_at = self._turns.next_due_at(now, sorts)
            if not self._turns.are_under_way and (due_at is None or due_at > now) and not started:
                return
            if not started:
                await self._sleep(NAP_WHILE_ASKING_SECONDS)

    async def _save(self, term: Term) -> None:
        """Values first, then what is known of the feeds: a crash in between only asks again."""
        # Taken out first: what changes while it is written must be written again.
        changed, self._answers.changed = self._answers.changed, {}
        records = [feed.record() for feed in changed.values()]
        try:
            async with asyncio.timeout(STORE_SECONDS):
                saved = await self._unsaved.save(
                    self._stores.intensities, self._stores.forecasts, term=term.token
                )
            for source, rows in saved.changed.items():
                self._answers.tallies[source].changed += rows
            if records:
                async with asyncio.timeout(STORE_SECONDS):
                    await self._stores.feeds.keep_feeds(records, term=term.token)
        except BaseException:
            self._answers.changed = changed | self._answers.changed
            raise
        if records:
            self._log_history()
            self._log_cycle(tuple(changed.values()), rows=saved.rows, changed=saved.total)
            self.first_cycle_done.set()

    def _seconds_to_wait(self) -> float:
        now = self._clock.now()
        longest = NAP_WHILE_ASKING_SECONDS if self._turns.are_under_way else LONGEST_NAP_SECONDS
        due_at = self._turns.next_due_at(now)
        if due_at is None:
            return longest
        # What is due and was not started has no room in this minute.
        wait = (due_at - now).total_seconds()
        return min(longest, wait) if wait > 0 else NAP_WHILE_ASKING_SECONDS

    async def _usable(self, *, since: datetime) -> frozenset[tuple[str, str]]:
        """Source and region wherever the region's present value is the source's and may decide."""
        now = self._clock.now()
        given = [(f.traits.name, r) for f in self._feeds if _answered(f, since) for r in f.regions]
        async with asyncio.timeout(STORE_SECONDS):
            loaded = await self._stores.intensities.load({r for _, r in given}, now=now)
        present = {region: series.resolved_at(now) for region, series in loaded.items()}
        return frozenset(
            (source, region)
            for source, region in given
            if _may_decide(present.get(region), source, now)
        )

    def _note_what_is_left(self) -> None:
        left = [feed.key for feed in self._turns.waiting(ALL)]
        for source, zone in (*self._turns.silent(), *left):
            self._answers.tallies[source].fail(OUT_OF_TIME, ErrorKind.TIMEOUT.value, of=zone)

    def _outcome(self, source: str, usable: frozenset[tuple[str, str]]) -> SourceOutcome:
        regions = frozenset(region for name, region in usable if name == source)
        return self._answers.tallies[source].outcome(source, regions)

    def _log_history(self) -> None:
        """Once a source has nothing more of the past to give."""
        loading = {feed.traits.name for feed in self._feeds if feed.windows}
        for source, rows in tuple(self._answers.history_rows.items()):
            if source not in loading:
                log.info("ingest.history_loaded", source=source, rows=rows)
                del self._answers.history_rows[source]

    def _log_cycle(self, feeds: Sequence[Feed], *, rows: int, changed: int) -> None:
        """At level info when a source appears, fails or is back."""
        sources = sorted({feed.traits.name for feed in feeds})
        failed = sorted({feed.traits.name for feed in feeds if feed.latest.failures})
        told = {source: source in failed for source in sources}
        write = log.debug if told.items() <= self._told.items() else log.info
        self._told |= told
        write(
            "ingest.cycle_finished",
            source=",".join(sources),
            rows=rows,
            changed=changed,
            regions=len({region for feed in feeds for region in feed.regions}),
            **({"failed": ",".join(failed)} if failed else {}),
        )


def _answered(feed: Feed, since: datetime) -> bool:
    return feed.answered_at is not None and feed.answered_at >= since


def _may_decide(present: Reading | None, source: str, now: datetime) -> bool:
    return (
        present is not None
        and present.source == source
        and present.kind not in (Kind.STATIC, Kind.FORECAST)
        and now < present.too_old_at
    )
