"""Regions by carbon and cost, the law before both."""

from dataclasses import replace
from typing import Any

import pytest

from carbon_scaler.application.region_ranking import (
    Law,
    NotComparableError,
    RegionFigures,
    StoredFigures,
    comparison,
    ranking,
)
from carbon_scaler.domain.intensity import Basis, Factors, RenewableShare
from carbon_scaler.domain.policy import Weights
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.domain.residency import BUILT_IN_ADEQUACY, Enforcement, Level, Tenant
from carbon_scaler.domain.snapshot import YearlyAverage
from tests.builders import NOW

CARBON = Weights()
NOBODY = Law(tenant=None, adequacy=BUILT_IN_ADEQUACY, now=NOW)


def figures(
    name: str,
    grams: float | None,
    *,
    cost: float = 1.0,
    eu_eea: str = "no",
    country: str = "US",
    renewable: float | None = None,
    average: float | None = None,
    basis: Basis = Basis(),  # noqa: B008
) -> RegionFigures:
    stored = StoredFigures(
        grams_per_kwh=grams or 0.0,
        hours_covered=720,
        renewable_percent=renewable,
        fossil_free_percent=None,
        renewable_hours=0 if renewable is None else 720,
    )
    yearly = YearlyAverage(
        grams_per_kwh=average or 0.0,
        year=2025,
        source="static",
        basis=basis,
        renewable=RenewableShare(at_least=0, at_most=100),
    )
    region = CloudRegion(
        name=name,
        provider="aws",
        country=country,
        zone="Z",
        latitude=0,
        longitude=0,
        eu_eea=eu_eea,
        cost_multiplier=cost,
    )
    return RegionFigures(
        region=region,
        basis=basis,
        stored=None if grams is None else stored,
        average=None if average is None else yearly,
    )


# The older platform's figures.
VIRGINIA = figures("us-east-1", 450.0, eu_eea="partial")
OREGON = figures("us-west-2", 280.0, cost=1.05, eu_eea="partial")
FRANKFURT = figures("eu-central-1", 320.0, cost=1.10, eu_eea="eu", country="DE")
ALL = (VIRGINIA, OREGON, FRANKFURT)


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["region"] for row in rows]


def recommended(document: dict[str, Any]) -> dict[str, str | None]:
    return {each["level"]: each["region"] for each in document["recommendations"]}


def law_of(level: Level, mode: Enforcement = Enforcement.STRICT) -> Law:
    return replace(NOBODY, tenant=Tenant(name="acme", level=level, mode=mode))


def test_the_older_platforms_regions_differ_as_it_says():
    rows = comparison(ALL, CARBON, NOBODY, 0.5)["regions"]

    carbon = [round(row["carbon_percent"], 1) for row in rows]
    assert carbon == [0.0, -37.8, -28.9]
    assert [round(row["cost_percent"], 1) for row in rows] == [0.0, 5.0, 10.0]


def test_emissions_are_those_of_one_job():
    rows = comparison(
        (figures("eu-central-1", 320.0), figures("us-west-2", 180.0)), CARBON, NOBODY, 0.5
    )["regions"]

    assert [row["emissions_grams"] for row in rows] == [160.0, 90.0]


def test_every_kind_of_tenant_is_told_the_best_region_that_the_law_leaves_it():
    document = comparison(ALL, CARBON, NOBODY, 0.5)

    assert recommended(document) == {
        "EU_STRICT": "eu-central-1",
        "EU_ADEQUATE": "eu-central-1",
        "US_ONLY": "us-west-2",
        "GLOBAL": "us-west-2",
    }
    strict = document["recommendations"][0]
    assert strict["law_costs_percent"] == pytest.approx(100 * (320 - 280) / 280)
    assert (
        strict["text"] == "EU_STRICT: eu-central-1; the law comes before us-west-2 (+14.3 % carbon)"
    )


