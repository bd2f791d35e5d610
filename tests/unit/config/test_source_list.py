"""Which sources serve, where the user says so and where they leave it open."""

import pytest

from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.settings import SettingsError, load_settings
from carbon_scaler.config.source_list import live, sources_in_force, wanted_regions
from carbon_scaler.domain.regions import CloudRegion

KEY = {"ELECTRICITY_MAPS_API_KEY": "token-of-mine"}
ACCOUNT = {"WATTTIME_USERNAME": "ana", "WATTTIME_PASSWORD": "secret"}


def in_force(*own: str, **environment: str) -> tuple[str, ...]:
    return sources_in_force(load_settings({"HOME": "/nowhere", **environment}), own)


def refusal(*own: str, **environment: str) -> str:
    with pytest.raises(SettingsError) as refused:
        in_force(*own, **environment)
    return str(refused.value)


def test_without_a_list_and_without_keys_the_keyless_sources_serve():
    assert in_force() == ("neso", "static")


def test_without_a_list_a_key_that_is_there_is_used():
    assert in_force(**KEY, **ACCOUNT) == ("electricity_maps", "watttime", "neso", "static")


def test_half_an_account_is_none():
    assert in_force(WATTTIME_USERNAME="ana") == ("neso", "static")


def test_own_sources_come_before_the_grids():
    assert in_force("roof", **KEY) == ("roof", "electricity_maps", "neso", "static")


def test_a_list_is_kept_in_its_order():
    assert in_force("roof", CARBON_SCALER_SOURCES="static,roof,neso,roof") == (
        "static",
        "roof",
        "neso",
    )


def test_a_listed_source_without_its_key_is_refused_with_the_variables_it_needs():
    text = refusal(CARBON_SCALER_SOURCES="neso,electricity_maps")
    assert "electricity_maps, which needs ELECTRICITY_MAPS_API_KEY" in text
    assert "_FILE" in text

    text = refusal(CARBON_SCALER_SOURCES="watttime", WATTTIME_USERNAME="ana")
    assert "needs WATTTIME_PASSWORD (" in text


def test_an_unknown_source_is_refused_with_the_one_that_was_meant():
    text = refusal("roof", CARBON_SCALER_SOURCES="electricitymaps")

    assert 'did you mean "electricity_maps"?' in text
    assert "roof" in text


def test_replay_never_mixes_with_live_sources():
    assert in_force(CARBON_SCALER_SOURCES="replay") == ("replay",)
    assert "replay stands alone" in refusal(CARBON_SCALER_SOURCES="neso,replay")


def british(region: CloudRegion) -> bool:
    return region.country == "GB"


def test_named_regions_are_the_ones_to_ingest_whoever_serves_them():
    catalog = load_catalog()

    named = load_settings({"CARBON_SCALER_REGIONS": "eu-west-1", "CARBON_SCALER_REGION": "x"})
    one = load_settings({"CARBON_SCALER_REGION": "us-east-1"})

    assert wanted_regions(named, catalog, british) == ("eu-west-1",)
    assert wanted_regions(one, catalog, british) == ("us-east-1",)


def test_without_a_region_the_default_ones_that_a_source_serves_are_ingested():
    catalog, settings = load_catalog(), load_settings({})

    assert wanted_regions(settings, catalog, british) == ("eu-west-2",)
    assert len(wanted_regions(settings, catalog, lambda _: True)) >= 3


def test_averages_and_replay_are_not_live():
    assert live(("roof", "neso", "static", "replay")) == ("roof", "neso")
