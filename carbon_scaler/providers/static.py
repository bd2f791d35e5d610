"""Yearly averages, shipped or the user's own: they label what is missing and never decide."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.domain.intensity import (
    UNKNOWN_SHARE,
    Basis,
    Factors,
    RenewableShare,
    Signal,
)
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.domain.snapshot import YearlyAverage

SOURCE = "static"
# Production instead of consumption, so it says whose it is.
EMBER = "static:ember"
PROFILE = "profile"
GCP = "gcp"
# What the licences of the tables ask for, by source.
LICENCES = {
    (SOURCE, Factors.LIFECYCLE): "Electricity Maps, ODbL 1.0",
    (EMBER, Factors.LIFECYCLE): "Ember, CC BY 4.0",
    (SOURCE, Factors.DIRECT): "Google Cloud, Apache-2.0",
}


def static_average(
    region: CloudRegion, basis: Basis, *, present_year: int | None = None
) -> YearlyAverage | None:
    """The user's own average, else the newest yearly one of the region's grid on this basis.

    The user's is one of the present year: the machine's, unless that is given.
    """
    if basis.signal is Signal.MARGINAL:
        return None
    found = _stated(region, present_year) or _shipped(region, basis)
    if found is None:
        return None
    source, (grams, year) = found
    return YearlyAverage(
        grams_per_kwh=grams, year=year, source=source, basis=basis, renewable=_renewable(region)
    )


def has_static_average(region: CloudRegion) -> bool:
    """Whether any basis has one."""
    stated = region.stated_average is not None
    return stated or _direct(region) is not None or _lifecycle(region) is not None


def licence_of(average: YearlyAverage) -> str:
    """Who is to be named for it, and the licence."""
    if average.source == PROFILE:
        return "stated in region-profiles.yaml"
    return LICENCES[average.source, average.basis.factors]


Average = tuple[float, int]


def _renewable(region: CloudRegion) -> RenewableShare:
    percent = region.stated_renewable_percent
    return UNKNOWN_SHARE if percent is None else RenewableShare(at_least=percent, at_most=percent)


def _stated(region: CloudRegion, present_year: int | None) -> tuple[str, Average] | None:
    if region.stated_average is None:
        return None
    year = SystemClock().now().year if present_year is None else present_year
    return PROFILE, (region.stated_average, year)


def _shipped(region: CloudRegion, basis: Basis) -> tuple[str, Average] | None:
    return _direct(region) if basis.factors is Factors.DIRECT else _lifecycle(region)


def _lifecycle(region: CloudRegion) -> tuple[str, Average] | None:
    zone = region.zones.get(SOURCE, region.zone)
    if zone in (consumption := _table("electricity_maps.csv")):
        return SOURCE, consumption[zone]
    # The country's, but only for a grid that is the country.
    if zone == region.country and zone in (production := _table("ember.csv")):
        return EMBER, production[zone]
    return None


def _direct(region: CloudRegion) -> tuple[str, Average] | None:
    """Google states them by cloud region, whatever zone feeds it."""
    average = _table("gcp.csv").get(region.name) if region.provider == GCP else None
    return None if average is None else (SOURCE, average)


@cache
def _table(name: str) -> Mapping[str, Average]:
    shipped = resources.files("carbon_scaler.providers") / "averages" / name
    _, *rows = csv.reader(shipped.read_text("utf-8").splitlines())
    return {place: (float(grams), int(year)) for place, grams, year in rows}
