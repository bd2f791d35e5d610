"""What the use cases need of the world, named by role."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.observation import RegionForecast
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.domain.snapshot import RegionSeries


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The present instant, aware."""
        ...


class IntensityStore(Protocol):
    """Where grid values are kept."""

    async def load(
        self, regions: Collection[str] | None, *, now: datetime
    ) -> Mapping[str, RegionSeries]:
        """The usable trailing values of these regions (None: of all), by region."""
        ...

    async def store(self, readings: Sequence[Reading], *, term: int | None = None) -> int:
        """Keep these values; how many rows were new or changed. Refused if the term is over."""
        ...


class IntensityChanges(Protocol):
    """Word from the store that values changed."""

    @property
    def last_error(self) -> str | None:
        """Why no word comes at present; None while it does, and before the first attempt."""
        ...

    def changes(self) -> AsyncIterator[frozenset[str] | None]:
        """Sets of changed regions, coalesced; None when anything may have changed."""
        ...


class ForecastStore(Protocol):
    """Where forecasts are kept as they were issued."""

    async def store_forecasts(
        self, forecasts: Sequence[RegionForecast], *, term: int | None = None
    ) -> int:
        """Keep these; one that says what the newest kept one says is not kept again."""
        ...


class FeedLedger(Protocol):
    """What ingest must not forget: its feeds, and the regions that they are for."""

    async def feeds(self) -> Sequence[FeedRecord]:
        """All that was kept."""
        ...

    async def keep_feeds(self, records: Sequence[FeedRecord], *, term: int | None = None) -> None:
        """Keep these in place of what was known of the same feeds."""
        ...

    async def keep_grids(self, grids: Sequence[RegionGrid], *, term: int | None = None) -> None:
        """Tell all readers which basis and which sources count for these regions."""
        ...


class CallCounts(Protocol):
    """Requests made of each source, counted where a restart does not forget them."""

    async def spend(self, source: str, now: datetime, *, limit: int | None) -> int | None:
        """Count one request before it is made; the day's number so far, None if over `limit`."""
        ...


class ZoneDirectory(Protocol):
    """What sources were found to call a region's grid."""

    async def known(self, source: str, region: str) -> tuple[str, datetime] | None:
        """The zone, and when it was looked up."""
        ...

    async def keep(self, source: str, region: str, zone: str, looked_up_at: datetime) -> None:
        """Remember it."""
        ...


class Term(Protocol):
    """The time for which this process is the one that writes."""

    @property
    def token(self) -> int:
        """Higher than that of any earlier term; the store refuses writes of earlier ones."""
        ...

    async def lost(self) -> None:
        """Returns once the term is over."""
        ...


class Elections(Protocol):
    """How one of many ingest processes becomes the one that writes."""

    def term(self) -> AbstractAsyncContextManager[Term]:
        """Entered once this process leads, however long that takes."""
        ...


class BacklogSource(Protocol):
    """One place where work waits."""

    @property
    def name(self) -> str:
        """As triggers call it."""
        ...

    @property
    def refresh(self) -> timedelta:
        """How often to read it."""
        ...

    @property
    def timeout(self) -> timedelta:
        """How long one reading may take."""
        ...

    @property
    def max_age(self) -> timedelta:
        """How long a reading may decide."""
        ...

    async def read(self) -> Items:
        """What waits now; raises BacklogUnavailableError with a cause fit for a user's eyes."""
        ...
