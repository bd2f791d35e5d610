"""What ingest remembers of each source, and the past that is still to be fetched."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from carbon_scaler.application.ports import IntensitySource
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Reading

log = structlog.get_logger()

# A source bounds its own requests; this ends one that does not.
SOURCE_SECONDS = 120.0
# A source that failed is asked again this soon, unless it is due earlier.
FAILED_AGAIN_AFTER = timedelta(seconds=60)


@dataclass(slots=True, kw_only=True, eq=False)
class Feed:
    """One source: when it was asked, and up to where its values are kept."""

    source: IntensitySource
    asked_at: datetime | None = None
    failure: str | None = None
    kept_asked_at: datetime | None = None
    # The oldest of the newest values that are kept; None: the past is still wanted as a whole.
    kept_until: datetime | None = None
    wants_history: bool = True

    def due_at(self, now: datetime) -> datetime:
        """When to ask; at once when never asked, or when the clock was set back since."""
        if self.asked_at is None or now < self.asked_at:
            return now
        due = self.source.next_due_after(self.asked_at)
        return min(due, self.asked_at + FAILED_AGAIN_AFTER) if self.failure else due

    def missed_values_until(self, now: datetime) -> bool:
        """Whether more than one value came due since the last one that was kept."""
        if self.kept_asked_at is None:
            return False
        next_due = self.source.next_due_after(self.kept_asked_at)
        return self.source.next_due_after(next_due) <= now

    def note(self, failure: str | None) -> None:
        """Log how it went, once for each change."""
        if failure is not None and failure != self.failure:
            log.warning("ingest.source_failed", source=self.source.name, cause=failure)
        elif failure is None and self.failure is not None:
            log.info("ingest.source_recovered", source=self.source.name)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A source's answer: values, or why there are none."""

    feed: Feed
    asked_at: datetime
    readings: Sequence[Reading] = ()
    failure: str | None = None


async def ask(feed: Feed, now: datetime) -> Asked:
    """The source's latest values; its failure is a value, so that the other sources go on."""
    feed.asked_at = now
    readings: Sequence[Reading] = ()
    failure = None
    try:
        async with asyncio.timeout(SOURCE_SECONDS):
            readings = await feed.source.latest(now)
    except (CarbonScalerError, TimeoutError) as error:
        failure = cause_of(error)
    except Exception as error:
        log.exception("ingest.source_broken", source=feed.source.name)
        failure = cause_of(error)
    feed.note(failure)
    return Asked(feed=feed, asked_at=now, readings=readings, failure=failure)


class Backfill:
    """The past of one source, from `since` on, on its way into the store chunk by chunk."""

    def __init__(self, feed: Feed, *, now: datetime, since: datetime | None) -> None:
        self.feed = feed
        self.since = since
        self.rows = 0
        self.changed = 0
        self.failure: str | None = None
        self._chunks: AsyncIterator[Sequence[Reading]] = feed.source.history(now)
        self._unsaved: Sequence[Reading] = ()
        self._last = False

    async def next_chunk(self) -> Sequence[Reading] | None:
        """The chunk to store, the same one until it is `kept`; None at the end or on failure."""
        while not self._unsaved:
            chunk = None if self._last else await self._fetch()
            if chunk is None:
                return None
            self._unsaved = self._wanted(chunk)
        return self._unsaved

    def kept(self, changed: int) -> None:
        """The present chunk is stored."""
        self.rows += len(self._unsaved)
        self.changed += changed
        self._unsaved = ()

    async def _fetch(self) -> Sequence[Reading] | None:
        try:
            async with asyncio.timeout(SOURCE_SECONDS):
                return await anext(self._chunks, None)
        except (CarbonScalerError, TimeoutError) as error:
            self.failure = cause_of(error)
        except Exception as error:
            log.exception("ingest.source_broken", source=self.feed.source.name)
            self.failure = cause_of(error)
        return None

    def _wanted(self, chunk: Sequence[Reading]) -> Sequence[Reading]:
        """Chunks come newest first: the one that reaches back to `since` is the last."""
        if self.since is None or not chunk:
            return chunk
        self._last = chunk[0].observed_at <= self.since
        return [reading for reading in chunk if reading.observed_at >= self.since]


def cause_of(error: Exception) -> str:
    """One line for a log or an outcome."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
