"""Which asks are due, in which order, and those that are under way."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from carbon_scaler.application.grid_sources import ErrorKind, SourceTraits
from carbon_scaler.application.ingest.answers import Answers
from carbon_scaler.application.ingest.due import every_due_at, latest_due_at
from carbon_scaler.application.ingest.feeds import Feed, Feeds
from carbon_scaler.application.ingest.history import want_corrections, window_due_at
from carbon_scaler.application.ingest.zones import ZoneSearch
from carbon_scaler.application.ports import Clock

MINUTE = timedelta(minutes=1)
# Windows of the past that are fetched side by side; few, so that they are stored in small parts.
WINDOWS_AT_ONCE = 8


class Sort(IntEnum):
    """Sorts of answers; the most urgent first."""

    LATEST = 0
    FORECAST = 1
    HISTORY = 2


ALL = tuple(Sort)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often to ask for what does not come with each interval."""

    forecast_every: timedelta = timedelta(hours=1)
    history_every: timedelta = timedelta(hours=6)


class Turns:
    """Starts what is due, once each and within each source's requests per minute."""

    def __init__(
        self, search: ZoneSearch, feeds: Feeds, answers: Answers, *, clock: Clock, rhythm: Rhythm
    ) -> None:
        self._search = search
        self._feeds = feeds
        self._answers = answers
        self._clock = clock
        self._rhythm = rhythm
        self._under_way: dict[object, asyncio.Future[None]] = {}
        self._started: dict[str, deque[datetime]] = {}

    @property
    def are_under_way(self) -> bool:
        """Whether anything was asked that is not answered yet."""
        return bool(self._under_way)

    def silent(self) -> Iterator[tuple[str, str]]:
        """Source and zone (or region) of what is under way."""
        for key in self._under_way:
            if isinstance(key, tuple):
                yield key[1], key[2]

    def start(self, sorts: Iterable[Sort] = ALL) -> bool:
        """Start what is due now; whether anything was started."""
        now = self._clock.now()
        started = self._start_searches(now)
        for sort in sorts:
            # Everything else waits for the present.
            if sort is not Sort.LATEST and started:
                break
            started = self._start_asks(sort, now) or started
        return started

    def next_due_at(self, now: datetime, sorts: Iterable[Sort] = ALL) -> datetime | None:
        """When the next ask is due; None: nothing ever is, as far as is known."""
        dues = [
            due
            for sort in sorts
            for feed in self._feeds
            if (sort, *feed.key) not in self._under_way
            and (due := self._due_at(sort, feed, now)) is not None
        ]
        return min(dues, default=None)

    def waiting(self, sorts: Iterable[Sort]) -> Iterator[Feed]:
        """Feeds that something is due of."""
        now = self._clock.now()
        for sort in sorts:
            for feed in self._feeds:
                due = self._due_at(sort, feed, now)
                if due is not None and due <= now:
                    yield feed

    async def settle(self, seconds: float) -> None:
        """Wait for what is under way, but not longer than this."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=seconds)
        for key, asked in tuple(self._under_way.items()):
            if asked.done():
                del self._under_way[key]
                asked.result()

    async def stop(self) -> None:
        """End what is under way as if it had never been asked."""
        asked = tuple(self._under_way.values())
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        self._under_way.clear()

    def _start_searches(self, now: datetime) -> bool:
        started = False
        for pair in self._search.due(now):
            source, grid = pair
            key = ("zone", source.traits.name, grid.region.name)
            if key not in self._under_way:
                tally = self._answers.tallies[source.traits.name]
                self._go(key, self._search.find(pair, self._feeds, tally, now))
                started = True
        return started

    def _start_asks(self, sort: Sort, now: datetime) -> bool:
        begun: Counter[str] = Counter()
        under_way = sum(1 for key in self._under_way if isinstance(key, tuple) and key[0] is sort)
        for feed in self._due(sort, now):
            if sort is Sort.HISTORY and under_way + begun.total() >= WINDOWS_AT_ONCE:
                break
            calls = _calls(sort, feed.traits)
            if self._has_room(feed.traits, calls, now):
                begun[feed.traits.name] += 1
                self._go((sort, *feed.key), self._ask(sort)(feed, now))
        return bool(begun)

    def _due(self, sort: Sort, now: datetime) -> list[Feed]:
        """Those that had the fewest turns first."""
        due = [
            feed
            for feed in self._feeds
            if (sort, *feed.key) not in self._under_way
            and (at := self._due_at(sort, feed, now)) is not None
            and at <= now
        ]
        return sorted(due, key=lambda feed: feed.windows_done) if sort is Sort.HISTORY else due

    def _due_at(self, sort: Sort, feed: Feed, now: datetime) -> datetime | None:
        if (until := self._answers.exhausted.get(feed.traits.name)) is not None and now < until:
            return until
        if sort is not Sort.LATEST and _is_down(feed):
            return None
        match sort:
            case Sort.LATEST:
                return latest_due_at(feed.latest, feed.traits, feed.offset, now)
            case Sort.FORECAST if feed.traits.horizon is None:
                return None
            case Sort.FORECAST:
                return every_due_at(feed.forecast, self._rhythm.forecast_every, now)
            case Sort.HISTORY:
                want_corrections(feed, self._rhythm.history_every, now)
                return window_due_at(feed, now)

    def _ask(self, sort: Sort) -> Callable[[Feed, datetime], Coroutine[Any, Any, None]]:
        match sort:
            case Sort.LATEST:
                return self._answers.latest
            case Sort.FORECAST:
                return self._answers.forecast
            case Sort.HISTORY:
                return self._answers.history

    def _has_room(self, traits: SourceTraits, calls: int, now: datetime) -> bool:
        """Whether so many requests fit into this minute; if so they are counted."""
        if traits.calls_per_minute is None:
            return True
        started = self._started.setdefault(traits.name, deque())
        while started and not now - MINUTE < started[0] <= now:
            started.popleft()
        if started and len(started) + calls > traits.calls_per_minute:
            return False
        started.extend([now] * calls)
        return True

    def _go(self, key: object, work: Coroutine[Any, Any, None]) -> None:
        self._under_way[key] = asyncio.ensure_future(work)


def _is_down(feed: Feed) -> bool:
    """Whether more than the newest value is missing; then nothing else is asked for."""
    return feed.latest.failures > 0 and feed.latest.kind is not ErrorKind.NO_DATA


def _calls(sort: Sort, traits: SourceTraits) -> int:
    return {
        Sort.LATEST: traits.calls_per_latest,
        Sort.FORECAST: 1,
        Sort.HISTORY: traits.calls_per_history,
    }[sort]
