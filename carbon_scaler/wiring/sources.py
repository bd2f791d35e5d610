"""The objects that ask: one per source in force, made from its settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.custom_sources import CustomSourceSettings
from carbon_scaler.application.grid_sources import GridSource
from carbon_scaler.application.ports import CallCounts, Clock, ZoneDirectory
from carbon_scaler.config.secrets import Secret
from carbon_scaler.config.settings import SOURCES, Settings
from carbon_scaler.providers import plugins
from carbon_scaler.providers.answers import Refusals
from carbon_scaler.providers.custom.source import CustomSource
from carbon_scaler.providers.electricity_maps import answers as electricity_maps_answers
from carbon_scaler.providers.electricity_maps import source as electricity_maps
from carbon_scaler.providers.electricity_maps.requests import Edition
from carbon_scaler.providers.neso import answers as neso_answers
from carbon_scaler.providers.neso import source as neso
from carbon_scaler.providers.transport import Patience, Transport
from carbon_scaler.providers.watttime import answers as watttime_answers
from carbon_scaler.providers.watttime import source as watttime

PATIENCE = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What sources need remembered."""

    calls: CallCounts
    zones: ZoneDirectory
    clock: Clock = field(default_factory=SystemClock)


class NothingRemembered:
    """For commands that look without a database: counts nothing, remembers nothing."""

    async def spend(self, source: str, now: datetime, *, limit: int | None) -> int | None:  # noqa: ARG002  the port's
        """Every request is the first."""
        return 1

    async def known(self, source: str, region: str) -> tuple[str, datetime] | None:  # noqa: ARG002
        """Nothing is."""
        return None

    async def keep(self, source: str, region: str, zone: str, looked_up_at: datetime) -> None:
        """Forgotten at once."""


NOTHING = Memory(calls=NothingRemembered(), zones=NothingRemembered())


def quotas_of(settings: Settings) -> Mapping[str, int]:
    """Requests a day that the user allows, by source."""
    stated = {
        electricity_maps.SOURCE: settings.electricity_maps_quota_per_day,
        watttime_answers.SOURCE: settings.watttime_quota_per_day,
        neso_answers.SOURCE: settings.neso_quota_per_day,
    }
    return {source: quota for source, quota in stated.items() if quota is not None}


class Sources:
    """Makes sources by name; all share one client."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str],
        custom: Mapping[str, CustomSourceSettings],
        memory: Memory,
        *,
        client: httpx.AsyncClient,
        patience: Patience = PATIENCE,
    ) -> None:
        self._settings = settings
        self._environment = environment
        self._custom = custom
        self._memory = memory
        self._client = client
        self._patience = patience
        self._quotas = quotas_of(settings)

    def source(self, name: str) -> GridSource:
        """The source of this name, which is in force."""
        match name:
            case electricity_maps.SOURCE:
                return self._electricity_maps()
            case watttime_answers.SOURCE:
                return self._watttime()
            case neso_answers.SOURCE:
                return self._neso()
            case _ if (custom := self._custom.get(name)) is not None:
                return CustomSource(custom, self._transport(name, custom.address))
            case _:
                return plugins.load([name], SOURCES)[name](self._context(name))

    def _electricity_maps(self) -> GridSource:
        settings = self._settings
        pace = self._pace("electricity_maps_url", electricity_maps.CALLS_PER_MINUTE)
        transport = self._transport(
            electricity_maps.SOURCE,
            settings.electricity_maps_url,
            electricity_maps_answers.refusal,
            pace,
        )
        return electricity_maps.ElectricityMapsSource(
            transport,
            token=_reveal(settings.electricity_maps_api_key),
            edition=Edition(
                version=settings.electricity_maps_version, factors=settings.electricity_maps_factors
            ),
            mix=settings.mix,
            allow_sandbox=settings.allow_sandbox,
            calls_per_minute=pace,
            clock=self._memory.clock,
        )

    def _watttime(self) -> GridSource:
        settings = self._settings
        pace = self._pace("watttime_url", watttime.CALLS_PER_MINUTE)
        return watttime.WattTimeSource(
            self._transport(
                watttime_answers.SOURCE, settings.watttime_url, watttime_answers.refusal, pace
            ),
            username=_reveal(settings.watttime_username),
            password=_reveal(settings.watttime_password),
            directory=self._memory.zones,
            calls_per_minute=pace,
        )

    def _neso(self) -> GridSource:
        settings = self._settings
        pace = self._pace("neso_url", neso.CALLS_PER_MINUTE)
        return neso.NesoSource(
            self._transport(neso_answers.SOURCE, settings.neso_url, neso_answers.refusal, pace),
            mix=settings.mix,
            calls_per_minute=pace,
        )

    def _context(self, name: str) -> plugins.SourceContext:
        return plugins.SourceContext(
            name=name,
            open_transport=lambda address: self._transport(name, address),
            variable=self._environment.get,
        )

    def _pace(self, setting: str, published: int) -> int | None:
        """The published limit holds at the provider's own address; others have none we know of."""
        own = Settings.model_fields[setting].default
        return published if getattr(self._settings, setting) == own else None

    def _transport(
        self,
        source: str,
        address: str,
        refusals: Refusals = lambda _: None,
        calls_per_minute: int | None = None,
    ) -> Transport:
        async def spend() -> bool:
            limit = self._quotas.get(source)
            calls = self._memory.calls
            return await calls.spend(source, self._memory.clock.now(), limit=limit) is not None

        return Transport(
            self._client,
            source=source,
            address=address,
            spend=spend,
            refusals=refusals,
            calls_per_minute=calls_per_minute,
            patience=self._patience,
        )


def _reveal(secret: Secret | None) -> Callable[[], str]:
    """A source in force has its secrets: `sources_in_force` saw to it."""
    return secret.reveal if secret is not None else str
