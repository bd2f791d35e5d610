"""region-profiles.yaml changes the catalog, or one line says what is wrong and where."""

from math import isnan
from pathlib import Path

import pytest

from carbon_scaler.config.region_profiles import (
    NO_PROFILES,
    OWN,
    Profiles,
    RegionProfile,
    apply,
    read_profiles,
)
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.yaml_document import PolicyFileError
from carbon_scaler.domain.intensity import Basis, Factors, Signal

MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)


def read(directory: Path, text: str) -> Profiles:
    (directory / "region-profiles.yaml").write_text(text)
    return read_profiles(directory)


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text)
    return str(raised.value).removeprefix(f"{directory}/")


def test_without_a_directory_or_a_file_there_are_no_profiles(tmp_path: Path):
    assert read_profiles(None) == NO_PROFILES
    assert read_profiles(tmp_path) == NO_PROFILES


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "regions:\n", "regions: {}\n"])
def test_a_file_without_regions_changes_nothing(tmp_path: Path, text: str):
    assert apply(load_catalog(), read(tmp_path, text)) == load_catalog()


def test_what_is_stated_stands(tmp_path: Path):
    text = """\
regions:
  eu-west-2:
    zone: GB
    zones: {neso: "13"}
    signal: marginal
    factors: direct
    sources: [neso, static]
    stand_ins: [marginal/direct]
    range: [20, 500.5]
    latitude: -1.5
    longitude: 3
    country: FR
    eu_eea: eu
"""

    assert read(tmp_path, text).regions == {
        "eu-west-2": RegionProfile(
            zone="GB",
            zones={"neso": "13"},
            signal=Signal.MARGINAL,
            factors=Factors.DIRECT,
            sources=("neso", "static"),
            stand_ins=(MARGINAL,),
            plausible=(20.0, 500.5),
            latitude=-1.5,
            longitude=3.0,
            country="FR",
            eu_eea="eu",
        )
    }


def test_a_profile_changes_its_region_and_no_other(tmp_path: Path):
    shipped = load_catalog()
    text = "regions: {us-west-2: {zone: US-NW-BPAT, zones: {watttime: BPA}, latitude: 1, longitude: 2}}"

    catalog = apply(shipped, read(tmp_path, text))

    changed = catalog["us-west-2"]
    assert (changed.zone, changed.zones) == ("US-NW-BPAT", {"watttime": "BPA"})
    assert (changed.latitude, changed.longitude) == (1.0, 2.0)
    assert changed.provenance.startswith("region-profiles.yaml; before: US-NW-PACW ")
    assert changed.watttime_region is None, "it was a hint for the other grid"
    assert changed.country == "US"
    assert {name: catalog[name] for name in shipped if name != "us-west-2"} == {
        name: shipped[name] for name in shipped if name != "us-west-2"
    }


def test_the_zone_that_the_catalog_has_too_keeps_its_hint(tmp_path: Path):
    catalog = apply(load_catalog(), read(tmp_path, "regions: {us-west-1: {zone: US-CAL-CISO}}"))

    assert catalog["us-west-1"] == load_catalog()["us-west-1"]


def test_a_retired_zone_gives_way_to_what_took_its_place(tmp_path: Path):
    profiles = read(tmp_path, "regions: {ap-south-2: {zone: IN-KA}}")

    assert profiles.regions["ap-south-2"].zone == "IN-SO"
    assert profiles.warnings == (
        "region-profiles.yaml: regions.ap-south-2: IN-KA is retired: IN-SO",
    )


def test_the_zone_that_only_electricity_maps_is_asked_for_is_looked_at_too(tmp_path: Path):
    profiles = read(tmp_path, "regions: {eu-north-1: {zones: {electricity_maps: SE}}}")

    assert profiles.warnings == (
        "region-profiles.yaml: regions.eu-north-1: SE is a national blend; "
        "eu-north-1 draws on SE-SE3",
    )


def test_a_region_of_ones_own_has_no_place_unless_it_is_stated(tmp_path: Path):
    profiles = read(tmp_path, "regions: {basement: {zone: SE-SE3}}")
    own = apply(load_catalog(), profiles)["basement"]

    assert (own.provider, own.zone, own.eu_eea) == (OWN, "SE-SE3", "no")
    assert isnan(own.latitude)
    assert isnan(own.longitude)
    assert profiles.warnings == ()


