"""The cloud regions that are known, as shipped in data/regions.csv."""

import csv
from functools import cache
from importlib import resources
from types import MappingProxyType
from zoneinfo import ZoneInfo

from carbon_scaler.domain.regions import Catalog, CloudRegion


@cache
def load_catalog() -> Catalog:
    """All known regions by their bare name."""
    shipped = resources.files("carbon_scaler.config") / "data" / "regions.csv"
    rows = csv.DictReader(shipped.read_text("utf-8").splitlines())
    regions = (_region(row) for row in rows)
    return MappingProxyType({region.name: region for region in regions})


def _region(row: dict[str, str]) -> CloudRegion:
    return CloudRegion(
        name=row["region"],
        provider=row["provider"],
        country=row["country"],
        zone=row["zone"],
        latitude=float(row["latitude"]),
        longitude=float(row["longitude"]),
        eu_eea=row["eu_eea"],
        watttime_region=row["watttime_region"] or None,
        provenance=row["provenance"],
        timezone=ZoneInfo(row["timezone"]),
    )
