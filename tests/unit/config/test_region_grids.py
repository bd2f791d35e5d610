"""Each region's basis and chain, from the sources in force and its profile."""

from collections.abc import Sequence

import pytest

from carbon_scaler.config.region_grids import GridPlan, region_grids
from carbon_scaler.config.region_profiles import NO_PROFILES, Profiles, RegionProfile
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.settings import SettingsError
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.regions import CloudRegion, RegionGrid

LIFECYCLE = Basis()
DIRECT = Basis(factors=Factors.DIRECT)
MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
BASES = {
    "roof": LIFECYCLE,
    "electricity_maps": LIFECYCLE,
    "watttime": MARGINAL,
    "neso": DIRECT,
    "replay": LIFECYCLE,
}
ALL = ("electricity_maps", "watttime", "neso", "static")


def serves(source: str, region: CloudRegion) -> bool:
    """As the real ones do, with a roof in Dublin."""
    homes = {"neso": region.country == "GB", "roof": region.name == "eu-west-1"}
    return homes.get(source, True)


def planned(
    *wanted: str, sources: Sequence[str] = ALL, profiles: Profiles = NO_PROFILES
) -> GridPlan:
    return region_grids(
        wanted,
        load_catalog(),
        profiles,
        sources,
        serves=serves,
        basis_of=BASES.__getitem__,
    )


def only(plan: GridPlan) -> RegionGrid:
    (grid,) = plan.grids
    return grid


def profile(region: str, **stated: object) -> Profiles:
    return Profiles(regions={region: RegionProfile(**stated)})  # type: ignore[arg-type]


def refusal(*wanted: str, **given: object) -> str:
    with pytest.raises(SettingsError) as raised:
        planned(*wanted, **given)  # type: ignore[arg-type]
    return str(raised.value)


def test_the_chain_has_the_sources_that_serve_the_region_in_order():
    british, german = planned("eu-west-2", "eu-central-1").grids

    assert british.chain == ("electricity_maps", "watttime", "neso", "static")
    assert german.chain == ("electricity_maps", "watttime", "static")


def test_static_is_last_wherever_it_is_listed():
    plan = planned("eu-west-2", sources=("static", "neso", "electricity_maps"))

    assert only(plan).chain == ("neso", "electricity_maps", "static")


def test_replay_is_a_source_like_another():
    grid = only(planned("eu-west-2", sources=("replay",)))

    assert (grid.chain, grid.basis) == (("replay",), LIFECYCLE)


def test_a_profiles_sources_stand_above_the_list():
    plan = planned(
        "eu-west-2", profiles=profile("eu-west-2", sources=("static", "neso", "watttime"))
    )

    assert only(plan).chain == ("neso", "watttime", "static")
    assert plan.warnings == ()


def test_a_profiles_source_that_serves_another_country_is_left_out_and_warned_of():
    plan = planned("eu-central-1", profiles=profile("eu-central-1", sources=("neso", "static")))

    assert only(plan).chain == ("static",)
    assert "eu-central-1: region-profiles.yaml names neso, which can't serve it" in plan.warnings


@pytest.mark.parametrize(
    ("sources", "basis"),
    [
        (("electricity_maps", "neso"), LIFECYCLE),
        (("neso", "electricity_maps"), DIRECT),
        (("watttime", "neso"), DIRECT),
        (("watttime",), LIFECYCLE),
        (("static",), LIFECYCLE),
    ],
)
def test_the_basis_is_that_of_the_first_source_of_averages(sources: Sequence[str], basis: Basis):
    assert only(planned("eu-west-2", sources=sources)).basis == basis


def test_a_region_is_marginal_only_where_its_profile_says_so():
    assert only(planned("eu-west-2", sources=("watttime", "static"))).basis == LIFECYCLE

    stated = profile("eu-west-2", signal=Signal.MARGINAL)
    plan = planned("eu-west-2", sources=("electricity_maps", "watttime"), profiles=stated)

    assert only(plan).basis == MARGINAL
    assert plan.warnings == ()


def test_factors_are_what_the_profile_says():
    plan = planned("eu-west-2", profiles=profile("eu-west-2", factors=Factors.DIRECT))

    assert only(plan).basis == DIRECT


def test_a_basis_that_no_source_has_is_warned_of():
    (warning,) = planned("us-east-1", sources=("watttime",)).warnings

    assert warning == (
        "us-east-1 is average/lifecycle and none of its sources is (watttime is marginal/direct); "
        "state its signal and factors, or stand_ins, in region-profiles.yaml"
    )


def test_a_region_with_yearly_averages_only_is_warned_of():
    (warning,) = planned("us-east-1", sources=("static",)).warnings

    assert warning.startswith("us-east-1 has yearly averages only, which never decide; name a")


def test_range_and_stand_ins_come_from_the_profile():
    stated = profile("eu-west-2", plausible=(20.0, 500.0), stand_ins=(MARGINAL,))

    grid = only(planned("eu-west-2", profiles=stated))

    assert (grid.plausible, grid.stand_ins) == ((20.0, 500.0), (MARGINAL,))
    assert only(planned("eu-west-2")).plausible is None


def test_a_region_may_carry_its_provider_and_counts_once():
    plan = planned("gcp:europe-west1", "europe-west1", "gcp:europe-west1")

    assert only(plan).region.name == "europe-west1"


def test_a_source_of_ones_own_comes_first_where_it_is_listed_first():
    dublin, london = planned("eu-west-1", "eu-west-2", sources=("roof", "neso")).grids

    assert dublin.chain == ("roof",)
    assert london.chain == ("neso",)


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("us-wset-1", 'region "us-wset-1" is not known; did you mean "us-west-1"? one of'),
        ("aws:europe-west1", 'region "aws:europe-west1" is not known; europe-west1 belongs to gcp'),
    ],
)
def test_an_unknown_region_is_refused(region: str, said: str):
    assert refusal(region).startswith(said)


def test_a_region_without_a_source_is_refused_with_what_would_serve_it():
    assert refusal("eu-central-1", sources=("neso",)) == (
        "region eu-central-1 has no source: neso can't serve DE; electricity_maps with a key or "
        "watttime with an account or a source of your own in sources.yaml would "
        "(CARBON_SCALER_SOURCES)"
    )
    assert "; neso or electricity_maps" in refusal("eu-west-2", sources=("roof",))


def test_a_profile_that_names_a_source_out_of_force_is_refused():
    said = refusal("eu-west-2", profiles=profile("us-east-1", sources=("nesso",)))

    assert said.startswith(
        'region-profiles.yaml: regions.us-east-1.sources: "nesso" is not among the sources in '
        'force; did you mean "neso"? one of'
    )
