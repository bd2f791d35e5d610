"""What ingest knows of each feed: one source's zone and the regions that it is for."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_sources import ErrorKind, GridSource, SourceTraits
from carbon_scaler.application.ingest.due import Asking, offset_of
from carbon_scaler.domain.plausibility import Past
from carbon_scaler.domain.regions import RegionGrid

Window = tuple[datetime, datetime]


@dataclass(slots=True, kw_only=True, eq=False)
class Feed:
    """One source's zone, asked once for all of its regions."""

    source: GridSource
    zone: str
    # Its own place in the source's spread.
    offset: timedelta
    grids: tuple[RegionGrid, ...] = ()
    latest: Asking = field(default_factory=Asking)
    forecast: Asking = field(default_factory=Asking)
    history: Asking = field(default_factory=Asking)
    answered_at: datetime | None = None
    newest_at: datetime | None = None
    failure: str | None = None
    results: Counter[str] = field(default_factory=Counter)
    # Everything before this is fetched or among the windows; None: nothing is.
    covered_until: datetime | None = None
    history_until: datetime | None = None
    # Parts of the past that are still to be fetched, the most urgent first.
    windows: deque[Window] = field(default_factory=deque)
    windows_done: int = 0
    # What new values are judged by; None: not loaded yet.
    past: Past | None = None
    method: str | None = None
    flagged: str | None = None

    @property
    def traits(self) -> SourceTraits:
        """What the source declares."""
        return self.source.traits

    @property
    def key(self) -> tuple[str, str]:
        """What identifies it."""
        return self.traits.name, self.zone

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that it is for."""
        return tuple(grid.region.name for grid in self.grids)

    def settle(self) -> None:
        """Once no part of the past is wanted, all up to here is there."""
        if not self.windows:
            self.history_until = self.covered_until

    def record(self) -> FeedRecord:
        """What must not be forgotten of it."""
        return FeedRecord(
            source=self.traits.name,
            zone=self.zone,
            regions=self.regions,
            asked_at=self.latest.asked_at,
            answered_at=self.answered_at,
            newest_at=self.newest_at,
            history_until=self.history_until,
            history_asked_at=self.history.asked_at,
            forecast_asked_at=self.forecast.asked_at,
            failures=self.latest.failures,
            failure=self.failure if self.latest.failures else None,
            failure_kind=_word(self.latest.kind) if self.latest.failures else None,
            results=dict(self.results),
        )

    def recall(self, record: FeedRecord) -> None:
        """Take over what was kept, unless what is known here is as new."""
        if not _is_newer(record.asked_at, self.latest.asked_at):
            return
        self.latest = Asking(
            asked_at=record.asked_at, failures=record.failures, kind=_kind(record.failure_kind)
        )
        self.forecast = Asking(asked_at=record.forecast_asked_at)
        self.history = Asking(asked_at=record.history_asked_at)
        self.answered_at, self.newest_at = record.answered_at, record.newest_at
        self.failure, self.results = record.failure, Counter(record.results)
        self.history_until = self.covered_until = record.history_until
        self.windows.clear()


class Feeds:
    """All feeds by source and zone, whichever regions they are for at present."""

    def __init__(self) -> None:
        # Whether what was asked before counts for nothing, as in a cycle that somebody asks for.
        self.ask_at_once = False
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._zones: dict[tuple[str, str], str] = {}
        self._records: dict[tuple[str, str], FeedRecord] = {}

    def __iter__(self) -> Iterator[Feed]:
        return iter([feed for feed in self._feeds.values() if feed.grids])

    def recall(self, records: Iterable[FeedRecord]) -> None:
        """Take over what was kept of these feeds, now or once they are found again."""
        self._records = {(record.source, record.zone): record for record in records}
        for feed in self._feeds.values():
            self._recall(feed)

    def place(self, source: GridSource, grid: RegionGrid, zone: str) -> Feed:
        """This region is served by this zone from now on."""
        name, region = source.traits.name, grid.region.name
        former = self._feeds.get((name, self._zones.get((name, region), "")))
        if former is not None and former.zone != zone:
            former.grids = tuple(each for each in former.grids if each.region.name != region)
        self._zones[name, region] = zone
        feed = self._feeds.get((name, zone)) or self._new(source, zone)
        if region not in feed.regions:
            feed.grids = (*feed.grids, grid)
        return feed

    def _new(self, source: GridSource, zone: str) -> Feed:
        feed = Feed(source=source, zone=zone, offset=offset_of(zone, source.traits))
        self._feeds[feed.key] = feed
        self._recall(feed)
        return feed

    def _recall(self, feed: Feed) -> None:
        record = self._records.get(feed.key)
        if record is not None:
            feed.recall(record)
        if self.ask_at_once:
            feed.latest.asked_at = None


def _is_newer(kept: datetime | None, own: datetime | None) -> bool:
    return kept is not None and (own is None or kept > own)


def _word(kind: ErrorKind | None) -> str:
    return "error" if kind is None else kind.value


def _kind(word: str | None) -> ErrorKind | None:
    try:
        return None if word is None else ErrorKind(word)
    except ValueError:
        return None
