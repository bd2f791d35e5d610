from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from carbon_scaler.decisions import residency
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.residency import permission
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import Decision, Outcome, Ruling, Verdict
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.residency import BUILT_IN_ADEQUACY, Enforcement, Level, Tenant
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import DAY, HOUR, NOW, SECOND, a_backlog, a_case, a_plan, a_series, an_item
from tests.unit.decisions.residency_world import (
    CATALOG,
    LONDON_ENDS,
    a_tenancy,
    a_tenant,
    a_tenants_plan,
)

ENDS_AT = datetime(2031, 12, 27, tzinfo=UTC)
EU = ("eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "eu-south-2", "europe-west1")
EEA = ("norwayeast", "norwaywest")
ADEQUATE = ("eu-west-2", "uksouth", "europe-west2", "eu-central-2", "europe-west6")
US = ("us-east-1", "us-east-2", "us-west-1", "us-west-2", "us-central1", "westus2")
ELSEWHERE = ("ap-northeast-1", "ca-central-1", "il-central-1", "ap-south-1", "af-south-1")
KNOWN = (*EU, *EEA, *ADEQUATE, *US, *ELSEWHERE)
UNKNOWN = ("eu-west-99", "EU-WEST-1", "", "gcp:europe-west1")

ALLOWED = {
    Level.EU_STRICT: {*EU, *EEA},
    Level.EU_ADEQUATE: {*EU, *EEA, *ADEQUATE},
    Level.US_ONLY: {*US},
    Level.GLOBAL: {*KNOWN},
    Level.SINGLE_REGION: {"eu-north-1"},
}


def allows(tenant: Tenant, region: str, now: datetime = NOW) -> bool:
    return permission(tenant, region, CATALOG.get(region), BUILT_IN_ADEQUACY, now=now).allowed


def ruling_of(tenant: Tenant | None, region: str, now: datetime = NOW) -> Ruling:
    ruling = residency.rule(a_case(a_tenants_plan(tenant, region), now=now))
    assert ruling is not None
    return ruling


@pytest.mark.parametrize("region", [*KNOWN, *UNKNOWN])
@pytest.mark.parametrize("level", Level)
def test_a_level_allows_its_regions_and_no_other(level: Level, region: str):
    tenant = a_tenant(level, primary_region="eu-north-1")
    assert allows(tenant, region) is (region in ALLOWED[level])


@pytest.mark.parametrize("level", Level)
def test_a_list_of_regions_only_narrows_the_level(level: Level):
    listed = frozenset({"eu-west-1", "us-east-1", "eu-west-2", "eu-north-1", "eu-west-99"})
    tenant = a_tenant(level, primary_region="eu-north-1", allowed_regions=listed)
    may = {region for region in (*KNOWN, *UNKNOWN) if allows(tenant, region)}
    assert may == ALLOWED[level] & listed


def test_an_empty_list_of_regions_allows_none():
    assert not any(
        allows(a_tenant(Level.GLOBAL, allowed_regions=frozenset()), region) for region in KNOWN
    )


def test_a_single_region_that_is_not_stated_is_none():
    assert not any(allows(a_tenant(Level.SINGLE_REGION), region) for region in KNOWN)


@pytest.mark.parametrize(
    ("now", "allowed"),
    [
        (ENDS_AT - SECOND, True),
        (ENDS_AT - timedelta(microseconds=1), True),
        (ENDS_AT, False),
        (ENDS_AT + DAY, False),
    ],
)
def test_an_adequacy_entry_counts_until_its_date_begins_in_utc(now: datetime, allowed: bool):
    tenant = a_tenant(Level.EU_ADEQUATE)
    assert allows(tenant, "eu-west-2", now) is allowed
    assert not allows(a_tenant(Level.EU_STRICT), "eu-west-2", now)
    assert allows(tenant, "eu-west-1", now)


@pytest.mark.parametrize("eu_eea", ["no", "", "unheard-of"])
def test_an_adequacy_entry_adds_no_region_that_no_adequacy_decision_can_cover(eu_eea: str):
    place = replace(CATALOG["eu-west-2"], eu_eea=eu_eea)
    tenant = a_tenant(Level.EU_ADEQUATE)
    assert not permission(tenant, "eu-west-2", place, BUILT_IN_ADEQUACY, now=NOW).allowed


def test_only_what_the_entries_name_is_added_though_others_are_of_its_class():
    only_zurich = {"eu-central-2": date(2028, 1, 15)}
    tenant = a_tenant(Level.EU_ADEQUATE)
    may = {
        region
        for region in CATALOG
        if permission(tenant, region, CATALOG[region], only_zurich, now=NOW).allowed
    }
    lawful = {name for name, place in CATALOG.items() if place.eu_eea in {"eu", "eea"}}
    assert may == lawful | {"eu-central-2"}


@pytest.mark.parametrize(
    ("tenant", "region", "why"),
    [
        (a_tenant(), "eu-west-1", "it is in the EU or EEA"),
        (a_tenant(), "us-east-1", "it is not in the EU or EEA"),
        (a_tenant(), "eu-west-2", "it is not in the EU or EEA"),
        (a_tenant(Level.EU_ADEQUATE), "eu-west-1", "it is in the EU or EEA"),
        (
            a_tenant(Level.EU_ADEQUATE),
            "us-east-1",
            "it is not in the EU or EEA and has no adequacy entry",
        ),
        (a_tenant(Level.EU_ADEQUATE), "eu-west-2", "its adequacy entry counts until 2031-12-27"),
        (a_tenant(Level.US_ONLY), "us-east-1", "it is in the US"),
        (a_tenant(Level.US_ONLY), "eu-west-1", "it is not in the US"),
        (a_tenant(Level.GLOBAL), "af-south-1", "it is a known region"),
        (a_tenant(Level.GLOBAL), "mars-1", "it is no known region"),
        (
            a_tenant(Level.SINGLE_REGION, primary_region="eu-west-1"),
            "eu-west-1",
            "it is the tenant's primary_region",
        ),
        (
            a_tenant(Level.SINGLE_REGION, primary_region="eu-west-1"),
            "eu-west-3",
            "it is not the tenant's primary_region",
        ),
        (
            a_tenant(allowed_regions=frozenset({"eu-west-1"})),
            "eu-west-3",
            "it is not among the tenant's allowed_regions",
        ),
    ],
)
def test_a_permission_says_why(tenant: Tenant, region: str, why: str):
    place = CATALOG.get(region)
    assert permission(tenant, region, place, BUILT_IN_ADEQUACY, now=NOW).why == why


def test_nobodys_work_is_not_judged():
    assert residency.rule(a_case(a_plan(region="mars-1"))) is None


RULINGS = [
    pytest.param(
        a_tenant(),
        "eu-west-1",
        (Outcome.PASSED, "residency_allowed", "eu-west-1"),
        'tenant "acme" (EU_STRICT, STRICT) may run in eu-west-1: it is in the EU or EEA',
        "",
        id="allowed",
    ),
    pytest.param(
        a_tenant(mode=Enforcement.ADVISORY, primary_region="eu-west-1"),
        "eu-west-1",
        (Outcome.PASSED, "residency_allowed", "eu-west-1"),
        'tenant "acme" (EU_STRICT, ADVISORY) may run in eu-west-1: it is in the EU or EEA',
        "",
        id="allowed where only advised",
    ),
    pytest.param(
        a_tenant(mode=Enforcement.ADVISORY, primary_region="eu-west-1"),
        "us-east-1",
        (Outcome.PASSED, "residency_advisory", "us-east-1"),
        'warning: tenant "acme" (EU_STRICT, ADVISORY) runs in us-east-1, which its residency does '
        "not allow: it is not in the EU or EEA",
        "with mode STRICT it would not run in us-east-1",
        id="warned",
    ),
    pytest.param(
        a_tenant(mode=Enforcement.DISABLED),
        "us-east-1",
        (Outcome.PASSED, "residency_disabled", "us-east-1"),
        'tenant "acme" may run in us-east-1: its residency mode is DISABLED',
        "",
        id="not enforced",
    ),
    pytest.param(
        a_tenant(primary_region="eu-central-1"),
        "us-east-1",
        (Outcome.REDIRECTED, "residency_redirect", "eu-central-1"),
        'tenant "acme" (EU_STRICT, STRICT) may not run in us-east-1: it is not in the EU or EEA; '
        "it may run in eu-central-1",
        "run it in a cluster in eu-central-1",
        id="redirected",
    ),
    pytest.param(
        a_tenant(),
        "us-east-1",
        (Outcome.DENIED, "residency_denied", None),
        'tenant "acme" (EU_STRICT, STRICT) may not run in us-east-1: it is not in the EU or EEA; '
        "no other primary_region is stated",
        "run it in a region that EU_STRICT allows, or state such a one as its primary_region in "
        "gdpr-residency-overrides.yaml",
        id="denied without a primary region",
    ),
    pytest.param(
        a_tenant(primary_region="us-east-1"),
        "us-east-1",
        (Outcome.DENIED, "residency_denied", None),
        'tenant "acme" (EU_STRICT, STRICT) may not run in us-east-1: it is not in the EU or EEA; '
        "no other primary_region is stated",
        "run it in a region that EU_STRICT allows, or state such a one as its primary_region in "
        "gdpr-residency-overrides.yaml",
        id="denied in its own primary region",
    ),
    pytest.param(
        a_tenant(Level.US_ONLY, primary_region="eu-west-1"),
        "eu-west-3",
        (Outcome.DENIED, "residency_denied", None),
        'tenant "acme" (US_ONLY, STRICT) may not run in eu-west-3: it is not in the US; nor in its '
        "primary_region eu-west-1: it is not in the US",
        "run it in a region that US_ONLY allows, or state such a one as its primary_region in "
        "gdpr-residency-overrides.yaml",
        id="denied with a primary region that is forbidden too",
    ),
]


@pytest.mark.parametrize(("tenant", "region", "said", "text", "remedy"), RULINGS)
def test_a_ruling_says_who_where_why_and_what_would_change_it(
    *,
    tenant: Tenant,
    region: str,
    said: tuple[Outcome, str, str | None],
    text: str,
    remedy: str,
):
    ruling = ruling_of(tenant, region)
    assert (ruling.outcome, ruling.reason, ruling.figures["enforced_region"]) == said
    assert (ruling.rule, ruling.text, ruling.remedy) == ("residency", text, remedy)
    assert ruling.until is None
    stated = {name: ruling.figures[name] for name in ("tenant", "level", "mode", "region")}
    assert stated == {
        "tenant": "acme",
        "level": tenant.level.value,
        "mode": tenant.mode.value,
        "region": region,
    }
    assert "adequate_until" not in ruling.figures


def test_a_tenant_that_is_not_known_may_run_nowhere():
    ruling = ruling_of(None, "eu-west-1")
    assert (ruling.outcome, ruling.reason) == (Outcome.DENIED, "tenant_unknown")
    assert ruling.text == (
        'tenant "acme" may run nowhere: gdpr-residency-overrides.yaml has no such tenant'
    )
    assert ruling.remedy == "name a tenant of gdpr-residency-overrides.yaml, or add this one to it"


def test_a_tenant_of_other_namespaces_may_run_nowhere():
    tenancy = a_tenancy(a_tenant(Level.GLOBAL, namespaces=frozenset({"theirs"})))
    ruling = residency.judge(tenancy, "eu-west-1", NOW)
    assert (ruling.outcome, ruling.reason) == (Outcome.DENIED, "tenant_not_yours")
    assert ruling.text == (
        'tenant "acme" may run nowhere: the tenant is bound to other namespaces than "batch"'
    )
    assert ruling.remedy == (
        "leave tenant out, or have the namespace bound to it in gdpr-residency-overrides.yaml"
    )


def test_a_name_that_is_no_name_keeps_the_text_short_and_printable():
    tenancy = a_tenancy(named="x{who}\n" * 5000)
    text = residency.judge(tenancy, "eu-west-1", NOW).text
    assert len(text) < 150
    assert text.isprintable()


@pytest.mark.parametrize(
    ("tenant", "region"),
    [
        (a_tenant(Level.EU_ADEQUATE), "eu-west-2"),
        (a_tenant(Level.EU_ADEQUATE, primary_region="eu-west-2"), "us-east-1"),
    ],
    ids=["the region itself", "the target of a redirect"],
)
def test_a_ruling_holds_until_the_adequacy_entry_ends(tenant: Tenant, region: str):
    before, after = ruling_of(tenant, region, ENDS_AT - SECOND), ruling_of(tenant, region, ENDS_AT)
    assert before.until == before.figures["adequate_until"] == ENDS_AT
    assert before.outcome in {Outcome.PASSED, Outcome.REDIRECTED}
    assert (after.outcome, after.until) == (Outcome.DENIED, None)
    assert f"its adequacy entry ended on {LONDON_ENDS}" in after.text


def test_the_end_of_an_adequacy_entry_turns_an_allowed_region_into_a_redirect():
    tenant = a_tenant(Level.EU_ADEQUATE, primary_region="eu-west-1")
    assert ruling_of(tenant, "eu-west-2", ENDS_AT - SECOND).reason == "residency_allowed"
    assert ruling_of(tenant, "eu-west-2", ENDS_AT).reason == "residency_redirect"


def test_a_decision_is_made_again_when_an_adequacy_entry_ends():
    plan = a_tenants_plan(a_tenant(Level.EU_ADEQUATE), "eu-west-2", workload_class="urgent")
    demand = a_backlog(an_item(), max_age=20 * 365 * DAY)
    assert decide(plan, Inputs(series=None, demand=demand), NOW).changes_at == ENDS_AT


GRIDS = [a_series(50, renewable=95.0), a_series(900), None]
RELEASE = Override(
    id=1,
    action=OverrideAction.RELEASE,
    until=NOW + DAY,
    reason="now",
    by="ops",
    created_at=NOW,
    scaled_object=("batch", "embeddings"),
)
FORBIDDING = [
    pytest.param(a_tenant(primary_region="eu-west-1"), "residency_redirect", id="redirected"),
    pytest.param(a_tenant(), "residency_denied", id="denied"),
    pytest.param(None, "tenant_unknown", id="unknown"),
]
WAYS_AROUND = [
    pytest.param({}, id="plain"),
    pytest.param({"workload_class": "urgent"}, id="urgent"),
    pytest.param({"shadow": True}, id="shadow"),
    pytest.param({"max_delay": 0 * HOUR}, id="overdue"),
]


def forbidden_decisions(
    tenant: Tenant | None, mode: Mode, demand: BacklogReading | BacklogUnknown | None, stated: dict
) -> list[Decision]:
    plan = a_tenants_plan(tenant, "us-east-1", mode, **stated)
    plans: list[Plan] = [plan, replace(plan, enabled=False)]
    return [
        decide(each, Inputs(series=series, demand=demand, overrides=(RELEASE,)), NOW)
        for each in plans
        for series in GRIDS
    ]


@pytest.mark.parametrize("stated", WAYS_AROUND)
@pytest.mark.parametrize(("tenant", "reason"), FORBIDDING)
@pytest.mark.parametrize(
    "demand",
    [a_backlog(an_item(9 * HOUR), an_item(), in_progress=3), BacklogUnknown(cause="down"), None],
    ids=["late items", "backlog is down", "never read"],
)
def test_a_forbidden_queue_has_value_zero_and_is_inactive_and_no_error(
    tenant: Tenant | None, reason: str, demand: BacklogReading | BacklogUnknown | None, stated: dict
):
    for decision in forbidden_decisions(tenant, Mode.QUEUE, demand, stated):
        assert (decision.verdict, decision.reason) == (Verdict.CLOSED, reason)
        assert (decision.admitted, decision.metric_value, decision.active) == (0, 0.0, False)
        assert [ruling.rule for ruling in decision.rulings] == ["residency"]


@pytest.mark.parametrize("stated", WAYS_AROUND)
@pytest.mark.parametrize(("tenant", "reason"), FORBIDDING)
def test_a_forbidden_brake_brakes_and_a_forbidden_gate_is_shut(
    tenant: Tenant | None, reason: str, stated: dict
):
    for decision in forbidden_decisions(tenant, Mode.BRAKE, None, stated):
        assert (decision.verdict, decision.reason) == (Verdict.CLOSED, reason)
        assert decision.active
        assert decision.metric_value > decision.target
    for decision in forbidden_decisions(tenant, Mode.GATE, None, stated):
        assert (decision.verdict, decision.reason) == (Verdict.CLOSED, reason)
        assert (decision.level, decision.metric_value, decision.active) == (0.0, 0.0, False)


def test_only_a_redirect_names_another_region():
    regions = [
        decide(a_tenants_plan(tenant, region), Inputs(series=None), NOW).enforced_region
        for tenant, region in [
            (a_tenant(primary_region="eu-west-1"), "us-east-1"),
            (a_tenant(primary_region="eu-west-1"), "eu-west-3"),
            (a_tenant(), "us-east-1"),
        ]
    ]
    assert regions == ["eu-west-1", None, None]


@pytest.mark.parametrize("mode", [Enforcement.ADVISORY, Enforcement.DISABLED])
def test_what_is_not_enforced_leaves_the_answer_to_the_later_rules(mode: Enforcement):
    demand = a_backlog(an_item())
    plan = a_tenants_plan(a_tenant(mode=mode), "us-east-1")
    for series in GRIDS:
        inputs = Inputs(series=series, demand=demand)
        with_tenant = decide(plan, inputs, NOW)
        without = decide(replace(plan, tenancy=None), inputs, NOW)
        assert with_tenant.rulings[1:] == without.rulings
        assert replace(with_tenant, rulings=()) == replace(without, rulings=())
