"""`carbon-scaler regions` as people and scripts run it: offline, without a database."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import finished

PROFILES = """\
regions:
  basement: {zone: SE-SE3, country: SE}
  eu-north-1: {zone: SE, clean_hours: "11:00-14:00"}
"""
SOURCES = """\
sources:
  roof:
    url: "http://127.0.0.1:1/now"
    zones: {eu-west-1: roof, basement: roof}
    value: /v
    time: /t
    unit: g_per_kwh
    signal: average
    factors: direct
    interval: 15m
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    (tmp_path / "region-profiles.yaml").write_text(PROFILES)
    (tmp_path / "sources.yaml").write_text(SOURCES)
    return tmp_path


def shown(name: str, **settings: str) -> dict[str, Any]:
    done = finished("regions", "show", name, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_region_is_shown_with_its_grid_and_who_says_so():
    region = shown("us-west-2")

    assert (region["zone"], region["watttime_region"]) == ("US-NW-PACW", "BPA")
    assert (region["country"], region["eu_eea"]) == ("US", "partial")
    assert (region["latitude"], region["longitude"]) == (45.84, -119.7)
    assert "conflict(rtc=US-NW-BPAT)" in region["provenance"]


def test_a_region_is_shown_with_its_averages_each_basis_apart():
    averages = {each["basis"]: each for each in shown("gcp:europe-west9")["averages"]}

    assert averages["average/lifecycle"] == {
        "basis": "average/lifecycle",
        "grams_per_kwh": 31.0,
        "year": 2025,
        "source": "static",
        "licence": "Electricity Maps, ODbL 1.0",
    }
    assert averages["average/direct"]["grams_per_kwh"] == 16.3


def test_a_region_is_shown_with_its_sources_as_configured(policy: Path):
    with_key = {"ELECTRICITY_MAPS_API_KEY": "k", "CARBON_SCALER_POLICY_DIR": str(policy)}

    assert shown("eu-west-2")["sources"] == ["neso", "static"]
    assert shown("eu-west-2")["basis"] == "average/direct"
    assert shown("eu-west-2", **with_key)["sources"] == ["electricity_maps", "neso", "static"]
    assert shown("eu-west-2", **with_key)["basis"] == "average/lifecycle"
    own = shown("eu-west-1", **with_key)
    assert own["sources"] == ["roof", "electricity_maps", "static"]
    assert own["basis"] == "average/direct"


def test_replayed_data_are_named_as_the_source():
    assert shown("us-west-1", CARBON_SCALER_SOURCES="replay")["sources"] == ["replay"]


def test_a_region_that_nobody_serves_is_shown_with_what_would():
    region = shown("eu-central-1", CARBON_SCALER_SOURCES="neso")

    assert region["sources"] == []
    (trouble,) = region["trouble"]
    assert "neso can't serve DE; electricity_maps with a key" in trouble


def test_the_profiles_of_the_policy_directory_hold(policy: Path):
    blend = shown("eu-north-1", CARBON_SCALER_POLICY_DIR=str(policy))

    assert blend["warnings"] == ["SE is a national blend; eu-north-1 draws on SE-SE3"]
    assert blend["clean_hours"] == ["11:00-14:00"]
    assert blend["timezone"] == "Europe/Stockholm"


def test_a_region_of_ones_own_is_known_like_another(policy: Path):
    settings = {"CARBON_SCALER_POLICY_DIR": str(policy)}
    listed = finished("regions", "list", "--provider", "own", "--json", settings=settings)

    assert [each["name"] for each in json.loads(listed.stdout)] == ["basement"]
    own = shown("basement", **settings)
    assert (own["latitude"], own["sources"]) == (None, ["roof", "static"])


def test_the_table_for_people_says_the_same():
    done = finished("regions", "show", "eu-west-2", settings={})

    assert done.returncode == 0
    assert "GB" in done.stdout
    assert "Electricity Maps, ODbL 1.0" in done.stdout


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_unknown_region_is_one_line_and_exit_1(form: tuple[str, ...]):
    done = finished("regions", "show", "us-wset-1", *form, settings={})

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        'carbon-scaler: region "us-wset-1" is not known; did you mean "us-west-1"?'
    )


def test_a_bad_file_is_one_line_with_its_place_and_exit_1(tmp_path: Path):
    (tmp_path / "region-profiles.yaml").write_text("regions:\n  eu-west-2: {zoen: GB}\n")
    settings = {"CARBON_SCALER_POLICY_DIR": str(tmp_path)}

    done = finished("regions", "show", "eu-west-2", settings=settings)

    assert done.returncode == 1
    assert "region-profiles.yaml:2: regions.eu-west-2.zoen: unknown key" in done.stderr
    assert len(done.stderr.splitlines()) == 1
