"""Electricity Maps: hourly, average, traced to consumption, for most of the world's grids."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.grid_sources import ErrorKind, SourceError, SourceTraits
from carbon_scaler.application.ports import Clock
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.answers import Request
from carbon_scaler.providers.electricity_maps.answers import (
    HOUR,
    Asked,
    UnusableAnswerError,
    parse_forecast,
    parse_observations,
    parse_zones,
)
from carbon_scaler.providers.electricity_maps.mix import parse_mix
from carbon_scaler.providers.electricity_maps.requests import (
    LONGEST_PAST,
    Edition,
)
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.transport import Transport
from carbon_scaler.providers.windows import windows

SOURCE = "electricity_maps"
ATTRIBUTION = "Source: ElectricityMaps.com"
# What its help pages name as the default of an account.
CALLS_PER_MINUTE = 150
TRAILING = timedelta(hours=24)
HISTORY_REACH = timedelta(days=8)
PLAN_REMEMBERED_FOR = timedelta(days=1)
KEY_REMEMBERED_FOR = timedelta(minutes=10)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    kind: ErrorKind
    text: str
    until: datetime
    # Another token may be given more.
    token: str


class ElectricityMapsSource:
    """Asks api.electricitymaps.com, or what stands in for it."""

    def __init__(  # noqa: PLR0913  keyword-only, and most with a default
        self,
        transport: Transport,
        *,
        token: Callable[[], str],
        edition: Edition,
        mix: bool = True,
        allow_sandbox: bool = False,
        calls_per_minute: int | None = CALLS_PER_MINUTE,
        clock: Clock | None = None,
    ) -> None:
        self.traits = _traits(edition, mix=mix, calls_per_minute=calls_per_minute)
        self._transport = transport
        self._token = token
        self._edition = edition
        self._mix = mix
        self._allow_sandbox = allow_sandbox
        self._clock = clock or SystemClock()
        self._refused: dict[tuple[str, str], _Refused] = {}

    def serves(self, region: CloudRegion) -> bool:
        """Whether the region has a zone here."""
        return bool(region.zones.get(SOURCE, region.zone))

    async def zone_of(self, region: CloudRegion, now: datetime) -> str:  # noqa: ARG002  the port's
        """The user's word for it, else the shipped table's."""
        return region.zones.get(SOURCE, region.zone)

    async def zones(self) -> Collection[str]:
        """What it says that the account may use, which at times is too much."""
        return await self._ask("", "zones", self._edition.zones(), parse_zones)

    async def latest(self, zone: str, now: datetime) -> Sequence[Observation]:
        """The present hour's value, in most zones an estimate."""
        asked = self._asked(zone)
        found = await self._ask(
            zone,
            "latest",
            self._edition.latest(zone),
            lambda document: parse_observations(document, asked),
        )
        begun = [observation for observation in found if observation.starts_at <= now]
        if not begun:
            raise self._transport.error(
                ErrorKind.NO_DATA, f"has only values of the future for {zone}; check our clock"
            )
        return [*begun[:-1], await self._with_mix(begun[-1])] if self._mix else begun

    async def history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """As it knows them now; beyond 24 hours only where the plan has past ranges."""
        trailing_since = self._clock.now() - TRAILING
        if since > trailing_since:
            found = await self._trailing(zone)
        else:
            try:
                found = await self._past(zone, since, until)
            except SourceError as error:
                last_day_may_do = error.kind in (ErrorKind.PLAN, ErrorKind.NO_DATA)
                if not last_day_may_do or until <= trailing_since:
                    raise
                found = await self._trailing(zone)
        return [observation for observation in found if since <= observation.starts_at < until]

    async def forecast(self, zone: str, now: datetime) -> ZoneForecast | None:
        """As far as the plan allows; None with direct factors, which it does not forecast."""
        if self.traits.horizon is None:
            return None
        asked = replace(self._asked(zone), factors=None)
        present = now.replace(minute=0, second=0, microsecond=0)
        *farther, last = self._edition.horizons
        for horizon in farther:
            try:
                return await self._forecast(asked, horizon, present)
            except SourceError as error:
                if error.kind is not ErrorKind.PLAN:
                    raise
        return await self._forecast(asked, last, present)

    async def _forecast(
        self, asked: Asked, horizon: int | None, not_before: datetime
    ) -> ZoneForecast:
        return await self._ask(
            asked.zone,
            f"forecast of {horizon or 'default'} hours",
            self._edition.forecast(asked.zone, horizon),
            lambda document: parse_forecast(document, asked, not_before=not_before),
        )

    async def _trailing(self, zone: str) -> Sequence[Observation]:
        asked = self._asked(zone)
        return await self._ask(
            zone,
            "history",
            self._edition.history(zone),
            lambda document: parse_observations(document, asked),
        )

    async def _past(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """A range without data leaves the others' standing."""
        asked = self._asked(zone)
        found: list[Observation] = []
        nothing: SourceError | None = None
        for start, end in windows(since, until, longest=LONGEST_PAST):
            try:
                found += await self._ask(
                    zone,
                    "past-range",
                    self._edition.past(zone, start, end),
                    lambda document: parse_observations(document, asked),
                )
            except SourceError as error:
                if error.kind is not ErrorKind.NO_DATA:
                    raise
                nothing = error
        if not found and nothing is not None:
            raise nothing
        return found

    async def _with_mix(self, observation: Observation) -> Observation:
        """The same where no mix is to be had: it never costs the intensity."""
        asked = replace(self._asked(observation.zone), factors=None)
        try:
            found = await self._ask(
                observation.zone,
                "mix",
                self._edition.mix(observation.zone),
                lambda document: parse_mix(document, asked),
            )
        except SourceError as error:
            return replace(observation, remarks=(f"no mix: {error.kind.value}",))
        if found is None or found.starts_at != observation.starts_at:
            return observation
        return replace(observation, mix=found.mix, renewable=found.renewable, remarks=found.remarks)

    def _asked(self, zone: str) -> Asked:
        return Asked(zone=zone, factors=self._edition.factors, allow_sandbox=self._allow_sandbox)

    async def _ask(self, zone: str, what: str, request: Request, parse: Callable[[object], T]) -> T:
        token = self._token()
        self._refuse_again(zone, what, token)
        headers = {"auth-token": token} if token else {}
        try:
            document = await self._transport.get(replace(request, headers=headers))
        except SourceError as error:
            self._remember(zone, what, token, error)
            raise
        try:
            return parse(document)
        except UnusableAnswerError as error:
            kind, text = error.kind, str(error)
        except FieldError as error:
            kind, text = ErrorKind.MALFORMED, f"answered for {zone or 'zones'}: {error}"
        raise self._transport.error(kind, text)

    def _refuse_again(self, zone: str, what: str, token: str) -> None:
        for key in (("", ""), (zone, what)):
            refused = self._refused.get(key)
            if refused is None:
                continue
            if refused.token == token and self._clock.now() < refused.until:
                raise self._transport.error(refused.kind, f"not asked again yet: {refused.text}")
            del self._refused[key]

    def _remember(self, zone: str, what: str, token: str, error: SourceError) -> None:
        match error.kind:
            case ErrorKind.PLAN:
                key, remembered_for = (zone, what), PLAN_REMEMBERED_FOR
            case ErrorKind.KEY:
                key, remembered_for = ("", ""), KEY_REMEMBERED_FOR
            case _:
                return
        self._refused[key] = _Refused(
            kind=error.kind,
            text=str(error).removeprefix(f"{SOURCE}: "),
            until=self._clock.now() + remembered_for,
            token=token,
        )


def _traits(edition: Edition, *, mix: bool, calls_per_minute: int | None) -> SourceTraits:
    direct = edition.factors is Factors.DIRECT
    return SourceTraits(
        name=SOURCE,
        basis=Basis(signal=Signal.AVERAGE, factors=edition.factors),
        accounting="consumption",
        unit="gCO2eq/kWh",
        step=HOUR,
        lag=HOUR,
        reads_after=timedelta(minutes=2),
        spread=timedelta(seconds=60),
        history_reach=HISTORY_REACH,
        history_window=min(HISTORY_REACH, LONGEST_PAST),
        horizon=None if direct else timedelta(hours=edition.horizons[0] or 24),
        calls_per_latest=2 if mix else 1,
        calls_per_history=1,
        calls_per_minute=calls_per_minute,
        licence_class="restricted",
        attribution=ATTRIBUTION,
    )
