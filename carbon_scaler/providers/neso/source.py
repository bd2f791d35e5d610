"""Great Britain's half hours, without a key."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from carbon_scaler.application.grid_sources import ErrorKind, SourceError, SourceTraits
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.answers import Request
from carbon_scaler.providers.neso.answers import (
    SOURCE,
    nothing,
    parse_actual,
    parse_forecast,
    parse_mixes,
    parse_regional,
)
from carbon_scaler.providers.neso.mix import MixBySlot
from carbon_scaler.providers.neso.requests import (
    NATIONAL,
    STEP,
    forecast_request,
    half_hour_of,
    last_day_mix_request,
    last_day_request,
    present_request,
    range_mix_request,
    range_request,
)
from carbon_scaler.providers.transport import Transport
from carbon_scaler.providers.windows import windows

log = structlog.get_logger()

COUNTRY = "GB"
# 14 areas of the network operators, then England, Scotland and Wales; 13 is London.
ZONES = frozenset({NATIONAL, *(str(number) for number in range(1, 18))})
DAY = timedelta(days=1)
LONGEST_ASK = timedelta(days=14)

# They block heavy callers and publish no number; this is far more than a plan needs.
CALLS_PER_MINUTE = 30
TRAITS = SourceTraits(
    name=SOURCE,
    basis=Basis(signal=Signal.AVERAGE, factors=Factors.DIRECT),
    # Imports at their country's average and losses are counted in.
    accounting="consumption",
    unit="g/kWh",
    step=STEP,
    # The half hour itself, and the half hour until its actual value is filled in.
    lag=timedelta(hours=1),
    reads_after=timedelta(minutes=5),
    spread=timedelta(minutes=1),
    history_reach=LONGEST_ASK,
    history_window=LONGEST_ASK,
    horizon=timedelta(hours=48),
    calls_per_latest=2,
    calls_per_history=2,
    calls_per_minute=CALLS_PER_MINUTE,
    licence_class="attribution",
    attribution="Source: National Energy System Operator, Carbon Intensity API, CC BY 4.0",
)

T = TypeVar("T")


class NesoSource:
    """Average intensity of Great Britain or of one of its areas."""

    def __init__(
        self,
        transport: Transport,
        *,
        mix: bool = True,
        calls_per_minute: int | None = CALLS_PER_MINUTE,
    ) -> None:
        # Average, at the stack, every half hour.
        self.traits = replace(TRAITS, calls_per_minute=calls_per_minute)
        self._transport = transport
        self._mix = mix

    def serves(self, region: CloudRegion) -> bool:
        """Regions in Great Britain."""
        return region.country == COUNTRY

    async def zone_of(self, region: CloudRegion, now: datetime) -> str:  # noqa: ARG002  the port's
        """The nation, or the area that the region's profile names."""
        zone = region.zones.get(SOURCE, NATIONAL)
        if zone not in ZONES:
            raise self._transport.error(
                ErrorKind.ZONE, f"has no area {zone!r}; it has GB and the numbers 1 to 17"
            )
        return zone

    async def zones(self) -> Collection[str]:
        """All: there are no accounts."""
        return ZONES

    async def latest(self, zone: str, now: datetime) -> Sequence[Observation]:
        """The nation's actual half hours of the past day, or an area's present forecast."""
        # The present half hour begins at or before `now`, and the next one after it.
        until = half_hour_of(now) + STEP
        if zone == NATIONAL:
            mixes = await self._mixes(last_day_mix_request(now))
            request = last_day_request(now)
            found = await self._ask(
                request, lambda document: parse_actual(document, now - DAY, until, mixes)
            )
        else:
            found = await self._ask(
                present_request(zone),
                lambda document: parse_regional(document, zone, now - DAY, until),
            )
        if not found:
            raise nothing(zone, "no value of the past day")
        return found

    async def history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """What is known of the past, fortnight by fortnight."""
        found: list[Observation] = []
        for start, end in windows(since, until, longest=LONGEST_ASK):
            found.extend(await self._range(zone, start, end))
        return [observation for observation in found if observation.starts_at >= since]

    async def forecast(self, zone: str, now: datetime) -> ZoneForecast | None:
        """Up to two days; it may end early."""
        return await self._ask(
            forecast_request(zone, now), lambda document: parse_forecast(document, zone, now)
        )

    async def _range(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        request = range_request(zone, since, until)
        if zone != NATIONAL:
            return await self._ask(
                request, lambda document: parse_regional(document, zone, since, until)
            )
        mixes = await self._mixes(range_mix_request(since, until))
        return await self._ask(
            request, lambda document: parse_actual(document, since, until, mixes)
        )

    async def _mixes(self, request: Request) -> MixBySlot:
        """By half hour; none where they fail: they never cost the intensity."""
        if not self._mix:
            return {}
        try:
            return await self._ask(request, parse_mixes)
        except SourceError as error:
            log.warning("neso.mix_missing", cause=str(error), kind=error.kind.value)
            return {}

    async def _ask(self, request: Request, parse: Callable[[object], T]) -> T:
        return self._transport.parsed(parse, await self._transport.get(request))
