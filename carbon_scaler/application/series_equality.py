"""Whether two series tell the same, whatever objects they are; pure."""

import numpy as np

from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.snapshot import Outlook, RegionSeries

COLUMNS = (
    "starts",
    "grams_per_kwh",
    "renewable_at_least",
    "renewable_at_most",
    "fetched",
    "usable_for",
)
PLAIN = ("region", "basis", "first_at", "sources", "kinds", "average")
OUTLOOK_COLUMNS = ("starts", "lasts", "grams_per_kwh")
OUTLOOK_PLAIN = ("source", "issued_at", "fetched_at")
PATH_COLUMNS = ("grams", "lower", "upper")
PATH_PLAIN = (
    "model",
    "issued_at",
    "begins",
    "measured",
    "past_hours",
    "basis",
    "error",
    "rejected",
)


def same_series(one: RegionSeries, other: RegionSeries) -> bool:
    """Equal in every value, in what is expected and in what stands in."""
    return (
        _same(one, other, PLAIN, COLUMNS)
        and _same_outlook(one.outlook, other.outlook)
        and _same_path(one.expected, other.expected)
        and len(one.stand_ins) == len(other.stand_ins)
        and all(map(same_series, one.stand_ins, other.stand_ins))
    )


def _same_outlook(one: Outlook | None, other: Outlook | None) -> bool:
    if one is None or other is None:
        return one is other
    return _same(one, other, OUTLOOK_PLAIN, OUTLOOK_COLUMNS)


def _same_path(one: ExpectedPath | None, other: ExpectedPath | None) -> bool:
    if one is None or other is None:
        return one is other
    alike = _same(one, other, PATH_PLAIN, PATH_COLUMNS)
    return alike and _same_path(one.former, other.former)


def _same(one: object, other: object, plain: tuple[str, ...], columns: tuple[str, ...]) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in plain) and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in columns
    )
