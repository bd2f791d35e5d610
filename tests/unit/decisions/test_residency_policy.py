from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from math import nan

import pytest

from carbon_scaler.decisions import residency
from carbon_scaler.decisions.residency_policy import (
    ComparedRegion,
    PrimaryNotAllowedError,
    ResidencyPolicy,
    eu_adequate,
    eu_strict,
    global_level,
    override_stats,
    single_region,
    us_only,
)
from carbon_scaler.domain.residency import CarbonHint, Enforcement, Level
from tests.builders import NOW, SECOND, a_case
from tests.unit.decisions.residency_world import CATALOG, a_tenant, a_tenants_plan

LONDON_ENDS_AT = datetime(2031, 12, 27, tzinfo=UTC)
HOME = "eu-central-1"


def a_hint(region: str, suggested: float, current: float = 320.0) -> CarbonHint:
    return CarbonHint(
        suggested_region=region,
        current_grams_per_kwh=current,
        suggested_grams_per_kwh=suggested,
    )


TO_IRELAND = a_hint("eu-west-1", 280.0)
TO_OREGON = a_hint("us-west-2", 180.0)


def a_policy(**stated: object) -> ResidencyPolicy:
    return ResidencyPolicy(a_tenant(**stated), CATALOG, now=NOW)


def test_a_hint_inside_the_eu_is_accepted():
    policy = eu_strict("tenant-de-001", HOME, catalog=CATALOG, now=NOW)
    decision = policy.evaluate(HOME, TO_IRELAND)
    assert decision.allowed
    assert (decision.outcome, decision.enforced_region) == ("redirect", "eu-west-1")
    assert not decision.carbon_hint_overridden
    assert decision.reason == (
        "Carbon optimization applied: eu-west-1 is 12.5% cleaner and GDPR-compliant"
    )
    assert (decision.penalty_grams, decision.difference_grams_per_kwh) == (0.0, 40.0)


def test_a_hint_out_of_the_eu_is_overridden_and_costs_70_grams():
    policy = eu_strict("tenant-de-001", HOME, catalog=CATALOG, now=NOW)
    decision = policy.evaluate(HOME, TO_OREGON)
    assert decision.allowed
    assert (decision.outcome, decision.enforced_region) == ("allow", HOME)
    assert decision.carbon_hint_overridden
    assert decision.reason == "Carbon hint for us-west-2 overridden: violates eu_strict policy"
    assert (decision.penalty_grams, decision.difference_grams_per_kwh) == (70.0, 140.0)
    assert TO_OREGON.savings_percent == 43.75


def test_law_and_carbon_are_set_side_by_side():
    policy = eu_strict("tenant-de-001", HOME, catalog=CATALOG, now=NOW)
    assert policy.evaluate(HOME, TO_OREGON).compared == (
        ComparedRegion(
            region=HOME,
            grams_per_kwh=320.0,
            emissions_grams=160.0,
            penalty_grams=70.0,
            lawful=True,
            chosen=True,
        ),
        ComparedRegion(
            region="us-west-2",
            grams_per_kwh=180.0,
            emissions_grams=90.0,
            penalty_grams=0.0,
            lawful=False,
            chosen=False,
        ),
    )


def test_the_energy_of_a_job_can_be_stated():
    assert a_policy().evaluate(HOME, TO_OREGON, energy_kwh=2.0).penalty_grams == 280.0


def test_rulings_come_in_the_order_in_which_they_were_asked():
    policy = a_policy(primary_region=HOME)
    reasons = [
        [(ruling.rule, ruling.reason) for ruling in policy.evaluate(region, hint).rulings]
        for region, hint in [
            (HOME, None),
            (HOME, TO_IRELAND),
            ("us-east-1", TO_OREGON),
            (HOME, a_hint("eu-west-1", 320.0)),
        ]
    ]
    assert reasons == [
        [("residency", "residency_allowed")],
        [("residency", "residency_allowed"), ("hint", "hint_followed")],
        [("residency", "residency_redirect"), ("hint", "hint_overridden")],
        [("residency", "residency_allowed"), ("hint", "hint_saves_nothing")],
    ]


