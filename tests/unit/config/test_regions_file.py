"""The cloud regions that are shipped."""

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from carbon_scaler.config import regions_file
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.regions import PROVIDERS, CloudRegion

SHIPPED = Path(regions_file.__file__).parent / "data" / "regions.csv"


def test_every_shipped_row_is_in_the_catalog_so_bare_names_are_unique():
    with SHIPPED.open(encoding="utf-8", newline="") as file:
        names = [row["region"] for row in csv.DictReader(file)]
    assert len(set(names)) == len(names)
    assert list(load_catalog()) == names


def test_the_catalog_has_the_regions_of_three_providers():
    providers = Counter(region.provider for region in load_catalog().values())
    assert providers == {"aws": 39, "gcp": 43, "azure": 65}
    assert set(providers) == set(PROVIDERS)


def test_a_region_is_as_it_was_written():
    assert load_catalog()["us-west-1"] == CloudRegion(
        name="us-west-1",
        provider="aws",
        country="US",
        zone="US-CAL-CISO",
        latitude=load_catalog()["us-west-1"].latitude,
        longitude=load_catalog()["us-west-1"].longitude,
        eu_eea="partial",
        watttime_region="CAISO_NORTH",
        provenance="emaps-dc+ccf+rtc wt=rtc geo=city",
        timezone=ZoneInfo("America/Los_Angeles"),
    )


def test_a_region_on_which_the_public_tables_disagree_says_so():
    disputed = {r.name for r in load_catalog().values() if "conflict" in r.provenance}

    assert {"us-west-2", "us-central1", "northeurope", "westus"} <= disputed
    assert "rtc=US-NW-BPAT" in load_catalog()["us-west-2"].provenance
    assert all(region.provenance for region in load_catalog().values())


def test_a_region_without_a_hint_for_watttime_has_none():
    assert load_catalog()["westus2"].watttime_region is None


@pytest.mark.parametrize(
    ("region", "zone"),
    [
        ("us-east-1", "US-MIDA-PJM"),
        ("us-west-2", "US-NW-PACW"),
        ("ap-southeast-1", "SG"),
        ("us-central1", "US-CENT-SWPP"),
        ("us-east1", "US-CAR-SCEG"),
        ("us-west1", "US-NW-PACW"),
        ("asia-east1", "TW"),
        ("eastus", "US-MIDA-PJM"),
        ("eastus2", "US-MIDA-PJM"),
        ("westus", "US-CAL-CISO"),
        ("southeastasia", "SG"),
        ("us-west-1", "US-CAL-CISO"),
        ("eu-central-1", "DE"),
        ("eu-west-1", "IE"),
        ("eu-west-2", "GB"),
        ("eu-south-2", "ES"),
        ("europe-west1", "BE"),
        ("westeurope", "NL"),
    ],
)
def test_a_region_is_fed_by_its_zone(region: str, zone: str):
    assert load_catalog()[region].zone == zone


def test_every_region_has_a_place_and_a_known_legal_class():
    for region in load_catalog().values():
        assert -90 <= region.latitude <= 90
        assert -180 <= region.longitude <= 180
        assert len(region.country) == 2
        assert region.zone
        assert region.eu_eea in {"eu", "eea", "uk", "ch", "adequate", "partial", "no"}


def test_every_region_keeps_the_time_of_its_place():
    january = datetime(2026, 1, 15, 12, tzinfo=UTC)
    for region in load_catalog().values():
        assert isinstance(region.timezone, ZoneInfo)
        assert region.timezone.key in available_timezones()
        offset = january.astimezone(region.timezone).utcoffset()
        assert offset is not None
        assert abs(offset / timedelta(hours=1) - region.longitude / 15) <= 2.6, region.name


@pytest.mark.parametrize(
    ("region", "timezone"),
    [
        ("us-east-1", "America/New_York"),
        ("us-west3", "America/Denver"),
        ("us-west4", "America/Los_Angeles"),
        ("westus3", "America/Phoenix"),
        ("ca-west-1", "America/Edmonton"),
        ("ca-central-1", "America/Toronto"),
        ("australiacentral", "Australia/Sydney"),
        ("eu-central-1", "Europe/Berlin"),
        ("eu-south-2", "Europe/Madrid"),
        ("northeurope", "Europe/Dublin"),
    ],
)
def test_the_time_of_a_place_is_that_of_its_city(region: str, timezone: str):
    assert str(load_catalog()[region].timezone) == timezone


def test_the_catalog_is_read_once():
    assert load_catalog() is load_catalog()
