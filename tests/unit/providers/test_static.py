"""Yearly averages, each basis apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.intensity import Basis, Factors, RenewableShare, Signal
from carbon_scaler.domain.snapshot import YearlyAverage
from carbon_scaler.providers.static import has_static_average, licence_of, static_average

LIFECYCLE = Basis()
DIRECT = Basis(factors=Factors.DIRECT)
PARIS = load_catalog()["europe-west9"]
BASEMENT = replace(PARIS, name="basement", provider="own")
NOTICE = Path(__file__).parents[3] / "NOTICE"


def grams(region: str, basis: Basis) -> float | None:
    average = static_average(load_catalog()[region], basis)
    return average and average.grams_per_kwh


def test_the_zones_consumption_is_the_average_of_its_region():
    assert static_average(load_catalog()["us-west-2"], LIFECYCLE) == YearlyAverage(
        grams_per_kwh=204.0, year=2025, source="static", basis=LIFECYCLE
    )


def test_the_bases_of_one_region_are_told_apart():
    assert grams("europe-west9", LIFECYCLE) == 31.0
    assert grams("europe-west9", DIRECT) == 16.3


def test_direct_is_known_of_google_clouds_regions_only():
    assert grams("eu-west-3", LIFECYCLE) == 31.0, "the same grid"
    assert grams("eu-west-3", DIRECT) is None


@pytest.mark.parametrize("factors", list(Factors))
def test_nobody_has_a_marginal_average(factors: Factors):
    assert static_average(PARIS, Basis(signal=Signal.MARGINAL, factors=factors)) is None


def test_every_shipped_region_has_a_lifecycle_average_of_consumption():
    averages = [static_average(region, LIFECYCLE) for region in load_catalog().values()]

    assert {average and average.source for average in averages} == {"static"}
    assert all(average is not None and 5 < average.grams_per_kwh < 1000 for average in averages)


def test_production_stands_in_under_its_own_name_where_consumption_is_unknown():
    average = static_average(replace(BASEMENT, country="UA", zone="UA"), LIFECYCLE)

    assert average is not None
    assert average.source == "static:ember"
    assert licence_of(average) == "Ember, CC BY 4.0"


@pytest.mark.parametrize(("country", "zone"), [("US", "US-NEW"), ("FR", "FR-NEW"), ("", "")])
def test_a_countrys_production_is_not_that_of_a_part_of_it(country: str, zone: str):
    nowhere = replace(BASEMENT, country=country, zone=zone)

    assert static_average(nowhere, LIFECYCLE) is None
    assert not has_static_average(nowhere)


def test_each_average_has_its_licence():
    for basis, licence in ((LIFECYCLE, "Electricity Maps, ODbL 1.0"), (DIRECT, "Google Cloud")):
        average = static_average(PARIS, basis)
        assert average is not None
        assert licence_of(average).startswith(licence)


def test_a_profile_may_name_the_zone_of_the_average():
    assert static_average(replace(BASEMENT, zones={"static": "DE"}), LIFECYCLE) == static_average(
        load_catalog()["eu-central-1"], LIFECYCLE
    )


@pytest.mark.parametrize("basis", [LIFECYCLE, DIRECT])
def test_the_users_own_average_goes_before_the_shipped_ones(basis: Basis):
    stated = replace(PARIS, stated_average=450.0)
    average = static_average(stated, basis, present_year=2026)

    assert average == YearlyAverage(grams_per_kwh=450.0, year=2026, source="profile", basis=basis)
    assert licence_of(average) == "stated in region-profiles.yaml"


def test_the_users_own_average_is_one_of_the_present_year():
    average = static_average(replace(PARIS, stated_average=450.0), LIFECYCLE)

    assert average is not None
    assert average.year >= 2026


def test_the_users_own_average_serves_a_region_that_no_table_has():
    nowhere = replace(BASEMENT, country="", zone="", stated_average=20.0)

    assert has_static_average(nowhere)
    assert static_average(nowhere, Basis(signal=Signal.MARGINAL)) is None


def test_a_stated_mix_gives_the_average_its_renewable_share():
    known = static_average(replace(PARIS, stated_renewable_percent=70.0), LIFECYCLE)
    unknown = static_average(PARIS, LIFECYCLE)

    assert known is not None
    assert unknown is not None
    assert known.reading("europe-west9") == replace(
        unknown.reading("europe-west9"), renewable=RenewableShare(at_least=70.0, at_most=70.0)
    )


def test_the_tables_are_attributed():
    said = NOTICE.read_text()

    assert "carbon_scaler/providers/averages/electricity_maps.csv" in said
    assert "ODbL" in said
    assert "Ember" in said
