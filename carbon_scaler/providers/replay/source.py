"""A recorded year as if it happened now, at wall speed or faster."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from math import isnan

import structlog

from carbon_scaler.application.grid_sources import ErrorKind, SourceError, SourceTraits
from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Basis, Kind, RenewableShare
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.domain.regions import CloudRegion, split_region
from carbon_scaler.providers.replay.hours import EPOCH, ReplayYear
from carbon_scaler.providers.replay.slots import Slots

log = structlog.get_logger()

SOURCE = "replay"
# As `shipped_year` calls it; anybody else's file is their own.
SHIPPED = "2022.csv (shipped)"
ATTRIBUTION = "Contains information from Electricity Maps, under the ODbL 1.0"
HISTORY_SLOTS = 8760
# Eight days: what rules look back on arrives as one.
WINDOW_SLOTS = 8 * 24
# What the event loop is held for at a time: a fraction of a millisecond, as regions go abreast.
SLOTS_AT_ONCE = 24

_HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)


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
        self._traits = _traits(
            self._slots, speed=speed, started_at=started_at, shipped=year.name == SHIPPED
        )
        if self.missing_regions:
            log.warning(
                "replay.regions_missing",
                file=year.name,
                missing=self.missing_regions,
                has=tuple(year.regions),
            )

    @property
    def traits(self) -> SourceTraits:
        """Slots in place of hours; reading them costs no request."""
        return self._traits

    def serves(self, region: CloudRegion) -> bool:
        """Whether the file has the region, and it is wanted."""
        return region.name in self.regions

    async def zone_of(self, region: CloudRegion, now: datetime) -> str:  # noqa: ARG002  the port's
        """The region's own name."""
        if not self.serves(region):
            raise SourceError(
                f"replay: {self.year.name} has no {region.name}; it has "
                f"{', '.join(self.year.regions)}",
                source=SOURCE,
                kind=ErrorKind.ZONE,
            )
        return region.name

    async def zones(self) -> Collection[str]:
        """The regions that are replayed."""
        return self.regions

    async def latest(self, zone: str, now: datetime) -> Sequence[Observation]:
        """The present slot's value; none where the year has a gap."""
        value = self._value(zone, self._slots.index_at(now))
        return () if value is None else (value,)

    async def history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """The slots that begin in [since, until)."""
        first = self._slots.index_at(max(since, EPOCH) - _MICROSECOND) + 1
        end = self._slots.index_at(until - _MICROSECOND) + 1
        values = []
        for index in range(first, end):
            if (value := self._value(zone, index)) is not None:
                values.append(value)
            if (index - first) % SLOTS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return values

    async def forecast(self, zone: str, now: datetime) -> ZoneForecast | None:  # noqa: ARG002
        """A record expects nothing."""
        return None

    def _value(self, zone: str, index: int) -> Observation | None:
        hour = self._slots.hour_of_year(index)
        values = self.year.regions[zone]
        if isnan(grams := values.grams_per_kwh[hour]):
            return None
        starts_at = self._slots.start_of(index)
        return Observation(
            zone=zone,
            starts_at=starts_at,
            known_since=starts_at,
            lasts=self._slots.length,
            grams_per_kwh=grams,
            kind=Kind.MEASURED,
            renewable=_share(values.renewable_percent[hour]),
        )


def _traits(slots: Slots, *, speed: float, started_at: datetime, shipped: bool) -> SourceTraits:
    start = slots.start_of(slots.index_at(started_at))
    # The next slot's value arrives a little after this one's end.
    usable_for = slots.length + timedelta(seconds=max(60 / speed, 2))
    return SourceTraits(
        name=SOURCE,
        basis=Basis(),
        accounting="consumption",
        unit="gCO2eq/kWh",
        step=slots.length,
        # Near by, because a slot need not last a whole number of microseconds.
        anchor=start,
        # Below zero where a slot is shorter than the hour that a value is usable for beyond this.
        lag=usable_for - _HOUR,
        reads_after=timedelta(0),
        spread=timedelta(0),
        history_reach=min(HISTORY_SLOTS * slots.length, start - EPOCH),
        history_window=WINDOW_SLOTS * slots.length,
        horizon=None,
        calls_per_latest=0,
        calls_per_history=0,
        calls_per_minute=None,
        licence_class="attribution" if shipped else "own",
        attribution=ATTRIBUTION if shipped else "",
    )


def _share(percent: float) -> RenewableShare:
    return UNKNOWN_SHARE if isnan(percent) else _known_share(percent)


@lru_cache(maxsize=4096)
def _known_share(percent: float) -> RenewableShare:
    return RenewableShare(at_least=percent, at_most=percent)
