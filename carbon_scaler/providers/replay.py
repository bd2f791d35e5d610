"""A recorded year as if it happened now, at wall speed or faster."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import isnan

import structlog

from carbon_scaler.domain.intensity import Basis, Kind, Reading, RenewableShare
from carbon_scaler.domain.regions import split_region
from carbon_scaler.providers.replay_hours import ReplayYear
from carbon_scaler.providers.replay_slots import Slots

log = structlog.get_logger()

SOURCE = "replay"
HISTORY_SLOTS = 8760
# Eight days of the six shipped regions: what rules look back on arrives as one.
CHUNK_READINGS = 8 * 24 * 6
# What the event loop is held for at a time: about a millisecond.
READINGS_AT_ONCE = 200

_BASIS = Basis()
_SHARE_UNKNOWN = RenewableShare(at_least=0.0, at_most=100.0)


class ReplaySource:
    """Values of a `ReplayYear`, stamped with wall time; it asks nobody and cannot fail."""

    name = SOURCE

    def __init__(
        self,
        *,
        year: ReplayYear,
        speed: float,
        started_at: datetime,
        regions: Collection[str] | None = None,
    ) -> None:
        wanted = [split_region(region)[1] for region in regions or year.regions]
        self.year = year
        self.speed = speed
        self.regions = tuple(region for region in wanted if region in year.regions)
        self.missing_regions = tuple(region for region in wanted if region not in year.regions)
        self._slots = Slots(speed=speed, started_at=started_at)
        # The next slot's value arrives a little after this one's end.
        self._usable_for = self._slots.length + timedelta(seconds=max(60 / speed, 2))
        if self.missing_regions:
            log.warning(
                "replay.regions_missing",
                file=year.name,
                missing=self.missing_regions,
                has=tuple(year.regions),
            )

    async def history(self, now: datetime) -> AsyncIterator[Sequence[Reading]]:
        """The year's worth of slots before the present one, each known from its own start."""
        present = self._slots.index_at(now)
        oldest = max(0, present - HISTORY_SLOTS)
        slots_in_chunk = max(1, CHUNK_READINGS // max(1, len(self.regions)))
        for end in range(present, oldest, -slots_in_chunk):
            yield await self._chunk(max(oldest, end - slots_in_chunk), end)

    async def latest(self, now: datetime) -> Sequence[Reading]:
        """The present slot's values."""
        return list(self._slot(self._slots.index_at(now), fetched_at=now))

    def next_due_after(self, now: datetime) -> datetime:
        """The start of the next slot."""
        return self._slots.start_of(self._slots.index_at(now) + 1)

    async def _chunk(self, start: int, end: int) -> list[Reading]:
        readings: list[Reading] = []
        slots_at_once = max(1, READINGS_AT_ONCE // max(1, len(self.regions)))
        for index in range(start, end):
            readings.extend(self._slot(index))
            if (index - start) % slots_at_once == 0:
                await asyncio.sleep(0)
        return readings

    def _slot(self, index: int, *, fetched_at: datetime | None = None) -> Iterator[Reading]:
        observed_at = self._slots.start_of(index)
        hour = self._slots.hour_of_year(index)
        for region in self.regions:
            values = self.year.regions[region]
            if not isnan(grams := values.grams_per_kwh[hour]):
                yield Reading(
                    region=region,
                    observed_at=observed_at,
                    grams_per_kwh=grams,
                    renewable=_share(values.renewable_percent[hour]),
                    source=SOURCE,
                    kind=Kind.MEASURED,
                    basis=_BASIS,
                    fetched_at=fetched_at or observed_at,
                    usable_for=self._usable_for,
                )


def _share(percent: float) -> RenewableShare:
    return _SHARE_UNKNOWN if isnan(percent) else _known_share(percent)


@lru_cache(maxsize=4096)
def _known_share(percent: float) -> RenewableShare:
    return RenewableShare(at_least=percent, at_most=percent)
