"""Cloud regions and the grids that feed them."""

from collections.abc import Mapping
from dataclasses import dataclass

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


Catalog = Mapping[str, CloudRegion]


def split_region(text: str) -> tuple[str | None, str]:
    """`gcp:europe-west1` → its provider and its bare name."""
    prefix, colon, name = text.partition(":")
    return (prefix, name) if colon and prefix in PROVIDERS else (None, text)
