"""Yearly averages as shipped: they label what is missing and never decide."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources

from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.domain.snapshot import YearlyAverage

SOURCE = "static"
# Production instead of consumption, so it says whose it is.
EMBER = "static:ember"
GCP = "gcp"
# What the licences of the tables ask for, by source.
LICENCES = {
    (SOURCE, Factors.LIFECYCLE): "Electricity Maps, ODbL 1.0",
    (EMBER, Factors.LIFECYCLE): "Ember, CC BY 4.0",
    (SOURCE, Factors.DIRECT): "Google Cloud, Apache-2.0",
}


def static_average(region: CloudRegion, basis: Basis) -> YearlyAverage | None:
    """The newest yearly average of a region's grid on exactly this basis."""
    if basis.signal is Signal.MARGINAL:
        return None
    found = _direct(region) if basis.factors is Factors.DIRECT else _lifecycle(region)
    if found is None:
        return None
    source, (grams, year) = found
    return YearlyAverage(grams_per_kwh=grams, year=year, source=source, basis=basis)


def has_static_average(region: CloudRegion) -> bool:
    """Whether any basis has one."""
    return _direct(region) is not None or _lifecycle(region) is not None


def licence_of(average: YearlyAverage) -> str:
    """Who is to be named for it, and the licence."""
    return LICENCES[average.source, average.basis.factors]


Average = tuple[float, int]


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
