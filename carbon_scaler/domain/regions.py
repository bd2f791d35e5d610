"""Cloud regions and the grids that feed them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.windows import TimeWindow

PROVIDERS = ("aws", "gcp", "azure")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRegion:
    """One cloud region; its name is unique across providers."""

    name: str
    provider: str
    country: str
    zone: str  # as Electricity Maps names it
    latitude: float
    longitude: float
    eu_eea: str  # eu, eea, uk, ch, adequate, partial or no
    watttime_region: str | None = None  # a hint; WattTime itself is asked
    provenance: str = ""  # which tables say so, and which disagree
    # What the user's profile says that a source calls the region's grid, by the source's name.
    zones: Mapping[str, str] = field(default_factory=dict)
    timezone: tzinfo = UTC
    # What computing costs there, against the cheapest; the user's profile says it.
    cost_multiplier: float = 1.0
    # The user's own word for a year's average and its renewable share; None: unsaid.
    stated_average: float | None = None  # grams per kWh
    stated_renewable_percent: float | None = None
    # The hours that the user's profile calls clean.
    clean_hours: tuple[TimeWindow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionGrid:
    """How a region's values are to be found: its basis and its sources in order."""

    region: CloudRegion
    basis: Basis
    chain: tuple[str, ...]
    # Bases that may stand in when the region's own has no usable value; the policy names them.
    stand_ins: tuple[Basis, ...] = ()
    # What is plausible there, in g/kWh; None: judged by the region's own past.
    plausible: tuple[float, float] | None = None


Catalog = Mapping[str, CloudRegion]


def split_region(text: str) -> tuple[str | None, str]:
    """`gcp:europe-west1` → its provider and its bare name."""
    prefix, colon, name = text.partition(":")
    return (prefix, name) if colon and prefix in PROVIDERS else (None, text)
