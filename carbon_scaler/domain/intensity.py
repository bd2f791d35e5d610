"""What is known of a grid at an instant, and on which basis."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# How long a value may decide, from the start of its interval: the source's lag plus an hour.
DEFAULT_USABLE_FOR = timedelta(hours=2)
LONGEST_USABLE_FOR = timedelta(hours=3)


class Signal(StrEnum):
    """Average of all generation, or what one more kWh causes."""

    AVERAGE = "average"
    MARGINAL = "marginal"


class Factors(StrEnum):
    """Emissions over the plant's life, or at the stack only."""

    LIFECYCLE = "lifecycle"
    DIRECT = "direct"


class Kind(StrEnum):
    """How a value came about."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    FORECAST = "forecast"
    STATIC = "static"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Values of different bases are never compared."""

    signal: Signal = Signal.AVERAGE
    factors: Factors = Factors.LIFECYCLE

    def __str__(self) -> str:
        return f"{self.signal}/{self.factors}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewableShare:
    """Bounds of the renewable share in percent; equal when known, 0 and 100 when not."""

    at_least: float
    at_most: float

    @property
    def known(self) -> float | None:
        """The share itself, if it is known exactly."""
        return self.at_least if self.at_least == self.at_most else None


UNKNOWN_SHARE = RenewableShare(at_least=0.0, at_most=100.0)

# Kinds of generation as stored, one column each.
MIX_KINDS = (
    "solar",
    "wind",
    "hydro",
    "nuclear",
    "coal",
    "gas",
    "oil",
    "other",
    "biomass",
    "geothermal",
)
# Percent of generation by kind; a kind that is absent is not known.
Mix = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a value comes from, in the words of its source; None where that says nothing."""

    provider_zone: str
    licence_class: str
    accounting: str | None = None
    method: str | None = None
    lasts: timedelta | None = None
    generated_at: datetime | None = None
    updated_at: datetime | None = None
    confidence: float | None = None
    mix: Mix | None = None
    flagged: str | None = None
    # What else is worth keeping of the answer, like warnings.
    remarks: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One region's grid in the interval that begins at `observed_at`."""

    region: str
    observed_at: datetime
    grams_per_kwh: float
    renewable: RenewableShare
    source: str
    kind: Kind
    basis: Basis
    fetched_at: datetime
    usable_for: timedelta
    # Kept with the value when it is stored; not loaded with it.
    provenance: Provenance | None = None

    @property
    def too_old_at(self) -> datetime:
        """From this instant on the value is too old to decide."""
        return self.observed_at + min(self.usable_for, LONGEST_USABLE_FOR)
