from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import pytest

from carbon_scaler.decisions import hints
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Signal
from carbon_scaler.domain.policy import Weights
from carbon_scaler.domain.residency import CarbonHint, Enforcement, HintRuling, Level, Tenant
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import HintTerms, Mode, Plan
from tests.builders import HOUR, NOW, a_plan, a_series
from tests.grid_builders import an_average
from tests.unit.decisions.residency_world import a_tenancy, a_tenant

HOME = "eu-central-1"
MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
GRIDS = {
    "eu-central-1": a_series(320),
    "eu-west-1": a_series(280, renewable=45.0),
    "eu-north-1": a_series(40),
    "us-west-2": a_series(180, renewable=70.0),
    "us-east-1": a_series(450),
    "af-south-1": a_series(40),
}


def terms(*preferred: str, fallback: tuple[str, ...] = (), **stated: Any) -> HintTerms:
    defaults: dict[str, Any] = {"weights": Weights(), "costs": {}}
    return HintTerms(preferred=preferred, fallback=fallback, **defaults | stated)


def plan_for(
    tenant: Tenant | None, hint_terms: HintTerms | None, region: str = HOME, **settings: Any
) -> Plan:
    plan = a_plan(Mode.BRAKE, region=region, **settings)
    tenancy = None if tenant is None else a_tenancy(tenant)
    return replace(plan, tenancy=tenancy, hint_terms=hint_terms)


def hint_of(plan: Plan, grids: Mapping[str, RegionSeries] = GRIDS) -> HintRuling | None:
    return decide(plan, Inputs(series=grids.get(plan.region), others=grids), NOW).hint


def suggested(plan: Plan, grids: Mapping[str, RegionSeries] = GRIDS) -> str | None:
    found = hint_of(plan, grids)
    return None if found is None else found.hint.suggested_region


def test_a_cleaner_region_that_the_law_allows_is_suggested():
    found = hint_of(plan_for(a_tenant(), terms("eu-west-1")))
    assert found == HintRuling(
        hint=CarbonHint(
            suggested_region="eu-west-1",
            current_grams_per_kwh=320.0,
            suggested_grams_per_kwh=280.0,
            renewable_percent=45.0,
        ),
        overridden=False,
        reason="Carbon optimization applied: eu-west-1 is 12.5% cleaner and GDPR-compliant",
        penalty_grams=0.0,
    )


def test_a_cleaner_region_that_the_law_forbids_is_overridden_and_staying_costs_grams():
    found = hint_of(plan_for(a_tenant(), terms("us-west-2")))
    assert found.overridden
    assert found.reason == "Carbon hint for us-west-2 overridden: violates eu_strict policy"
    assert found.penalty_grams == 70.0
    assert found.hint.savings_percent == 43.75


def test_what_staying_costs_goes_by_the_energy_of_a_job():
    found = hint_of(plan_for(a_tenant(), terms("us-west-2"), job_energy_kwh=2.0))
    assert found.penalty_grams == 280.0


def test_advice_changes_nothing_else_of_a_decision():
    plan = plan_for(a_tenant(), terms("eu-north-1"))
    inputs = Inputs(series=GRIDS[HOME], others=GRIDS)
    with_hint = decide(plan, inputs, NOW)
    without = decide(replace(plan, hint_terms=None), inputs, NOW)
    assert with_hint.hint is not None
    assert replace(with_hint, hint=None) == without


STANDINGS = [
    (None, "us-west-2 is 43.75% cleaner"),
    (a_tenant(Level.GLOBAL), "us-west-2 is 43.75% cleaner and within global policy"),
    (a_tenant(mode=Enforcement.DISABLED), "us-west-2 is 43.75% cleaner"),
    (a_tenant(mode=Enforcement.ADVISORY), "us-west-2 is 43.75% cleaner, against eu_strict policy"),
]


