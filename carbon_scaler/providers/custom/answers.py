"""What the answers of a user's own source say: read strictly, as sources.yaml describes them."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from carbon_scaler.application.custom_sources import CustomSourceSettings, JsonSeries, Stamp
from carbon_scaler.domain.intensity import UNKNOWN_SHARE, RenewableShare
from carbon_scaler.domain.observation import ForecastPoint, Observation, ZoneForecast
from carbon_scaler.providers.custom.json_pointer import NothingThereError, resolve
from carbon_scaler.providers.fields import FieldError, instant, number
from carbon_scaler.providers.forecast_points import tidied

WHOLE = 100.0


def parse_values(
    settings: CustomSourceSettings, document: object, zone: str
) -> tuple[Observation, ...]:
    """Ascending, each interval once; what is null is left out, what lies in the future is not."""
    seen: dict[datetime, Observation] = {}
    for row, grams, starts_at in _values(settings, settings.values, document):
        observation = Observation(
            zone=zone,
            starts_at=starts_at,
            lasts=settings.interval,
            grams_per_kwh=grams,
            kind=settings.kind,
            renewable=_share(row, settings.values.renewable),
        )
        if seen.setdefault(starts_at, observation) != observation:
            raise FieldError(f"two different values for {starts_at:%Y-%m-%dT%H:%MZ}")
    return tuple(seen[starts_at] for starts_at in sorted(seen))


def parse_forecast(
    settings: CustomSourceSettings, document: object, zone: str, now: datetime
) -> ZoneForecast | None:
    """From the present interval on; None where nothing of it is left."""
    if settings.forecast is None:
        return None
    points = tidied(
        ForecastPoint(target_at=starts_at, lasts=settings.interval, grams_per_kwh=grams)
        for _, grams, starts_at in _values(settings, settings.forecast, document)
    )
    ahead = tuple(point for point in points if point.target_at + point.lasts > now)
    return ZoneForecast(zone=zone, issued_at=None, model=None, points=ahead) if ahead else None


def _values(
    settings: CustomSourceSettings, series: JsonSeries, document: object
) -> Iterator[tuple[object, float, datetime]]:
    """Each row's value in g/kWh with the start of its interval."""
    back = settings.interval if settings.stamp is Stamp.END else timedelta(0)
    rows = _rows(series, document)
    absent = 0
    for row in rows:
        try:
            value = number({series.value: resolve(row, series.value)}, series.value)
        except NothingThereError:
            absent += 1
            continue
        if value is not None:
            at = instant({series.time: resolve(row, series.time)}, series.time)
            yield row, value * settings.unit.grams_per_kwh, at - back
    # One row may lack its value; where every row does, the pointer is wrong.
    if rows and absent == len(rows):
        raise NothingThereError(f"nothing is at {series.value}")


def _rows(series: JsonSeries, document: object) -> list[object]:
    if series.rows is None:
        return [document]
    rows = resolve(document, series.rows)
    if not isinstance(rows, list):
        raise FieldError(f"{series.rows} is not a list")
    return rows


def _share(row: object, pointer: str | None) -> RenewableShare:
    if pointer is None:
        return UNKNOWN_SHARE
    try:
        percent = number({pointer: resolve(row, pointer)}, pointer)
    except NothingThereError:
        return UNKNOWN_SHARE
    if percent is None:
        return UNKNOWN_SHARE
    if not 0.0 <= percent <= WHOLE:
        raise FieldError(f"`{pointer}` is {percent:g}, not a percentage from 0 to 100")
    return RenewableShare(at_least=percent, at_most=percent)
