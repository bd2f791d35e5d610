"""region-profiles.yaml changes the catalog, or one line says what is wrong and where."""

from datetime import UTC, timedelta
from math import isnan
from pathlib import Path
from zoneinfo import ZoneInfo

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
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)


def read(directory: Path, text: str) -> Profiles:
    (directory / "region-profiles.yaml").write_text(text)
    return read_profiles(directory)


def refusal(directory: Path, text: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        read(directory, text)
    return str(raised.value).removeprefix(f"{directory}/")


def clean(hours: str, begins: int, ends: int) -> TimeWindow:
    return TimeWindow(
        name=f"clean hours {hours} of basement",
        begins=timedelta(hours=begins),
        ends=timedelta(hours=ends),
        effect=WindowEffect.PREFER,
        timezone=None,
        regions=frozenset({"basement"}),
        priority=9,
        bonus_percent=10.0,
    )


def test_without_a_directory_or_a_file_there_are_no_profiles(tmp_path: Path):
    assert read_profiles(None) == NO_PROFILES
    assert read_profiles(tmp_path) == NO_PROFILES


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "regions:\n", "regions: {}\n"])
def test_a_file_without_regions_changes_nothing(tmp_path: Path, text: str):
    assert apply(load_catalog(), read(tmp_path, text)) == load_catalog()


def test_what_is_stated_stands(tmp_path: Path):
    text = """\
regions:
  basement:
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
    residency: eu
    timezone: Europe/Paris
    cost_multiplier: 1.05
    average: 280
    mix: {hydro: 50, gas: 25, wind: 15, solar: 5, coal: 5}
    clean_hours: ["11:00-14:00", "22:00-02:00"]
"""

    assert read(tmp_path, text).regions == {
        "basement": RegionProfile(
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
            residency="eu",
            timezone=ZoneInfo("Europe/Paris"),
            cost_multiplier=1.05,
            average=280.0,
            renewable_percent=70.0,
            clean_hours=(clean("11:00-14:00", 11, 14), clean("22:00-02:00", 22, 26)),
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


def test_what_is_known_better_of_a_region_is_in_the_catalog(tmp_path: Path):
    text = """\
regions:
  us-east-1:
    average: 450
    range: [350, 550]
    mix: {coal: 35, gas: 40, nuclear: 15, renewable: 10}
    clean_hours: 11:00-14:00
    cost_multiplier: 1.1
    timezone: America/Detroit
"""
    region = apply(load_catalog(), read(tmp_path, text))["us-east-1"]

    assert (region.stated_average, region.stated_renewable_percent) == (450.0, 10.0)
    assert [window.name for window in region.clean_hours] == [
        "clean hours 11:00-14:00 of us-east-1"
    ]
    assert region.cost_multiplier == 1.1
    assert region.timezone == ZoneInfo("America/Detroit")


@pytest.mark.parametrize(
    ("mix", "percent"),
    [
        ("{wind: 100}", 100.0),
        ("{coal: 60, gas: 40}", 0.0),
        ("{wind: 49.5, gas: 49.5}", 50.0),
        ("{wind: 50.5, gas: 50.5}", 50.0),
        ("{biomass: 10, geothermal: 10, hydro: 10, solar: 10, other: 60}", 40.0),
    ],
)
def test_the_renewable_share_is_that_of_the_mix(tmp_path: Path, mix: str, percent: float):
    profiles = read(tmp_path, f"regions: {{us-east-1: {{mix: {mix}}}}}")

    assert profiles.regions["us-east-1"].renewable_percent == percent


def test_of_a_shipped_region_the_law_is_no_setting(tmp_path: Path):
    text = "regions:\n  eu-west-2:\n    residency: eu\n"

    assert refusal(tmp_path, text) == (
        'region-profiles.yaml:3: regions.eu-west-2.residency: "eu" is not allowed; that of a '
        "shipped region can't be changed; leave it out, or write uk"
    )
    assert "write GB" in refusal(tmp_path, text.replace("residency: eu", "country: US"))


def test_of_a_shipped_region_the_law_may_be_repeated(tmp_path: Path):
    text = "regions: {eu-west-2: {residency: uk, country: GB}}"

    assert apply(load_catalog(), read(tmp_path, text)) == load_catalog()


def test_a_region_of_ones_own_has_the_law_and_the_time_that_are_stated(tmp_path: Path):
    text = """\
regions:
  attic: {zone: SE-SE3}
  basement: {zone: SE-SE3, residency: eu, country: SE, timezone: Europe/Stockholm}
"""
    catalog = apply(load_catalog(), read(tmp_path, text))

    assert (catalog["attic"].eu_eea, catalog["attic"].timezone) == ("no", UTC)
    assert (catalog["basement"].eu_eea, catalog["basement"].country) == ("eu", "SE")
    assert catalog["basement"].timezone == ZoneInfo("Europe/Stockholm")


def test_an_average_lies_in_its_range(tmp_path: Path):
    assert refusal(tmp_path, "regions: {us-east-1: {range: [350, 550], average: 600}}") == (
        'region-profiles.yaml:1: regions.us-east-1.average: "600" is not allowed; it lies outside '
        "this region's range, 350 to 550"
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
        ("average: -1", '4: regions.us-east-1.average: "-1" is not allowed; a number in g/kWh'),
        ("average:", '4: regions.us-east-1.average: "" is not allowed; a number in g/kWh'),
        ("mix: {wind: 98.9}", '4: regions.us-east-1.mix: "a mapping" is not allowed; percent by'),
        ("mix: {wind: 101.1}", '4: regions.us-east-1.mix.wind: "101.1" is not allowed; percent'),
        ("mix: {sun: 100}", '4: regions.us-east-1.mix.sun: "sun" is not allowed; percent by kind'),
        ("mix: {}", '4: regions.us-east-1.mix: "a mapping" is not allowed; percent by kind'),
        ("clean_hours: 3", '4: regions.us-east-1.clean_hours: "3" is not allowed; hours like'),
        ("clean_hours: []", '4: regions.us-east-1.clean_hours: "a list" is not allowed; hours'),
        (
            "clean_hours: [11:00-11:00]",
            '4: regions.us-east-1.clean_hours.0: "11:00-11:00" is not allowed; hours like',
        ),
        ("cost_multiplier: 0", '4: regions.us-east-1.cost_multiplier: "0" is not allowed; a num'),
        ("residency: EU", '4: regions.us-east-1.residency: "EU" is not allowed; one of eu, eea'),
        ("eu_eea: eu", "4: regions.us-east-1.eu_eea: unknown key; one of average, clean_hours"),
        (
            "timezone: America/New_Yrok",
            '4: regions.us-east-1.timezone: "America/New_Yrok" is not allowed; did you mean '
            '"America/New_York"? an IANA name',
        ),
        ("timezone: region", '4: regions.us-east-1.timezone: "region" is not allowed; '),
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