@pytest.mark.parametrize(("tenant", "said"), STANDINGS)
def test_only_what_is_lawful_is_called_so(tenant: Tenant | None, said: str):
    found = hint_of(plan_for(tenant, terms("us-west-2")))
    assert found.reason == f"Carbon optimization applied: {said}"
    assert (found.overridden, found.penalty_grams) == (False, 0.0)


def test_a_saving_is_told_in_hundredths_of_a_percent():
    found = hint_of(plan_for(None, terms("eu-west-1"), region="us-east-1"))
    assert found.reason == "Carbon optimization applied: eu-west-1 is 37.78% cleaner"


def test_nothing_is_suggested_to_a_tenant_that_is_refused():
    plan = replace(plan_for(None, terms("eu-north-1")), tenancy=a_tenancy(None))
    assert hint_of(plan) is None


@pytest.mark.parametrize(
    ("hint_terms", "region"),
    [
        (None, None),
        (terms(), None),
        (terms("us-east-1"), None),
        (terms(HOME), None),
        (terms("mars-1"), None),
        (terms("eu-west-1", "eu-north-1"), "eu-north-1"),
        (terms("eu-north-1", "af-south-1"), "eu-north-1"),
        (terms("af-south-1", "eu-north-1"), "af-south-1"),
        (terms("eu-west-1", fallback=("eu-north-1",)), "eu-west-1"),
        (terms("us-east-1", fallback=("eu-west-1", "eu-north-1")), "eu-north-1"),
        (terms(fallback=("eu-west-1",)), "eu-west-1"),
    ],
    ids=[
        "no terms",
        "no candidate",
        "dirtier",
        "where it is",
        "unknown",
        "the best of two",
        "the first of two that are equal",
        "the first of two that are equal, turned round",
        "a preferred one before a better fallback",
        "a fallback where no preferred one is better",
        "fallbacks alone",
    ],
)
def test_the_best_preferred_region_is_suggested_else_the_best_fallback(
    hint_terms: HintTerms | None, region: str | None
):
    assert suggested(plan_for(None, hint_terms)) == region


@pytest.mark.parametrize(
    ("mode", "region"),
    [
        (Enforcement.STRICT, "eu-west-1"),
        (Enforcement.ADVISORY, "eu-west-1"),
        (Enforcement.DISABLED, "us-west-2"),
    ],
)
def test_a_fallback_that_the_law_forbids_is_no_hint(mode: Enforcement, region: str):
    tenant = a_tenant(mode=mode)
    assert suggested(plan_for(tenant, terms(fallback=("us-west-2", "eu-west-1")))) == region
    only_us = suggested(plan_for(tenant, terms(fallback=("us-west-2",))))
    assert only_us == ("us-west-2" if mode is Enforcement.DISABLED else None)


@pytest.mark.parametrize(
    ("least", "region"), [(12.5, "eu-west-1"), (12.6, None), (0.0, "eu-west-1")]
)
def test_a_hint_saves_at_least_what_waiting_would_have_to(least: float, region: str | None):
    plan = plan_for(None, terms("eu-west-1"), min_savings_percent=least)
    assert suggested(plan) == region


@pytest.mark.parametrize(
    ("here", "there", "region"),
    [
        (320.0, 320.0, None),
        (0.0, 0.0, None),
        (0.0, 10.0, None),
        (320.0, 0.0, "eu-west-1"),
    ],
)
def test_a_region_that_is_not_cleaner_is_no_hint(here: float, there: float, region: str | None):
    grids = {HOME: a_series(here), "eu-west-1": a_series(there)}
    assert suggested(plan_for(None, terms("eu-west-1")), grids) == region


COSTS = {HOME: 1.1, "eu-west-1": 1.0, "eu-north-1": 1.1, "us-west-2": 2.2}


