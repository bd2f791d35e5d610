"""region-profiles.yaml: what the operator knows better of regions, and regions of their own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from math import nan
from pathlib import Path
from types import MappingProxyType

from carbon_scaler.config.documents.words import refusal
from carbon_scaler.config.hours import span_of, time_zone, zone_meant
from carbon_scaler.config.policy_directory import PROFILES, policy_documents
from carbon_scaler.config.profile_schema import ALLOWED, ProfileModel, renewable_percent
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import KeyPath, YamlDocument, read_yaml
from carbon_scaler.config.yaml_schema import entries, read_as
from carbon_scaler.config.zones_file import resolve_zone, zone_warnings
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.regions import Catalog, CloudRegion
from carbon_scaler.domain.suggestions import did_you_mean
from carbon_scaler.domain.trigger import quoted
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

OWN = "own"
ELECTRICITY_MAPS = "electricity_maps"
# Any window that the operator states in time-shift-policies.yaml may count before these.
CLEAN_HOURS_PRIORITY = 9
CLEAN_HOURS_BONUS_PERCENT = 10.0

NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)


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
    residency: str | None = None
    timezone: tzinfo | None = None
    cost_multiplier: float | None = None
    average: float | None = None  # grams per kWh
    renewable_percent: float | None = None
    clean_hours: tuple[TimeWindow, ...] = ()


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
        written = read_as(ProfileModel, document, ("regions", name), value, allowed=ALLOWED)
        _check(name, written, document)
        regions[name] = _profile(name, written)
        warnings += [f"{file.name}: regions.{name}: {text}" for text in _warnings(name, written)]
    return Profiles(regions=MappingProxyType(regions), warnings=tuple(warnings))


def apply(catalog: Catalog, profiles: Profiles) -> Catalog:
    """The catalog as the profiles have it, with the regions that only they know."""
    applied = dict(catalog)
    for name, profile in profiles.regions.items():
        applied[name] = _applied(applied.get(name) or _own(name), profile)
    return MappingProxyType(applied)


# What a profile calls otherwise than the region that it changes.
_STATED = {
    "zone": "zone",
    "latitude": "latitude",
    "longitude": "longitude",
    "country": "country",
    "residency": "eu_eea",
    "timezone": "timezone",
    "cost_multiplier": "cost_multiplier",
    "average": "stated_average",
    "renewable_percent": "stated_renewable_percent",
}


def _applied(region: CloudRegion, profile: RegionProfile) -> CloudRegion:
    stated = {
        name: value for key, name in _STATED.items() if (value := getattr(profile, key)) is not None
    }
    if stated.get("zone", region.zone) != region.zone:
        # The hint was for the grid of the catalog.
        stated["watttime_region"] = None
        stated["provenance"] = f"{PROFILES}; before: {region.zone} {region.provenance}".rstrip(": ")
    return replace(region, zones=dict(profile.zones), clean_hours=profile.clean_hours, **stated)


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


def _profile(name: str, written: ProfileModel) -> RegionProfile:
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
        residency=written.residency,
        timezone=time_zone(written.timezone) if written.timezone else None,
        cost_multiplier=written.cost_multiplier,
        average=written.average,
        renewable_percent=renewable_percent(written.mix) if written.mix else None,
        clean_hours=tuple(_clean(name, hours) for hours in written.clean_hours or ()),
    )


def _clean(region: str, hours: str) -> TimeWindow:
    begins, ends = span_of(hours)
    return TimeWindow(
        name=f"clean hours {hours} of {region}",
        begins=begins,
        ends=ends,
        effect=WindowEffect.PREFER,
        regions=frozenset({region}),
        priority=CLEAN_HOURS_PRIORITY,
        bonus_percent=CLEAN_HOURS_BONUS_PERCENT,
    )


def _basis(text: str) -> Basis:
    signal, _, factors = text.partition("/")
    return Basis(signal=Signal(signal), factors=Factors(factors))


def _check(name: str, written: ProfileModel, document: YamlDocument) -> None:
    path = ("regions", name)
    if not NAME_FORM.fullmatch(name):
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
    _check_figures(path, written, document)
    _check_law(name, written, document)


def _check_figures(path: KeyPath, written: ProfileModel, document: YamlDocument) -> None:
    if written.timezone and time_zone(written.timezone) is None:
        allowed = zone_meant(written.timezone) + ALLOWED["timezone"]
        raise refusal(document, (*path, "timezone"), written.timezone, allowed)
    if written.average is None or written.range is None:
        return
    least, most = written.range
    if not least <= written.average <= most:
        allowed = f"it lies outside this region's range, {least:g} to {most:g}"
        raise refusal(document, (*path, "average"), f"{written.average:g}", allowed)


def _check_law(name: str, written: ProfileModel, document: YamlDocument) -> None:
    """Where a shipped region lies is no setting: residency would be loosened by it."""
    shipped = load_catalog().get(name)
    if shipped is None:
        return
    for key, said, is_so in (
        ("country", written.country, shipped.country),
        ("residency", written.residency, shipped.eu_eea),
    ):
        if said not in (None, is_so):
            allowed = f"that of a shipped region can't be changed; leave it out, or write {is_so}"
            raise refusal(document, ("regions", name, key), said, allowed)


def _warnings(name: str, written: ProfileModel) -> list[str]:
    texts: list[str] = []
    for zone in (written.zone, written.zones.get(ELECTRICITY_MAPS)):
        texts += zone_warnings(zone) if zone else []
    if name not in load_catalog() and _meant(name):
        texts.append(f"is taken as a region of your own{_meant(name)}")
    return texts


def _meant(name: str) -> str:
    suggestion = did_you_mean(name, load_catalog())
    return f' (did you mean "{suggestion}"?)' if suggestion else ""
