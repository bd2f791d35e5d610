"""WattTime v3: what one more kilowatt-hour causes, every five minutes."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import isfinite
from typing import TypeVar

from carbon_scaler.application.grid_sources import ErrorKind, SourceError, SourceTraits
from carbon_scaler.application.ports import ZoneDirectory
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.answers import Request
from carbon_scaler.providers.transport import Transport
from carbon_scaler.providers.watttime.answers import (
    SOURCE,
    STEP,
    UNIT,
    Percentile,
    parse_access,
    parse_forecast,
    parse_history,
    parse_index,
    parse_latest,
    parse_region,
)
from carbon_scaler.providers.watttime.requests import (
    access_request,
    forecast_request,
    history_request,
    index_request,
    region_request,
    with_token,
)
from carbon_scaler.providers.watttime.tokens import WattTimeTokens
from carbon_scaler.providers.windows import windows

# Boundaries move: WattTime wants to be asked again at least monthly.
ZONE_KEPT_FOR = timedelta(days=30)
# One ask may span 32 days.
LONGEST_ASK = timedelta(days=31)
HORIZON_HOURS = 72
SHORTER_HORIZON_HOURS = 24

# Of 3,000 in five minutes.
CALLS_PER_MINUTE = 600
TRAITS = SourceTraits(
    name=SOURCE,
    basis=Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT),
    # The plants that answer to more load in the region; no flows are traced to consumers.
    accounting="production",
    unit=UNIT,
    step=STEP,
    lag=timedelta(minutes=10),
    reads_after=timedelta(minutes=1),
    spread=timedelta(minutes=2),
    history_reach=timedelta(days=8),
    history_window=timedelta(days=8),
    horizon=timedelta(hours=HORIZON_HOURS),
    calls_per_latest=1,
    calls_per_history=1,
    calls_per_minute=CALLS_PER_MINUTE,
    licence_class="restricted",
    attribution="Source: WattTime",
)

T = TypeVar("T")


class WattTimeSource:
    """Marginal intensity by WattTime's regions."""

    def __init__(
        self,
        transport: Transport,
        *,
        username: Callable[[], str],
        password: Callable[[], str],
        directory: ZoneDirectory,
        calls_per_minute: int | None = CALLS_PER_MINUTE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        # Marginal, at the stack, every five minutes.
        self.traits = replace(TRAITS, calls_per_minute=calls_per_minute)
        self._transport = transport
        self._directory = directory
        self._tokens = WattTimeTokens(
            transport, username=username, password=password, monotonic=monotonic
        )

    def serves(self, region: CloudRegion) -> bool:
        """Regions with coordinates; whether WattTime covers them, it must be asked."""
        return isfinite(region.latitude) or SOURCE in region.zones

    async def zone_of(self, region: CloudRegion, now: datetime) -> str:
        """As the profile says, as found within a month, or as WattTime says now."""
        if (stated := region.zones.get(SOURCE)) is not None:
            return stated
        known = await self._directory.known(SOURCE, region.name)
        if known is not None and now < known[1] + ZONE_KEPT_FOR:
            return known[0]
        try:
            zone = await self._ask(region_request(region), parse_region)
        except SourceError as error:
            stand_in = known[0] if known is not None else region.watttime_region
            # No coverage is an answer; what failed otherwise may be bridged by what we knew.
            if error.kind is ErrorKind.ZONE or stand_in is None:
                raise
            return stand_in
        await self._directory.keep(SOURCE, region.name, zone, now)
        return zone

    async def zones(self) -> Collection[str]:
        """The regions whose forecast the account includes."""
        return await self._ask(access_request(), parse_access)

    async def latest(self, zone: str, now: datetime) -> Sequence[Observation]:
        """The forecast's first point: made even where the grid's own data are late."""
        request = forecast_request(zone, 0)
        return await self._ask(request, lambda found: parse_latest(found, zone, now))

    async def history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """What the model says of the past, rewritten at any time."""
        found: list[Observation] = []
        for start, end in windows(since, until, longest=LONGEST_ASK):
            found.extend(await self._history(zone, start, end))
        return found

    async def forecast(self, zone: str, now: datetime) -> ZoneForecast | None:
        """Three days; one where the account or the region has no more."""
        document = await self._forecast_document(zone)
        return self._transport.parsed(lambda found: parse_forecast(found, zone, now), document)

    async def signal_index(self, zone: str) -> Percentile:
        """Where the present lies in the next day; free in all regions, and never grams."""
        return await self._ask(index_request(zone), lambda found: parse_index(found, zone))

    async def _history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        request = history_request(zone, since, until)
        return await self._ask(request, lambda found: parse_history(found, zone, since, until))

    async def _forecast_document(self, zone: str) -> object:
        try:
            return await self._document(forecast_request(zone, HORIZON_HOURS))
        except SourceError as error:
            # Status 400 does not say whether it means the region or the horizon.
            if error.kind is not ErrorKind.ZONE:
                raise
        return await self._document(forecast_request(zone, SHORTER_HORIZON_HOURS))

    async def _ask(self, request: Request, parse: Callable[[object], T]) -> T:
        return self._transport.parsed(parse, await self._document(request))

    async def _document(self, request: Request) -> object:
        """At most one new login for a refusal: a token ends early now and then."""
        token = await self._tokens.token()
        try:
            return await self._transport.get(with_token(request, token))
        except SourceError as error:
            if error.kind is not ErrorKind.KEY:
                raise
        token = await self._tokens.token(refused=token)
        return await self._transport.get(with_token(request, token))
