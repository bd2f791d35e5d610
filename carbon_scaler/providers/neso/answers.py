"""What Great Britain's carbon intensity API answers, and what its refusals mean."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.intensity import Kind, Mix
from carbon_scaler.domain.observation import Observation, ZoneForecast
from carbon_scaler.providers.answers import Answer
from carbon_scaler.providers.fields import FieldError, instant, mapping, number, objects
from carbon_scaler.providers.forecast_points import forecast_points
from carbon_scaler.providers.neso.mix import MixBySlot, parse_mix, renewable_share
from carbon_scaler.providers.neso.requests import NATIONAL, STEP

SOURCE = "neso"

Row = Mapping[str, Any]


def refusal(answer: Answer) -> tuple[ErrorKind, str] | None:
    """What a status means; the words of its errors are unreliable and left out."""
    match answer.status:
        case 400:
            return ErrorKind.ZONE, "did not accept the region or the time asked for (status 400)"
        case 403:
            # A page is a gateway's, which may let us pass the next time.
            kind = ErrorKind.SERVER if answer.is_page else ErrorKind.PLAN
            return kind, (
                "refuses this address (status 403); it blocks those who ask too much, and proxies "
                "may block it"
            )
        case _:
            return None


def parse_actual(
    document: object, since: datetime, until: datetime, mixes: MixBySlot
) -> tuple[Observation, ...]:
    """The nation's half hours that begin in [since, until) and have an actual value."""
    rows = _rows(document, NATIONAL)
    return _ascending(
        _observation(NATIONAL, at, grams, mix=mixes.get(at))
        for _, at, grams in _values(rows, "actual")
        if since <= at < until
    )


def parse_regional(
    document: object, zone: str, since: datetime, until: datetime
) -> tuple[Observation, ...]:
    """A region's half hours that begin in [since, until): it has forecasts only."""
    rows = _rows(document, zone)
    return _ascending(
        _observation(zone, at, grams, mix=parse_mix(row))
        for row, at, grams in _values(rows, "forecast")
        if since <= at < until
    )


def parse_forecast(document: object, zone: str, now: datetime) -> ZoneForecast:
    """The forecast from the present half hour on; it does not say when it was made."""
    values = ((at, grams) for _, at, grams in _values(_rows(document, zone), "forecast"))
    points = forecast_points(values, now=now, step=STEP)
    if not points:
        raise nothing(zone, "no forecast from now on")
    return ZoneForecast(zone=zone, issued_at=None, model=None, points=points)


def parse_mixes(document: object) -> MixBySlot:
    """The nation's generation by half hour."""
    return {_start(row): mix for row in _rows(document, NATIONAL) if (mix := parse_mix(row))}


def nothing(zone: str, what: str) -> SourceError:
    """The answer holds nothing that was asked for."""
    return SourceError(f"{SOURCE}: has {what} for {zone}", source=SOURCE, kind=ErrorKind.NO_DATA)


def _rows(document: object, zone: str) -> Iterable[Row]:
    answer = mapping(document, "the answer")
    if not answer.get("data"):
        raise nothing(zone, "no data now")
    if zone == NATIONAL:
        return objects(answer, "data")
    return objects(_region(answer["data"], zone), "data")


def _region(data: object, zone: str) -> Row:
    """One region's envelope; it is an object in some answers and a list of one in others."""
    found = mapping(data[0] if isinstance(data, list) else data, "`data`")
    answered = str(found.get("regionid"))
    if answered != zone:
        raise SourceError(
            f"{SOURCE}: was asked for {zone} and answered for {answered[:40]}",
            source=SOURCE,
            kind=ErrorKind.ZONE,
        )
    return found


def _values(rows: Iterable[Row], name: str) -> Iterator[tuple[Row, datetime, float]]:
    """A value that is null or below zero is missing."""
    for row in rows:
        at = _start(row)
        grams = number(mapping(row.get("intensity") or {}, "`intensity`"), name)
        if grams is not None and grams >= 0:
            yield row, at, grams


def _start(row: Row) -> datetime:
    start = instant(row, "from")
    if instant(row, "to") - start != STEP:
        raise FieldError(f"the interval from {start:%Y-%m-%dT%H:%MZ} is no half hour")
    return start


def _ascending(found: Iterable[Observation]) -> tuple[Observation, ...]:
    """Of two for one half hour the later one counts."""
    by_start = {observation.starts_at: observation for observation in found}
    return tuple(by_start[at] for at in sorted(by_start))


def _observation(zone: str, at: datetime, grams: float, *, mix: Mix | None) -> Observation:
    is_national = zone == NATIONAL
    return Observation(
        zone=zone,
        starts_at=at,
        lasts=STEP,
        grams_per_kwh=grams,
        kind=Kind.MEASURED if is_national else Kind.ESTIMATED,
        method="actual" if is_national else "forecast",
        renewable=renewable_share(mix),
        mix=mix,
    )