def test_a_region_of_ones_own_that_looks_like_a_typo_is_warned_of(tmp_path: Path):
    profiles = read(tmp_path, "regions: {us-wset-1: {zone: SE-SE3}}")

    assert profiles.warnings == (
        "region-profiles.yaml: regions.us-wset-1: is taken as a region of your own "
        '(did you mean "us-west-1"?)',
    )


@pytest.mark.parametrize("key", ["average", "clean_hours", "mix", "residency", "cost_multiplier"])
def test_a_key_of_a_later_version_is_accepted_and_warned_of(tmp_path: Path, key: str):
    profiles = read(tmp_path, f"regions: {{us-east-1: {{{key}: 3}}}}")

    assert profiles.warnings == (
        f"region-profiles.yaml: regions.us-east-1: {key} has no effect in this version",
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("zoen: X", '4: regions.us-east-1.zoen: unknown key; did you mean "zone"? one of'),
        ("signal: mean", '4: regions.us-east-1.signal: "mean" is not allowed; average or marginal'),
        ("factors: 3", '4: regions.us-east-1.factors: "3" is not allowed; lifecycle or direct'),
        ("sources: []", '4: regions.us-east-1.sources: "a list" is not allowed; a list of sources'),
        ("sources: neso", '4: regions.us-east-1.sources: "neso" is not allowed; a list of sources'),
        (
            "stand_ins: [marginal]",
            '4: regions.us-east-1.stand_ins.0: "marginal" is not allowed; a list of bases',
        ),
        ("range: [700, 20]", '4: regions.us-east-1.range: "a list" is not allowed; two numbers'),
        ("range: [1]", '4: regions.us-east-1.range: "a list" is not allowed; two numbers'),
        ("range: [-1, 20]", '4: regions.us-east-1.range.0: "-1" is not allowed; two numbers'),
        ("latitude: .nan", '4: regions.us-east-1.latitude: ".nan" is not allowed; degrees'),
        ("latitude: 91", '4: regions.us-east-1.latitude: "91" is not allowed; degrees from -90'),
        ("latitude: yes", '4: regions.us-east-1.latitude: "True" is not allowed; degrees'),
        ("latitude: 1", "3: regions.us-east-1: latitude and longitude go together"),
        ("country: Sweden", '4: regions.us-east-1.country: "Sweden" is not allowed; two capital'),
        ("zones: {neso: 13}", '4: regions.us-east-1.zones.neso: "13" is not allowed; a mapping of'),
        ('zone: ""', '4: regions.us-east-1.zone: "" is not allowed; the grid\'s zone'),
    ],
)
def test_a_refusal_names_file_line_and_what_would_be_right(tmp_path: Path, lines: str, said: str):
    text = f"# ours\nregions:\n  us-east-1:\n    {lines}\n"

    assert refusal(tmp_path, text).startswith(f"region-profiles.yaml:{said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "region-profiles.yaml: is not a mapping; begin it with regions:"),
        ("region: {}", 'region-profiles.yaml:1: "region": unknown key; did you mean "regions"?'),
        ("regions: []", "region-profiles.yaml:1: regions: is not a mapping of NAME: {…}"),
        (
            "regions:\n  us-east-1: 3",
            "region-profiles.yaml:2: regions.us-east-1: is not a mapping of keys",
        ),
        (
            "regions:\n  gcp:europe-west1: {zone: BE}",
            'region-profiles.yaml:2: regions: "gcp:europe-west1" is no name of a region',
        ),
        (
            "regions:\n  us-wset-1: {range: [1, 2]}",
            "region-profiles.yaml:2: regions.us-wset-1: no such cloud region is known "
            '(did you mean "us-west-1"?); one of your own needs zone, zones, or latitude',
        ),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, said: str):
    assert refusal(tmp_path, text).startswith(said)


def test_of_several_problems_the_misspelt_key_is_told_and_the_others_counted(tmp_path: Path):
    text = "regions:\n  us-east-1:\n    signal: x\n    factors: y\n    zoen: z\n"

    said = refusal(tmp_path, text)

    assert said.startswith("region-profiles.yaml:5: regions.us-east-1.zoen: unknown key")
    assert said.endswith(" (and 2 more)")