def test_every_ruling_can_be_told_as_a_sentence():
    texts = [
        a_policy().evaluate(HOME, hint).rulings[1].text
        for hint in (TO_IRELAND, TO_OREGON, a_hint("eu-west-1", 900.0))
    ]
    assert texts == [
        "Carbon optimization applied: eu-west-1 is 12.5% cleaner and GDPR-compliant",
        "Carbon hint for us-west-2 overridden: violates eu_strict policy",
        "eu-west-1 is not cleaner: nothing is suggested",
    ]


def test_a_forbidden_region_is_redirected_to_the_primary_one():
    decision = a_policy(primary_region=HOME).evaluate("us-west-2")
    assert (decision.outcome, decision.allowed, decision.enforced_region) == (
        "redirect",
        True,
        HOME,
    )
    assert decision.reason == (
        'tenant "acme" (EU_STRICT, STRICT) may not run in us-west-2: it is not in the EU or EEA; '
        "it may run in eu-central-1"
    )
    assert decision.compared == ()


def test_a_forbidden_region_with_a_hint_to_it_is_redirected_and_the_hint_overridden():
    policy = a_policy(primary_region=HOME)
    decision = policy.evaluate("us-west-2", a_hint("us-west-2", 280.0))
    assert (decision.outcome, decision.enforced_region) == ("redirect", HOME)
    assert decision.carbon_hint_overridden
    assert (decision.difference_grams_per_kwh, decision.penalty_grams) == (40.0, 20.0)


def test_a_hint_to_where_the_law_sends_it_anyway_is_one_line():
    decision = a_policy(primary_region=HOME).evaluate("us-west-2", a_hint(HOME, 280.0))
    assert (decision.outcome, decision.enforced_region) == ("redirect", HOME)
    assert [line.region for line in decision.compared] == [HOME]


@pytest.mark.parametrize("hint", [TO_IRELAND, TO_OREGON], ids=["lawful hint", "forbidden hint"])
def test_a_hint_opens_nothing_that_is_denied(hint: CarbonHint):
    denied = a_policy().evaluate("us-east-1")
    assert (denied.outcome, denied.allowed, denied.enforced_region) == ("deny", False, None)
    hinted = a_policy().evaluate("us-east-1", hint)
    assert hinted == replace(
        denied,
        carbon_hint_overridden=True,
        difference_grams_per_kwh=hinted.difference_grams_per_kwh,
    )


@pytest.mark.parametrize("region", ["eu-west-1", "us-west-2"])
@pytest.mark.parametrize("grams", [320.0, 321.0, nan])
def test_a_hint_that_saves_nothing_changes_nothing(grams: float, region: str):
    decision = a_policy().evaluate(HOME, a_hint(region, grams))
    assert (decision.outcome, decision.enforced_region) == ("allow", HOME)
    assert (decision.carbon_hint_overridden, decision.penalty_grams) == (False, 0.0)
    assert decision.reason == a_policy().evaluate(HOME).reason


def test_what_is_only_advised_is_allowed_with_a_warning_and_hints_are_followed():
    policy = a_policy(mode=Enforcement.ADVISORY, primary_region=HOME)
    plain, hinted = policy.evaluate("us-east-1"), policy.evaluate(HOME, TO_OREGON)
    assert (plain.outcome, plain.enforced_region) == ("allow", "us-east-1")
    assert plain.reason.startswith("warning: ")
    assert (hinted.enforced_region, hinted.carbon_hint_overridden) == ("us-west-2", False)
    assert hinted.reason.endswith("against eu_strict policy")
    assert [line.lawful for line in hinted.compared] == [True, False]


def test_what_is_disabled_is_allowed_everywhere():
    policy = a_policy(mode=Enforcement.DISABLED)
    assert policy.evaluate("us-east-1").outcome == "allow"
    assert policy.evaluate(HOME, TO_OREGON).enforced_region == "us-west-2"
    assert not policy.is_region_allowed("us-east-1")


