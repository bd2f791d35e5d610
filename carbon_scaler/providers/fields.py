"""Reading fields of foreign JSON: what is not exactly as documented is refused, never repaired."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from carbon_scaler.domain.errors import CarbonScalerError


class FieldError(CarbonScalerError):
    """A field is missing or not what is documented."""


def objects(document: object, name: str) -> Sequence[Mapping[str, Any]]:
    """A field that is a list of objects."""
    rows = mapping(document, "the answer").get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FieldError(f"`{name}` is not a list of objects")
    return rows


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """A value that is an object."""
    if not isinstance(value, dict):
        raise FieldError(f"{name} is not an object")
    return value


def number(row: Mapping[str, Any], name: str) -> float | None:
    """A number; None where it is null or absent. A number as text is refused, as are NaN and bool."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError(f"`{name}` is {type(value).__name__}, not a number")
    try:
        exact = float(value)
    except OverflowError:
        exact = math.inf
    if not math.isfinite(exact):
        raise FieldError(f"`{name}` is not finite")
    return exact


def text(row: Mapping[str, Any], name: str) -> str | None:
    """A text; None where it is null or absent."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise FieldError(f"`{name}` is {type(value).__name__}, not a text")
    return value


def flag(row: Mapping[str, Any], name: str) -> bool | None:
    """True or false; None where it is null or absent."""
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise FieldError(f"`{name}` is {type(value).__name__}, not true or false")
    return value


def instant(row: Mapping[str, Any], name: str) -> datetime:
    """An aware instant in UTC; seconds may be left out, the zone may not."""
    value = text(row, name)
    if value is None:
        raise FieldError(f"`{name}` is missing")
    return parse_instant(value, name)


def parse_instant(value: str, name: str) -> datetime:
    """As `instant`, of a text."""
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise FieldError(f"`{name}` is no instant: {value[:40]!r}") from None
    if at.tzinfo is None:
        raise FieldError(f"`{name}` says no time zone: {value[:40]!r}")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise FieldError(f"`{name}` is no instant: {value[:40]!r}") from None
