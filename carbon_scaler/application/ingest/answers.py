"""Asking for one answer of one feed, and what becomes of it."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Sequence
from datetime import datetime
from typing import TypeVar

import structlog

from carbon_scaler.application.grid_sources import ErrorKind
from carbon_scaler.application.ingest.due import Asking, next_day, note_completeness
from carbon_scaler.application.ingest.failures import failure_of
from carbon_scaler.application.ingest.feeds import Feed
from carbon_scaler.application.ingest.history import is_hopeless, want_gap, window_done
from carbon_scaler.application.ingest.outcome import Tally
from carbon_scaler.application.ingest.readings import forecasts_of, judged, readings_of
from carbon_scaler.application.ingest.unsaved import Unsaved
from carbon_scaler.application.ports import Clock
from carbon_scaler.domain.observation import Observation
from carbon_scaler.domain.plausibility import AHEAD

log = structlog.get_logger()

# A source bounds its own requests; this ends one that does not.
SOURCE_SECONDS = 120.0

Given = TypeVar("Given")


class Answers:
    """What the sources give goes into `unsaved` at once, so that a lost term loses nothing."""

    def __init__(self, *, unsaved: Unsaved, clock: Clock) -> None:
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        # Rows of the past by source, until all that is wanted of it is there.
        self.history_rows: Counter[str] = Counter()
        # Feeds whose records changed since they were kept.
        self.changed: dict[tuple[str, str], Feed] = {}
        # Sources whose quota is used up, and until when.
        self.exhausted: dict[str, datetime] = {}
        # One answer at a time is taken in, so that many at once don't hold the loop together.
        self._taking = asyncio.Lock()
        self._unsaved = unsaved
        self._clock = clock

    async def latest(self, feed: Feed, now: datetime) -> None:
        """The newest values."""
        answer = await self._ask(feed, feed.latest, feed.source.latest(feed.zone, now), now)
        if answer is not None:
            feed.answered_at = self._clock.now()
            former = feed.newest_at
            begun = [each.starts_at for each in answer if each.starts_at <= now + AHEAD]
            await self._take(feed, answer, after=former)
            if begun:
                feed.newest_at = max(begun) if former is None else max(former, *begun)
            note_completeness(feed.latest, feed.traits, newest_at=feed.newest_at, now=now)
            want_gap(feed, min(begun, default=None), max(begun, default=None), now)
        self.changed[feed.key] = feed

    async def forecast(self, feed: Feed, now: datetime) -> None:
        """What is expected."""
        answer = await self._ask(feed, feed.forecast, feed.source.forecast(feed.zone, now), now)
        if answer is not None and answer.points:
            self._unsaved.add_forecasts(forecasts_of(feed, answer, self._clock.now()))
        self.changed[feed.key] = feed

    async def history(self, feed: Feed, now: datetime) -> None:
        """The most urgent part of the past that is wanted."""
        window = feed.windows[0]
        asked = feed.source.history(feed.zone, *window)
        answer = await self._ask(feed, feed.history, asked, now)
        if answer is not None:
            rows = await self._take(feed, answer, after=None)
            self.history_rows[feed.traits.name] += rows
            window_done(feed, window)
        elif is_hopeless(feed, feed.history.kind):
            _log_given_up(feed, window)
            feed.history.answered()
            window_done(feed, window)
        self.changed[feed.key] = feed

    async def _ask(
        self, feed: Feed, asking: Asking, asked: Awaitable[Given], now: datetime
    ) -> Given | None:
        """The answer; a failure is noted, and an ask that is cancelled counts as never made."""
        former, asking.asked_at = asking.asked_at, now
        try:
            async with asyncio.timeout(SOURCE_SECONDS):
                answer = await asked
        except asyncio.CancelledError:
            asking.asked_at = former
            raise
        except Exception as error:  # noqa: BLE001  a source may be anybody's code
            self._note_failure(feed, asking, *failure_of(error, source=feed.traits.name))
            return None
        self._note_success(feed, asking)
        return answer

    def _note_failure(self, feed: Feed, asking: Asking, cause: str, kind: ErrorKind | None) -> None:
        source, zone = feed.key
        word = "error" if kind is None else kind.value
        if not asking.failures or asking.kind is not kind:
            log.warning("ingest.source_failed", source=source, zone=zone, kind=word, cause=cause)
        if kind is ErrorKind.QUOTA:
            self.exhausted[source] = next_day(self._clock.now())
        if asking is feed.latest:
            feed.failure = cause
        asking.failed(kind)
        feed.results[word] += 1
        self.tallies[source].fail(cause, word, of=zone)

    def _note_success(self, feed: Feed, asking: Asking) -> None:
        if asking.failures:
            source, zone = feed.key
            log.info("ingest.source_recovered", source=source, zone=zone)
        if asking is feed.latest:
            feed.failure = None
        asking.answered()
        feed.results["ok"] += 1

    async def _take(
        self, feed: Feed, answer: Sequence[Observation], *, after: datetime | None
    ) -> int:
        """Hold an answer's values; what begins after `after` is news."""
        tally = self.tallies[feed.traits.name]
        now = self._clock.now()
        rows = 0
        async with self._taking:
            async for values in judged(feed, answer, now):
                readings = tuple(readings_of(feed, values, now))
                self._unsaved.add(readings)
                tally.regions.update(feed.regions)
                rows += len(readings)
                for observation, word in values:
                    if after is None or observation.starts_at > after:
                        _note_value(feed, observation, word)
        tally.rows += rows
        return rows


def _note_value(feed: Feed, observation: Observation, word: str | None) -> None:
    """Count flags, and tell of each change of what the newest value is like."""
    if word is not None:
        feed.results[f"flagged_{word}"] += 1
    if any(remark.startswith("mix_sum") for remark in observation.remarks):
        feed.results["mix_sum"] += 1
    if feed.newest_at is not None and observation.starts_at < feed.newest_at:
        return
    source, zone = feed.key
    told = {"source": source, "zone": zone, "at": observation.starts_at.isoformat()}
    if word is not None and word != feed.flagged:
        grams = observation.grams_per_kwh
        log.warning("ingest.value_flagged", **told, flagged=word, grams_per_kwh=grams)
    feed.flagged = word
    method = observation.method
    if method is not None and feed.method is not None and method != feed.method:
        log.info("ingest.model_changed", **told, former=feed.method, method=method)
    feed.method = method or feed.method


def _log_given_up(feed: Feed, window: tuple[datetime, datetime]) -> None:
    source, zone = feed.key
    since, until = (at.isoformat() for at in window)
    log.info("ingest.history_given_up", source=source, zone=zone, since=since, until=until)
