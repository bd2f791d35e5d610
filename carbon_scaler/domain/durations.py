"""Durations as users write them."""

import re
from datetime import timedelta

DURATION_FORMS = "12h, 90m, 45s, 1d, 12h30m, PT12H30M or plain minutes"
LONGEST_DURATION = timedelta(days=366)

_COMPACT = re.compile(
    r"(?:(?P<days>\d{1,6})d)?(?:(?P<hours>\d{1,6})h)?"
    r"(?:(?P<minutes>\d{1,8})m(?:in)?)?(?:(?P<seconds>\d{1,9})s)?",
    re.ASCII | re.IGNORECASE,
)
_ISO = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?"
    r"(?:(?P<seconds>\d{1,9}(?:\.\d{1,6})?)S)?)?",
    re.ASCII | re.IGNORECASE,
)
_MINUTES = re.compile(r"\d{1,8}(?:\.\d{1,6})?", re.ASCII)


def parse_duration(text: str) -> timedelta | None:
    """The duration that the text states, or None where it states none up to a leap year."""
    text = text.strip()
    duration = _parse(text)
    return duration if duration is not None and duration <= LONGEST_DURATION else None


def _parse(text: str) -> timedelta | None:
    if _MINUTES.fullmatch(text):
        return timedelta(minutes=float(text))
    for pattern in (_COMPACT, _ISO):
        match = pattern.fullmatch(text)
        parts = (
            {name: float(value) for name, value in match.groupdict().items() if value}
            if match
            else {}
        )
        if parts:
            return timedelta(**parts)
    return None


def format_duration(duration: timedelta) -> str:
    """The shortest compact form: `12h30m`."""
    seconds = round(duration.total_seconds())
    if seconds < 0:
        return "-" + format_duration(-duration)
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    if seconds or not parts:
        parts.append(f"{seconds}s")
    return "".join(parts)
