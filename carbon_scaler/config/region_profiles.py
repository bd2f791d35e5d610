"""region-profiles.yaml: what the operator knows better of regions, and regions of their own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import nan
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from carbon_scaler.config.policy_directory import PROFILES, policy_documents
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import YamlDocument, read_yaml
from carbon_scaler.config.yaml_schema import Number, StrictModel, entries, matching, read_as
from carbon_scaler.config.zones_file import resolve_zone, zone_warnings
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.regions import Catalog, CloudRegion
from carbon_scaler.domain.suggestions import did_you_mean
from carbon_scaler.domain.trigger import quoted

OWN = "own"
ELECTRICITY_MAPS = "electricity_maps"
# Documented, and of later versions.
WITHOUT_EFFECT = ("average", "clean_hours", "mix", "residency", "cost_multiplier")
BASES = tuple(f"{signal}/{factors}" for signal in Signal for factors in Factors)
LEGAL_CLASSES = ("eu", "eea", "uk", "ch", "adequate", "partial", "no")

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_WORD = re.compile(r"[^\s\x00-\x1f](?:.{0,98}\S)?")
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def _ascending(bounds: list[float]) -> list[float]:
    if bounds[0] >= bounds[1]:
        raise ValueError
    return bounds


Word = Annotated[str, matching(_WORD)]


class _Profile(StrictModel):
    zone: Word | None = None
    zones: dict[Word, Word] = Field(default_factory=dict)
    signal: Literal["average", "marginal"] | None = None
    factors: Literal["lifecycle", "direct"] | None = None
    sources: Annotated[list[Word], Field(min_length=1)] | None = None
    stand_ins: list[
        Literal["average/lifecycle", "average/direct", "marginal/lifecycle", "marginal/direct"]
    ] = Field(default_factory=list)
    range: (
        Annotated[
            list[Annotated[Number, Field(ge=0)]],
            Field(min_length=2, max_length=2),
            AfterValidator(_ascending),
        ]
        | None
    ) = None
    latitude: Annotated[Number, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[Number, Field(ge=-180, le=180)] | None = None
    country: Annotated[str, matching(_COUNTRY)] | None = None
    eu_eea: Literal["eu", "eea", "uk", "ch", "adequate", "partial", "no"] | None = None
    average: object = None
    clean_hours: object = None
    mix: object = None
    residency: object = None
    cost_multiplier: object = None


ALLOWED: Mapping[str, str] = {
    "zone": "the grid's zone as Electricity Maps names it, like SE-SE3",
    "zones": "a mapping of SOURCE: what that source calls the grid, a number in quotes",
    "signal": "average or marginal",
    "factors": "lifecycle or direct",
    "sources": "a list of sources in their order, like [neso, static]",
    "stand_ins": f"a list of bases that may stand in: {', '.join(BASES)}",
    "range": "two numbers in g/kWh, the lesser first, like [20, 700]",
    "latitude": "degrees from -90 to 90",
    "longitude": "degrees from -180 to 180",
    "country": "two capital letters, like SE",
    "eu_eea": f"one of {', '.join(LEGAL_CLASSES)}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionProfile:
    """What is stated of one region; None and empty: nothing."""

    zone: str | None = None
    zones: Mapping[str, str] = field(default_factory=dict)
    signal: Signal | None = None
    factors: Factors | None = None
    sources: tuple[str, ...] | None = None
    stand_ins: tuple[Basis, ...] = ()
    plausible: tuple[float, float] | None = None
    latitude: float | None = None
    longitude: float | None = None
    country: str | None = None
    eu_eea: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiles:
    """All that region-profiles.yaml says, and what its author should know."""

    regions: Mapping[str, RegionProfile] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


NO_PROFILES = Profiles()


def read_profiles(directory: Path | None) -> Profiles:
    """The profiles of this policy directory; without region-profiles.yaml there are none."""
    file = None if directory is None else policy_documents(directory).get(PROFILES)
    if file is None:
        return NO_PROFILES
    document = read_yaml(file)
    regions: dict[str, RegionProfile] = {}
    warnings: list[str] = []
    for name, value in entries(document, "regions"):
        written = read_as(_Profile, document, ("regions", name), value, allowed=ALLOWED)
        _check(name, written, document)
        regions[name] = _profile(written)
        warnings += [f"{file.name}: regions.{name}: {text}" for text in _warnings(name, written)]
    return Profiles(regions=MappingProxyType(regions), warnings=tuple(warnings))


def apply(catalog: Catalog, profiles: Profiles) -> Catalog:
    """The catalog as the profiles have it, with the regions that only they know."""
    applied = dict(catalog)
    for name, profile in profiles.regions.items():
        applied[name] = _applied(applied.get(name) or _own(name), profile)
    return MappingProxyType(applied)


def _applied(region: CloudRegion, profile: RegionProfile) -> CloudRegion:
    stated = {
        name: value
        for name in ("zone", "latitude", "longitude", "country", "eu_eea")
        if (value := getattr(profile, name)) is not None
    }
    if stated.get("zone", region.zone) != region.zone:
        # The hint was for the grid of the catalog.
        stated["watttime_region"] = None
        stated["provenance"] = f"{PROFILES}; before: {region.zone} {region.provenance}".rstrip(": ")
    return replace(region, zones=dict(profile.zones), **stated)


def _own(name: str) -> CloudRegion:
    """Unknown coordinates are no number, so that nobody asks for the Gulf of Guinea."""
    return CloudRegion(
        name=name,
        provider=OWN,
        country="",
        zone="",
        latitude=nan,
        longitude=nan,
        eu_eea="no",
        provenance=PROFILES,
    )


def _profile(written: _Profile) -> RegionProfile:
    return RegionProfile(
        zone=resolve_zone(written.zone) if written.zone else None,
        zones=dict(written.zones),
        signal=Signal(written.signal) if written.signal else None,
        factors=Factors(written.factors) if written.factors else None,
        sources=tuple(dict.fromkeys(written.sources)) if written.sources else None,
        stand_ins=tuple(_basis(text) for text in dict.fromkeys(written.stand_ins)),
        plausible=(written.range[0], written.range[1]) if written.range else None,
        latitude=written.latitude,
        longitude=written.longitude,
        country=written.country,
        eu_eea=written.eu_eea,
    )


def _basis(text: str) -> Basis:
    signal, _, factors = text.partition("/")
    return Basis(signal=Signal(signal), factors=Factors(factors))


def _check(name: str, written: _Profile, document: YamlDocument) -> None:
    path = ("regions", name)
    if not _NAME.fullmatch(name):
        raise document.error(
            path,
            f"regions: {quoted(name)} is no name of a region; letters, digits and . _ - up to 100 "
            "long, without a provider before it",
        )
    if (written.latitude is None) != (written.longitude is None):
        raise document.error(path, f"regions.{name}: latitude and longitude go together")
    placed = written.zone or written.zones or written.latitude is not None
    if name not in load_catalog() and not placed:
        raise document.error(
            path,
            f"regions.{name}: no such cloud region is known{_meant(name)}; one of your own needs "
            "zone, zones, or latitude and longitude",
        )


def _warnings(name: str, written: _Profile) -> list[str]:
    texts = [
        f"{key} has no effect in this version"
        for key in WITHOUT_EFFECT
        if key in written.model_fields_set
    ]
    for zone in (written.zone, written.zones.get(ELECTRICITY_MAPS)):
        texts += zone_warnings(zone) if zone else []
    if name not in load_catalog() and _meant(name):
        texts.append(f"is taken as a region of your own{_meant(name)}")
    return texts


def _meant(name: str) -> str:
    suggestion = did_you_mean(name, load_catalog())
    return f' (did you mean "{suggestion}"?)' if suggestion else ""