def test_where_the_law_leaves_nothing_that_is_said():
    document = comparison((VIRGINIA, OREGON), CARBON, NOBODY, 0.5)

    assert recommended(document)["EU_STRICT"] is None
    assert document["recommendations"][0]["text"] == "EU_STRICT: may run in none of these regions"


def test_cost_counts_as_much_as_the_policy_says():
    assert names(ranking(ALL, CARBON, NOBODY))[0] == "us-west-2"
    assert names(ranking(ALL, Weights(carbon=0.0, cost=1.0), NOBODY))[0] == "us-east-1"


def test_a_score_is_a_multiple_of_the_cleanest_and_the_cheapest():
    rows = ranking(ALL, Weights(carbon=0.7, cost=0.3), NOBODY)
    scores = {row["region"]: row["score"] for row in rows}

    assert scores["us-east-1"] == pytest.approx(0.7 * 450 / 280 + 0.3)
    assert scores["us-west-2"] == pytest.approx(0.7 + 0.3 * 1.05)


def test_a_region_that_the_tenant_may_not_use_is_behind_all_that_it_may():
    rows = ranking(ALL, CARBON, law_of(Level.EU_STRICT))

    assert names(rows) == ["eu-central-1", "us-west-2", "us-east-1"]
    assert [row["allowed"] for row in rows] == [True, False, False]
    assert rows[1]["why"] == "it is not in the EU or EEA"


def test_where_residency_is_disabled_every_region_is_allowed():
    rows = ranking(ALL, CARBON, law_of(Level.EU_STRICT, Enforcement.DISABLED))

    assert all(row["allowed"] for row in rows)


def test_a_yearly_average_is_labelled_and_behind_what_is_stored():
    clean = figures("eu-north-1", None, average=30.0, eu_eea="eu", country="SE")
    unknown = figures("moon-1", None)

    rows = ranking((unknown, clean, *ALL), CARBON, NOBODY)

    assert names(rows)[-2:] == ["eu-north-1", "moon-1"]
    assert [(row["origin"], row["year"]) for row in rows[-2:]] == [("static", 2025), (None, None)]
    assert [row["hours_covered"] for row in rows[-2:]] == [0, 0]


def test_a_yearly_average_is_recommended_only_where_nothing_measured_is_lawful():
    clean = figures("eu-north-1", None, average=30.0, eu_eea="eu", country="SE")

    both = comparison((*ALL, clean), CARBON, NOBODY, 0.5)
    without = comparison((VIRGINIA, OREGON, clean), CARBON, NOBODY, 0.5)

    assert recommended(both)["EU_STRICT"] == "eu-central-1"
    assert recommended(without)["EU_STRICT"] == "eu-north-1"
    assert "(by its yearly average)" in without["recommendations"][0]["text"]
    assert recommended(without)["GLOBAL"] == "us-west-2"


def test_an_unknown_share_is_null_and_a_known_nought_is_nought():
    rows = ranking((VIRGINIA, figures("us-west-2", 280.0, renewable=0.0)), CARBON, NOBODY)

    assert {row["region"]: row["renewable_percent"] for row in rows} == {
        "us-east-1": None,
        "us-west-2": 0.0,
    }


def test_regions_of_different_bases_are_refused():
    other = figures("eu-west-2", 100.0, basis=Basis(factors=Factors.DIRECT))

    with pytest.raises(NotComparableError, match="eu-west-2 is average/direct"):
        ranking((VIRGINIA, other), CARBON, NOBODY)
    with pytest.raises(NotComparableError, match="us-east-1 is average/lifecycle"):
        comparison((VIRGINIA, other), CARBON, NOBODY, 0.5)


def test_a_grid_that_emits_nothing_is_compared_without_an_error():
    rows = ranking((figures("a", 0.0), figures("b", 50.0)), CARBON, NOBODY)
    document = comparison((figures("a", 0.0), figures("b", 50.0)), CARBON, NOBODY, 0.5)

    assert names(rows) == ["a", "b"]
    assert [row["carbon_percent"] for row in document["regions"]] == [None, None]
