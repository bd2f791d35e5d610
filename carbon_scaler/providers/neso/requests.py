"""What is asked of Great Britain's carbon intensity API."""

from datetime import datetime, timedelta

from carbon_scaler.providers.answers import Request

NATIONAL = "GB"
STEP = timedelta(minutes=30)


def half_hour_of(at: datetime) -> datetime:
    """The start of its half hour: addresses are rounded to it, so that caches can answer."""
    return at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def last_day_request(now: datetime) -> Request:
    """The nation's past day up to the present half hour."""
    return Request(path=f"/intensity/{_slot(now)}/pt24h")


def last_day_mix_request(now: datetime) -> Request:
    """The nation's generation in the same day."""
    return Request(path=f"/generation/{_slot(now)}/pt24h")


def present_request(zone: str) -> Request:
    """The present half hour of a part of the country."""
    return Request(path=f"/regional/regionid/{zone}")


def range_request(zone: str, since: datetime, until: datetime) -> Request:
    """From `since` to `until`, both ends included."""
    return _intensity(zone, f"{_slot(since)}/{_slot(_rounded_up(until))}")


def range_mix_request(since: datetime, until: datetime) -> Request:
    """The nation's generation in the same time."""
    return Request(path=f"/generation/{_slot(since)}/{_slot(_rounded_up(until))}")


def forecast_request(zone: str, now: datetime) -> Request:
    """The next two days from the present half hour on."""
    return _intensity(zone, f"{_slot(now)}/fw48h")


def _intensity(zone: str, span: str) -> Request:
    if zone == NATIONAL:
        return Request(path=f"/intensity/{span}")
    return Request(path=f"/regional/intensity/{span}/regionid/{zone}")


def _rounded_up(at: datetime) -> datetime:
    slot = half_hour_of(at)
    return slot if slot == at else slot + STEP


def _slot(at: datetime) -> str:
    return half_hour_of(at).strftime("%Y-%m-%dT%H:%MZ")