@pytest.mark.parametrize(
    ("now", "allowed"), [(LONDON_ENDS_AT - SECOND, True), (LONDON_ENDS_AT, False)]
)
def test_london_is_adequate_until_the_day_and_never_in_the_eu(now: datetime, allowed: bool):
    strict = eu_strict("acme", HOME, catalog=CATALOG, now=now)
    adequate = eu_adequate("acme", HOME, catalog=CATALOG, now=now)
    assert not strict.is_region_allowed("eu-west-2")
    assert adequate.is_region_allowed("eu-west-2") is allowed
    assert adequate.evaluate("eu-west-2").outcome == ("allow" if allowed else "redirect")


def test_entries_of_ones_own_take_the_place_of_the_built_in_ones():
    today = NOW.date()
    policy = eu_adequate(
        "acme", HOME, catalog=CATALOG, now=NOW, adequacy={"uksouth": today + timedelta(days=1)}
    )
    assert policy.is_region_allowed("uksouth")
    assert not policy.is_region_allowed("eu-west-2")


FACTORIES = [
    (eu_strict, Level.EU_STRICT, "eu-west-1", "us-east-1"),
    (eu_adequate, Level.EU_ADEQUATE, "eu-west-2", "us-east-1"),
    (us_only, Level.US_ONLY, "us-east-1", "eu-west-1"),
    (global_level, Level.GLOBAL, "af-south-1", "mars-1"),
]


@pytest.mark.parametrize(("factory", "level", "primary", "forbidden"), FACTORIES)
def test_each_level_has_a_factory_that_refuses_a_primary_region_of_another(
    factory: Callable[..., ResidencyPolicy], level: Level, primary: str, forbidden: str
):
    policy = factory("acme", primary, catalog=CATALOG, now=NOW)
    assert (policy.tenant.level, policy.tenant.mode) == (level, Enforcement.STRICT)
    assert policy.is_region_allowed(primary)
    assert not policy.is_region_allowed(forbidden)
    with pytest.raises(
        PrimaryNotAllowedError, match=f"primary_region {forbidden} is not allowed under {level}"
    ):
        factory("acme", forbidden, catalog=CATALOG, now=NOW)


def test_a_single_region_is_the_primary_one_alone():
    policy = single_region("acme", "eu-west-1", catalog=CATALOG, now=NOW)
    allowed = [region for region in CATALOG if policy.is_region_allowed(region)]
    assert allowed == ["eu-west-1"]
    with pytest.raises(PrimaryNotAllowedError, match="it is no known region"):
        single_region("acme", "mars-1", catalog=CATALOG, now=NOW)


@pytest.mark.parametrize("mode", Enforcement)
@pytest.mark.parametrize("level", Level)
def test_it_rules_as_the_live_decision_does(level: Level, mode: Enforcement):
    tenant = a_tenant(level, mode=mode, primary_region=HOME)
    policy = ResidencyPolicy(tenant, CATALOG, now=NOW)
    for region in (*CATALOG, "mars-1"):
        live = residency.rule(a_case(a_tenants_plan(tenant, region)))
        assert policy.evaluate(region).rulings == (live,)


def test_a_decision_tells_all_that_the_older_platform_told():
    names = {field.name for field in fields(a_policy().evaluate(HOME))} | {"allowed"}
    assert names >= {
        "outcome",
        "allowed",
        "enforced_region",
        "carbon_hint_overridden",
        "reason",
        "penalty_grams",
        "difference_grams_per_kwh",
        "rulings",
    }


def test_ten_decisions_with_three_overrides_have_a_rate_of_three_tenths():
    policy = a_policy()
    hinted = [*[TO_OREGON] * 3, *[TO_IRELAND] * 4, *[None] * 3]
    stats = override_stats(policy.evaluate(HOME, hint) for hint in hinted)
    assert (stats.decisions, stats.overridden, stats.override_rate) == (10, 3, 0.3)
    assert stats.total_penalty_grams == 210.0


def test_of_no_decisions_none_was_overridden():
    stats = override_stats([])
    assert (stats.override_rate, stats.total_penalty_grams) == (0.0, 0.0)
