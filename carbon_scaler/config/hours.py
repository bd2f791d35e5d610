"""Hours of the day as a user writes them, and the names of time zones."""

import re
from datetime import timedelta
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from carbon_scaler.domain.suggestions import did_you_mean

DAY = timedelta(days=1)
HOURS_ALLOWED = (
    "hours like 22:00-06:00, HH:MM-HH:MM with two different ends; they may go over midnight, "
    "and 24:00 is an end"
)

_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
_DIGITS = re.compile(r"[0-9]{2}")
# They stand for whatever the machine has.
_OF_THE_MACHINE = {"localtime", "Factory", "posixrules"}


def _different(text: str) -> str:
    begins, _, ends = text.partition("-")
    if begins == ends:
        raise ValueError
    return text


HoursText = Annotated[str, Field(pattern=_PATTERN), AfterValidator(_different)]


def span_of(text: str) -> tuple[timedelta, timedelta]:
    """When valid hours begin and end, after one midnight; the end is the later of the two."""
    hour, minute, end_hour, end_minute = map(int, _DIGITS.findall(text))
    begins = timedelta(hours=hour, minutes=minute)
    ends = timedelta(hours=end_hour, minutes=end_minute)
    return begins, ends if ends > begins else ends + DAY


def time_zone(name: str) -> ZoneInfo | None:
    """The IANA zone of exactly this name; None: there is none."""
    return ZoneInfo(name) if name in _zone_names() else None


def zone_meant(name: str) -> str:
    """`did you mean "Europe/Berlin"? `, or nothing."""
    suggestion = did_you_mean(name, _zone_names()) or did_you_mean(name, _cities())
    return f'did you mean "{_cities().get(suggestion, suggestion)}"? ' if suggestion else ""


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones() - _OF_THE_MACHINE)


@cache
def _cities() -> dict[str, str]:
    """`Berlin` → `Europe/Berlin`."""
    return {name.rpartition("/")[2]: name for name in sorted(_zone_names()) if "/" in name}
