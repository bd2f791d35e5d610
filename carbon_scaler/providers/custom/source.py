"""A source of the user's own, read by JSON pointers."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from carbon_scaler.application.custom_sources import CustomSourceSettings, JsonSeries
from carbon_scaler.application.grid_sources import ErrorKind, SourceTraits
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.answers import Request
from carbon_scaler.providers.custom.answers import parse_forecast, parse_values
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.transport import Transport

# Meters want a moment to close an interval.
READS_AFTER = timedelta(seconds=15)
SPREAD = timedelta(seconds=15)

T = TypeVar("T")


def request_of(settings: CustomSourceSettings, series: JsonSeries, zone: str) -> Request:
    """The question for one zone."""
    parts = urlsplit(series.url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    return Request(
        path=(parts.path or "/").replace("{zone}", quote(zone, safe="")),
        query={key: value.replace("{zone}", zone) for key, value in query},
        headers={name: reveal() for name, reveal in settings.headers.items()},
    )


class CustomSource:
    """Asks what sources.yaml describes."""

    def __init__(self, settings: CustomSourceSettings, transport: Transport) -> None:
        self._settings = settings
        self._transport = transport

    @property
    def traits(self) -> SourceTraits:
        """What its author declared."""
        settings = self._settings
        return SourceTraits(
            name=settings.name,
            basis=settings.basis,
            accounting=settings.accounting,
            unit=settings.unit,
            step=settings.every,
            lag=settings.lag,
            reads_after=READS_AFTER,
            spread=SPREAD,
            history_reach=timedelta(0),
            history_window=timedelta(0),
            horizon=settings.horizon if settings.forecast else None,
            calls_per_latest=1,
            calls_per_history=1,
            calls_per_minute=None,
            licence_class=settings.licence_class,
            attribution=settings.attribution or settings.name,
        )

    def serves(self, region: CloudRegion) -> bool:
        """Those that the file or a profile gives a zone."""
        return self._zone(region) is not None

    async def zone_of(self, region: CloudRegion, now: datetime) -> str:  # noqa: ARG002  the port's
        """The zone of the profile, else of the file."""
        zone = self._zone(region)
        if zone is None:
            raise self._transport.error(
                ErrorKind.ZONE, f"has no zone for {region.name}; name it in sources.yaml"
            )
        return zone

    async def zones(self) -> Collection[str]:
        """It can't tell."""
        return ()

    async def latest(self, zone: str, now: datetime) -> Sequence[Observation]:
        """What has begun of what it answers now."""
        begun = [seen for seen in await self._values(zone) if seen.starts_at <= now]
        if not begun:
            raise self._transport.error(ErrorKind.NO_DATA, f"has no value for {zone} now")
        return begun

    async def history(self, zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        """As far as its only answer reaches back."""
        return [seen for seen in await self._values(zone) if since <= seen.starts_at < until]

    async def forecast(self, zone: str, now: datetime) -> ZoneForecast | None:
        """What it expects from the present interval on."""
        series = self._settings.forecast
        if series is None:
            return None
        document = await self._transport.get(request_of(self._settings, series, zone))
        return self._read(lambda: parse_forecast(self._settings, document, zone, now))

    async def _values(self, zone: str) -> tuple[Observation, ...]:
        series = self._settings.values
        document = await self._transport.get(request_of(self._settings, series, zone))
        return self._read(lambda: parse_values(self._settings, document, zone))

    def _read(self, parse: Callable[[], T]) -> T:
        try:
            return parse()
        except FieldError as error:
            text = f"not as sources.yaml describes it: {error}"
        raise self._transport.error(ErrorKind.MALFORMED, text)

    def _zone(self, region: CloudRegion) -> str | None:
        return region.zones.get(self._settings.name) or self._settings.zones.get(region.name)
