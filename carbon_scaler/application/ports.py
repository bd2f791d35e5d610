"""What the use cases need of the world, named by role."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.intensity import Reading
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

    async def store(self, readings: Sequence[Reading]) -> int:
        """Keep these values; how many rows were new or changed."""
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


class IntensitySource(Protocol):
    """Where grid values come from."""

    @property
    def name(self) -> str:
        """The source as stored with each value."""
        ...

    def history(self, now: datetime) -> AsyncIterator[Sequence[Reading]]:
        """What the source offers for the past, in chunks: the newest first, each oldest first."""
        ...

    async def latest(self, now: datetime) -> Sequence[Reading]:
        """The present interval's values; regions without data are left out."""
        ...

    def next_due_after(self, now: datetime) -> datetime:
        """When asking again can give something new."""
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
