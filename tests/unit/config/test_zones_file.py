"""Zones that were retired, never were, or are a country's blend."""

import pytest

from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.zones_file import resolve_zone, zone_warnings

# The names that the checklist's twelve zones go by, among them ids that are none.
TWELVE = (
    ("US-CA", "US-CAL-CISO"),
    ("US-PNW", "US-NW-PACW"),
    ("US-MISO", "US-MIDW-MISO"),
    ("EU-DE", "DE"),
    ("UK", "GB"),
    ("SE", "SE"),
    ("SG", "SG"),
    ("JP-TK", "JP-TK"),
    ("AUS-NSW", "AU-NSW"),
    ("IN", "IN"),
    ("CN-BJ", "CN"),
    ("CN-SH", "CN"),
)
SPOKEN = (
    "California",
    "Pacific NW",
    "Midwest",
    "Germany",
    "UK",
    "Sweden",
    "Singapore",
    "Tokyo",
    "Sydney",
    "India",
    "Beijing",
    "Shanghai",
)


@pytest.mark.parametrize(("named", "zone"), TWELVE)
def test_each_of_the_twelve_names_resolves(named: str, zone: str):
    assert resolve_zone(named) == zone


def test_the_twelve_names_are_eleven_zones_whether_coded_or_spoken():
    coded = [resolve_zone(named) for named, _ in TWELVE]

    assert [resolve_zone(name) for name in SPOKEN] == coded
    assert len(set(coded)) == 11


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("SE", "SE is a national blend; eu-north-1 draws on SE-SE3"),
        ("IT", "IT is a national blend; eu-south-1 draws on IT-NO"),
        ("PH", "PH is a national blend; its parts are PH-LU, PH-MI, PH-VI"),
        ("IN-KA", "IN-KA is retired: IN-SO"),
        ("MX-OR", "MX-OR is retired: MX"),
        ("US-HI-OA", "US-HI-OA is retired: US-HI"),
        ("CA-NL-LB", "CA-NL-LB is retired: CA-NL"),
        ("US-PNW", "US-PNW is no zone: US-NW-PACW (or US-NW-BPAT)"),
        (
            "US-SW-DEAA",
            "US-SW-DEAA is retired and nothing took its place: name the zone around it",
        ),
        (
            "US-MDA-PJM",
            '"US-MDA-PJM" is no zone that this version knows; did you mean "US-MIDA-PJM"?',
        ),
        ("Q", '"Q" is no zone that this version knows; is it newer than this version?'),
    ],
)
def test_a_zone_that_is_not_what_it_seems_is_warned_of(zone: str, said: str):
    assert zone_warnings(zone) == [said]


@pytest.mark.parametrize(
    "country", ["US", "CA", "AU", "BR", "IN", "IT", "JP", "MY", "NO", "PH", "RU", "SE", "DK", "FO"]
)
def test_each_country_with_sub_zones_is_a_blend(country: str):
    (said,) = zone_warnings(country)

    assert said.startswith(f"{country} is a national blend; ")


def test_what_stands_in_for_a_name_is_warned_of_too():
    assert zone_warnings("Sweden") == [
        "Sweden is no zone: SE",
        "SE is a national blend; eu-north-1 draws on SE-SE3",
    ]


def test_a_zone_that_is_unknown_stays_as_it_is_since_the_list_moves():
    assert resolve_zone("US-NEW-ZONE") == "US-NEW-ZONE"


def test_the_case_of_a_zone_does_not_matter():
    assert resolve_zone("us-cal-ciso") == "US-CAL-CISO"
    assert zone_warnings("us-cal-ciso") == []


def test_no_zone_of_a_shipped_region_is_warned_of():
    assert [r.name for r in load_catalog().values() if zone_warnings(r.zone)] == []
