"""What WattTime v3 answers, and what its refusals mean."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.providers.answers import Answer
from carbon_scaler.providers.fields import FieldError, flag, instant, mapping, number, objects, text
from carbon_scaler.providers.forecast_points import forecast_points
from carbon_scaler.providers.watttime.requests import SIGNAL_TYPE

SOURCE = "watttime"
UNIT = "lbs_co2_per_mwh"
GRAMS_PER_KWH_OF_UNIT = 453.59237 / 1000
STEP = timedelta(minutes=5)
IMPUTED = "computed from imputed inputs"
LONGEST_WARNING = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """Where the present lies among the next day's values; no grams, and no other zone's."""

    zone: str
    at: datetime
    # 0: the cleanest of the next 24 hours as forecast, 100: the dirtiest.
    percent: float
    model: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    zone: str
    model: str | None
    period: timedelta
    generated_at: datetime | None
    remarks: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def method(self) -> str | None:
        return None if self.model is None else f"model {self.model}"

    def values(self) -> Iterator[tuple[datetime, float, Mapping[str, Any]]]:
        """Grams; a value that is null or below zero is missing."""
        for row in self.rows:
            value = number(row, "value")
            if value is not None and value >= 0:
                yield instant(row, "point_time"), value * GRAMS_PER_KWH_OF_UNIT, row


def refusal(answer: Answer) -> tuple[ErrorKind, str] | None:
    """What a status means at WattTime; an expired token shows as 401 or as 403 with a page."""
    has_words = isinstance(answer.document, dict)
    match answer.status:
        case 403 if has_words:
            return ErrorKind.PLAN, (
                "the account does not include this; a free account has only the regions that "
                "/v3/my-access lists (CAISO_NORTH as a rule)"
            )
        case 401 | 403:
            return ErrorKind.KEY, f"refused the login (status {answer.status})"
        case 404:
            return ErrorKind.ZONE, "has no grid there (status 404)"
        case 400:
            return ErrorKind.ZONE, "did not accept the region or the time asked for (status 400)"
        case _:
            return None


def parse_token(document: object) -> str:
    """The token of a login."""
    token = text(mapping(document, "the answer"), "token")
    if not token:
        raise FieldError("`token` is missing")
    return token


def parse_region(document: object) -> str:
    """The grid that was found at coordinates."""
    zone = text(mapping(document, "the answer"), "region")
    if not zone:
        raise FieldError("`region` is missing")
    return zone


def parse_latest(document: object, zone: str, now: datetime) -> tuple[Observation, ...]:
    """The values that have begun."""
    found = _observations(_series(document, zone, UNIT))
    begun = tuple(observation for observation in found if observation.starts_at <= now)
    if not begun:
        raise _error(ErrorKind.NO_DATA, f"has no value for the present in {zone}")
    return begun


def parse_history(
    document: object, zone: str, since: datetime, until: datetime
) -> tuple[Observation, ...]:
    """The values that begin in [since, until)."""
    found = _observations(_series(document, zone, UNIT))
    return tuple(observation for observation in found if since <= observation.starts_at < until)


def parse_forecast(document: object, zone: str, now: datetime) -> ZoneForecast:
    """The forecast from the present point on."""
    series = _series(document, zone, UNIT)
    values = ((at, grams) for at, grams, _ in series.values())
    points = forecast_points(values, now=now, step=series.period)
    if not points:
        raise _error(ErrorKind.NO_DATA, f"has no forecast for {zone} at present")
    return ZoneForecast(zone=zone, issued_at=series.generated_at, model=series.model, points=points)


def parse_index(document: object, zone: str) -> Percentile:
    """The one point of a signal index."""
    series = _series(document, zone, "percentile")
    for row in series.rows:
        percent = number(row, "value")
        if percent is not None and 0 <= percent <= 100:  # noqa: PLR2004  percent
            at = instant(row, "point_time")
            return Percentile(zone=zone, at=at, percent=percent, model=series.model)
    raise _error(ErrorKind.NO_DATA, f"has no percentile for {zone} at present")


def parse_access(document: object) -> frozenset[str]:
    """The regions whose forecast, our source of the present, the account includes."""
    return frozenset(
        zone
        for signal in objects(document, "signal_types")
        if text(signal, "signal_type") == SIGNAL_TYPE
        for region in objects(signal, "regions")
        if (zone := text(region, "region")) is not None and _has_forecast(region)
    )


def _has_forecast(region: Mapping[str, Any]) -> bool:
    endpoints = (text(row, "endpoint") or "" for row in objects(region, "endpoints"))
    return any(endpoint.rpartition("/")[2] == "forecast" for endpoint in endpoints)


def _series(document: object, zone: str, unit: str) -> _Series:
    rows = objects(document, "data")
    meta = mapping(mapping(document, "the answer").get("meta"), "`meta`")
    _check_zone(text(meta, "region"), zone)
    _check_unit(text(meta, "units"), unit)
    return _Series(
        zone=zone,
        model=text(mapping(meta.get("model") or {}, "`model`"), "date"),
        period=_period(meta),
        generated_at=None if meta.get("generated_at") is None else instant(meta, "generated_at"),
        remarks=tuple(_warnings(meta)),
        rows=tuple(rows),
    )


def _check_zone(answered: str | None, asked: str) -> None:
    if answered != asked:
        words = f"was asked for {asked} and answered for {str(answered)[:40]}"
        raise _error(ErrorKind.ZONE, words)


def _check_unit(answered: str | None, wanted: str) -> None:
    if answered == wanted:
        return
    if answered == "percentile":
        raise _error(
            ErrorKind.UNIT,
            "answered a percentile, which orders the hours of one region and cannot become "
            f"grams; the account needs an endpoint that answers in {wanted}",
        )
    raise _error(ErrorKind.UNIT, f"answered in {str(answered)[:40]!r}; only {wanted} is taken")


def _period(meta: Mapping[str, Any]) -> timedelta:
    seconds = number(meta, "data_point_period_seconds")
    if seconds is None:
        return STEP
    if not 0 < seconds <= 3600:  # noqa: PLR2004  an hour
        raise FieldError(f"`data_point_period_seconds` is {seconds:g}, not up to an hour")
    return timedelta(seconds=seconds)


def _warnings(meta: Mapping[str, Any]) -> Iterator[str]:
    if meta.get("warnings") is None:
        return
    for row in objects(meta, "warnings"):
        parts = (text(row, "type"), text(row, "message"))
        yield ": ".join(part for part in parts if part)[:LONGEST_WARNING]


def _observations(series: _Series) -> tuple[Observation, ...]:
    """Ascending; of two for one instant the later one counts."""
    found = {at: _observation(series, at, grams, row) for at, grams, row in series.values()}
    return tuple(found[at] for at in sorted(found))


def _observation(
    series: _Series, at: datetime, grams: float, row: Mapping[str, Any]
) -> Observation:
    imputed = (IMPUTED,) if flag(row, "imputed_data_used") else ()
    updated_at = None if row.get("last_updated") is None else instant(row, "last_updated")
    return Observation(
        zone=series.zone,
        starts_at=at,
        lasts=series.period,
        grams_per_kwh=grams,
        # Nobody can measure what one more kWh causes: a model says so, now and afterwards.
        kind=Kind.ESTIMATED,
        method=series.method,
        generated_at=series.generated_at,
        updated_at=updated_at,
        remarks=(*series.remarks, *imputed),
    )


def _error(kind: ErrorKind, words: str) -> SourceError:
    return SourceError(f"{SOURCE}: {words}", source=SOURCE, kind=kind)