@pytest.mark.parametrize(
    ("candidates", "weights", "region"),
    [
        (("eu-west-1", "eu-north-1"), Weights(carbon=0.5, cost=0.5), "eu-north-1"),
        (("eu-west-1", "eu-north-1"), Weights(carbon=0.0, cost=1.0), "eu-west-1"),
        (("us-west-2", "eu-west-1"), Weights(carbon=1.0, cost=0.0), "us-west-2"),
        (("us-west-2", "eu-west-1"), Weights(carbon=0.6, cost=0.4), "eu-west-1"),
        (("us-west-2",), Weights(carbon=0.6, cost=0.4), None),
        (("eu-north-1",), Weights(carbon=0.0, cost=1.0), None),
    ],
    ids=[
        "carbon and cost",
        "cost alone",
        "carbon alone",
        "twice the cost outweighs",
        "worse on the whole than staying",
        "as good on the whole as staying",
    ],
)
def test_carbon_and_cost_are_weighed(
    candidates: tuple[str, ...], weights: Weights, region: str | None
):
    hint_terms = terms(*candidates, weights=weights, costs=COSTS)
    assert suggested(plan_for(None, hint_terms)) == region


def test_a_region_whose_cost_is_not_known_costs_the_least():
    weights = Weights(carbon=0.5, cost=0.5)
    hint_terms = terms("eu-west-1", "us-west-2", weights=weights, costs={"us-west-2": 2.0})
    assert suggested(plan_for(None, hint_terms)) == "eu-west-1"


OLD = a_series(10, since=NOW - 5 * HOUR)
AVERAGE_ONLY = replace(a_series(since=NOW), average=an_average(10.0))
STATIC = replace(a_series(10), kinds=(Kind.STATIC,))


@pytest.mark.parametrize(
    "series",
    [OLD, AVERAGE_ONLY, STATIC, a_series(since=NOW), replace(a_series(10), basis=MARGINAL)],
    ids=["too old", "an average of a year", "static", "no value", "of another basis"],
)
def test_a_value_that_can_not_decide_or_be_compared_suggests_nothing(series: RegionSeries):
    plan = plan_for(None, terms("eu-north-1", fallback=("eu-west-1",)))
    assert suggested(plan, {**GRIDS, "eu-north-1": series}) == "eu-west-1"


@pytest.mark.parametrize(
    "series",
    [OLD, AVERAGE_ONLY, STATIC, a_series(since=NOW)],
    ids=["too old", "an average of a year", "static", "no value"],
)
def test_where_the_own_value_can_not_decide_nothing_is_suggested(series: RegionSeries):
    dirty = {"eu-north-1": a_series(1.0), HOME: series}
    assert suggested(plan_for(None, terms("eu-north-1")), dirty) is None


def test_without_a_value_here_nothing_is_suggested():
    assert suggested(plan_for(None, terms("eu-north-1")), {"eu-north-1": a_series(1.0)}) is None


def test_values_of_one_other_basis_are_compared():
    grids = {
        HOME: replace(a_series(320), basis=MARGINAL),
        "eu-north-1": replace(a_series(40), basis=MARGINAL),
        "eu-west-1": a_series(1.0),
    }
    assert suggested(plan_for(None, terms("eu-north-1", "eu-west-1")), grids) == "eu-north-1"


@pytest.mark.parametrize("current", [0.0, -1.0, nan])
def test_a_saving_against_nothing_is_none(current: float):
    hint = CarbonHint(
        suggested_region="eu-west-1", current_grams_per_kwh=current, suggested_grams_per_kwh=0.0
    )
    assert hint.savings_percent == 0.0


def test_who_may_go_where():
    tenancy = a_tenancy(a_tenant())
    assert hints.may_go(None, "mars-1", NOW)
    assert hints.may_go(tenancy, "eu-west-1", NOW)
    assert not hints.may_go(tenancy, "us-west-2", NOW)
    assert not hints.may_go(a_tenancy(None), "eu-west-1", NOW)
    assert hints.may_go(a_tenancy(a_tenant(mode=Enforcement.DISABLED)), "us-west-2", NOW)
