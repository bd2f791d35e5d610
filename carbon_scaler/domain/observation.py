"""What a source says of one of its grid zones, before anybody decides what it is worth."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Basis, Kind, Mix, RenewableShare


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One interval of one zone; the basis is the source's."""

    zone: str
    starts_at: datetime
    lasts: timedelta
    grams_per_kwh: float
    kind: Kind
    method: str | None = None
    renewable: RenewableShare = UNKNOWN_SHARE
    mix: Mix | None = None
    # Two of the three clocks: when the source made the value and when it last changed it.
    generated_at: datetime | None = None
    updated_at: datetime | None = None
    # Since when it could be known, where that is not when it is fetched: a record's.
    known_since: datetime | None = None
    # Why it must not decide, where the source itself or its parser knows that.
    flagged: str | None = None
    # Warnings and the like, in the source's words.
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastPoint:
    """What is expected of one interval."""

    target_at: datetime
    lasts: timedelta
    grams_per_kwh: float
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneForecast:
    """A source's forecast as issued: ascending, without gaps filled or tails padded."""

    zone: str
    # None where the source does not say; then it is the instant of fetching.
    issued_at: datetime | None
    model: str | None
    points: tuple[ForecastPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionForecast:
    """A forecast as it is kept for a region."""

    region: str
    source: str
    basis: Basis
    provider_zone: str
    licence_class: str
    model: str | None
    issued_at: datetime
    fetched_at: datetime
    points: tuple[ForecastPoint, ...]
