"""A source of the user's own: where it answers in JSON, and what its numbers mean."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from carbon_scaler.domain.intensity import Basis, Kind


class Unit(StrEnum):
    """What the numbers count."""

    G_PER_KWH = "g_per_kwh"
    KG_PER_MWH = "kg_per_mwh"
    LBS_CO2_PER_MWH = "lbs_co2_per_mwh"

    @property
    def grams_per_kwh(self) -> float:
        """What one of it is in g/kWh."""
        return 0.45359237 if self is Unit.LBS_CO2_PER_MWH else 1.0


class Stamp(StrEnum):
    """Which end of its interval a value's time names."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSeries:
    """Where an answer holds values and their times, as JSON pointers.

    With `rows` that points to a list, and the others begin in each of its rows.
    """

    url: str = field(repr=False)  # its query may hold a key
    value: str
    time: str
    rows: str | None = None
    renewable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomSourceSettings:
    """One source of sources.yaml."""

    name: str
    zones: Mapping[str, str]  # by region
    values: JsonSeries
    forecast: JsonSeries | None = None
    horizon: timedelta = timedelta(hours=24)
    unit: Unit
    basis: Basis
    accounting: str = "consumption"
    kind: Kind = Kind.MEASURED
    interval: timedelta
    lag: timedelta
    stamp: Stamp = Stamp.START
    every: timedelta
    # Each asked for anew, since a file of secrets may change.
    headers: Mapping[str, Callable[[], str]] = field(default_factory=dict, repr=False)
    licence_class: str = "own"
    attribution: str = ""

    @property
    def address(self) -> str:
        """Scheme, host and port, as the transport wants it."""
        parts = urlsplit(self.values.url)
        return f"{parts.scheme}://{parts.netloc}"
