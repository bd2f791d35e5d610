"""No way around residency: whatever else is said, forbidden work does not start."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.residency_policy import ResidencyPolicy
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import Decision, Outcome, Verdict
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.policy import BUILT_IN_POLICY, Policy, StatedSettings, Strategy, WhenBlind
from carbon_scaler.domain.residency import (
    BUILT_IN_ADEQUACY,
    CarbonHint,
    Enforcement,
    Level,
    Residency,
    Tenant,
)
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Trigger
from tests.builders import (
    DAY,
    HOUR,
    NOW,
    SECOND,
    a_backlog,
    a_series,
    a_trigger,
    an_item,
    some_surroundings,
)
from tests.unit.laws.cases import central_law

CATALOG = load_catalog()
UNKNOWN = ("mars-1", "EU-WEST-1")
# Often those that matter, sometimes any.
REGIONS = (
    *("eu-west-1", "eu-central-1", "norwayeast", "eu-west-2", "eu-central-2", "us-east-1") * 6,
    *UNKNOWN * 6,
    *CATALOG,
)
ENDS = [
    datetime(*ends.timetuple()[:3], tzinfo=UTC) for ends in sorted({*BUILT_IN_ADEQUACY.values()})
]
INSTANTS = (NOW, NOW, *[ends + off for ends in ENDS for off in (-SECOND, 0 * SECOND, DAY)])
NAMESPACES = ("batch", "theirs", "anywhere")
TENANTS = ("acme", "globex", "initech")


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One trigger under one policy, and all that is known at one instant."""

    tenants: dict[str, Tenant]
    trigger: Trigger
    plan: Plan
    inputs: Inputs
    now: datetime

    @property
    def decision(self) -> Decision:
        return decide(self.plan, self.inputs, self.now)


def some_regions(rng: Random) -> frozenset[str]:
    return frozenset(rng.choices(REGIONS, k=rng.choice((0, 1, 8))))


def a_random_tenant(rng: Random, name: str, namespaces: frozenset[str]) -> Tenant:
    return Tenant(
        name=name,
        level=rng.choice(list(Level)),
        mode=rng.choice((Enforcement.STRICT, *Enforcement)),
        namespaces=namespaces,
        primary_region=rng.choice((None, *rng.choices(REGIONS, k=3))),
        allowed_regions=rng.choice((None, None, some_regions(rng))),
    )


def some_tenants(rng: Random) -> dict[str, Tenant]:
    """Each namespace is bound to one at most."""
    owners = {namespace: rng.choice((None, *TENANTS)) for namespace in NAMESPACES}
    return {
        name: a_random_tenant(
            rng, name, frozenset(each for each, owner in owners.items() if owner == name)
        )
        for name in TENANTS
    }


def a_random_trigger(rng: Random) -> Trigger:
    mode = rng.choice((Mode.QUEUE, Mode.BRAKE, Mode.GATE))
    blind = (WhenBlind.OPEN, WhenBlind.CLOSED, None)
    return a_trigger(
        namespace=rng.choice(NAMESPACES),
        region=rng.choice(REGIONS),
        tenant=rng.choice((None, None, *TENANTS, "nobody")),
        mode=mode,
        backlog="orders" if mode is Mode.QUEUE else None,
        max_jobs=rng.choice((None, 1, 5)),
        workload_class=rng.choice((None, *BUILT_IN_POLICY.classes)),
        shadow=rng.random() < 0.2,
        stated=StatedSettings(
            threshold=rng.choice((None, 1.0, 5000.0)),
            max_delay=rng.choice((None, timedelta(0), HOUR)),
            release=rng.choice((None, 2 * HOUR)),
            when_blind=rng.choice(blind),
            strategy=rng.choice((None, Strategy.THRESHOLD, Strategy.QUANTILE, Strategy.FORECAST)),
        ),
    )


def a_random_policy(rng: Random, tenants: dict[str, Tenant]) -> Policy:
    """Every class would rather run somewhere else."""
    classes = {
        name: replace(
            each,
            preferred_regions=tuple(rng.choices(REGIONS, k=2)),
            fallback_regions=tuple(rng.choices(REGIONS, k=2)),
        )
        for name, each in BUILT_IN_POLICY.classes.items()
    }
    bound = {namespace: name for name, each in tenants.items() for namespace in each.namespaces}
    return replace(
        BUILT_IN_POLICY,
        enabled=rng.random() < 0.8,
        classes=classes,
        residency=Residency(tenants=tenants, bound=bound),
    )


def a_release(rng: Random, plan: Plan, now: datetime) -> Override:
    return Override(
        id=rng.randrange(100),
        action=OverrideAction.RELEASE,
        until=now + HOUR,
        reason="now",
        by="ops",
        created_at=now,
        **rng.choice(
            (
                {"region": plan.region},
                {"workload_class": plan.workload_class},
                {"scaled_object": (plan.namespace, plan.name)},
            )
        ),
    )


def a_grid(rng: Random, now: datetime) -> RegionSeries | None:
    grams = rng.choice((None, 0.5, 100.0, 900.0))
    return None if grams is None else a_series(grams, since=now - rng.choice((0, 1, 9)) * HOUR)


def a_demand(rng: Random, now: datetime) -> BacklogReading | BacklogUnknown | None:
    waited = now - NOW
    late, new = an_item(30 * DAY - waited), an_item(-waited)
    return rng.choice(
        (
            None,
            BacklogUnknown(cause="down"),
            a_backlog(late, late, new, in_progress=rng.randrange(3), read_at=now),
        )
    )


def a_world(rng: Random) -> World:
    tenants, trigger, now = some_tenants(rng), a_random_trigger(rng), rng.choice(INSTANTS)
    around = replace(some_surroundings(stored_regions=UNKNOWN), catalog=CATALOG)
    plan = resolve(trigger, a_random_policy(rng, tenants), around)
    assert isinstance(plan, Plan), plan
    named = (*plan.hint_terms.preferred, *plan.hint_terms.fallback)
    others = {name: a_grid(rng, now) for name in dict.fromkeys((plan.region, *named))}
    known = {name: series for name, series in others.items() if series is not None}
    inputs = Inputs(
        series=known.get(plan.region),
        others=known,
        demand=a_demand(rng, now),
        overrides=(a_release(rng, plan, now),) if rng.random() < 0.5 else (),
    )
    return World(tenants=tenants, trigger=trigger, plan=plan, inputs=inputs, now=now)


def is_lawful(tenant: Tenant, region: str, now: datetime) -> bool:
    """The levels once more, as the documentation has them."""
    if region not in CATALOG:
        return False
    place, ends = CATALOG[region], BUILT_IN_ADEQUACY.get(region)
    in_eu = place.eu_eea in {"eu", "eea"}
    by_level = {
        Level.EU_STRICT: in_eu,
        Level.EU_ADEQUATE: in_eu or (ends is not None and now.date() < ends),
        Level.US_ONLY: place.country == "US",
        Level.GLOBAL: True,
        Level.SINGLE_REGION: region == tenant.primary_region,
    }
    listed = tenant.allowed_regions is None or region in tenant.allowed_regions
    return by_level[tenant.level] and listed


def whose(world: World) -> Tenant | str | None:
    """The tenant; a word where there is none that this namespace may name; None: nobody's."""
    namespace, named = world.trigger.namespace, world.trigger.tenant
    bound = next((each for each in world.tenants.values() if namespace in each.namespaces), None)
    if named is None:
        return bound
    tenant = world.tenants.get(named)
    if tenant is None or (bound is not None and tenant is not bound):
        return "refused"
    return "refused" if tenant.namespaces and bound is None else tenant


def is_forbidden(world: World) -> bool:
    match whose(world):
        case None:
            return False
        case Tenant() as tenant:
            lawful = is_lawful(tenant, world.plan.region, world.now)
            return tenant.mode is Enforcement.STRICT and not lawful
        case _:
            return True


def starts_work(plan: Plan, decision: Decision) -> bool:
    if plan.mode is Mode.BRAKE:
        return not decision.active or decision.metric_value <= decision.target
    return decision.admitted > 0 or decision.metric_value > 0 or decision.active


def check(world: World) -> Decision:
    """The law itself."""
    decision, tenant = world.decision, whose(world)
    first = decision.rulings[0].outcome
    if is_forbidden(world):
        assert not starts_work(world.plan, decision)
        assert decision.level == 0.0
        assert decision.verdict is Verdict.CLOSED
        assert first in {Outcome.DENIED, Outcome.REDIRECTED}
    else:
        assert first not in {Outcome.DENIED, Outcome.REDIRECTED}
    if decision.enforced_region is not None:
        assert is_lawful(tenant, decision.enforced_region, world.now)
    if decision.hint is not None and isinstance(tenant, Tenant):
        may_go = is_lawful(tenant, decision.hint.hint.suggested_region, world.now)
        assert decision.hint.overridden is (tenant.mode is Enforcement.STRICT and not may_go)
    return decision


def blinded(world: World) -> World:
    return replace(world, inputs=Inputs(series=None))


def test_of_ten_thousand_worlds_none_starts_forbidden_work():
    rng = Random(20260302)
    seen: Counter[object] = Counter()
    for _ in range(10_000):
        world = a_world(rng)
        decision = check(world)
        forbidden = is_forbidden(world)
        seen[forbidden, world.plan.mode] += 1
        seen[decision.rulings[0].reason] += 1
        if decision.hint is not None:
            seen["overridden" if decision.hint.overridden else "followed"] += 1
        if not forbidden and starts_work(world.plan, decision):
            seen["started"] += 1
    # What was tried is what was meant.
    reasons = (
        *("residency_allowed", "residency_advisory", "residency_disabled", "residency_redirect"),
        *("residency_denied", "tenant_unknown", "tenant_not_yours", "overridden", "followed"),
    )
    assert min(seen[reason] for reason in reasons) > 50
    assert min(seen[True, mode] for mode in (Mode.QUEUE, Mode.BRAKE, Mode.GATE)) > 1000
    assert seen["started"] > 1000


@central_law
@given(rng=st.randoms(use_true_random=False))
def test_no_rule_setting_override_or_missing_data_loosens_residency(rng: Random):
    check(a_world(rng))


@central_law
@given(rng=st.randoms(use_true_random=False))
def test_what_residency_says_does_not_depend_on_any_data(rng: Random):
    world = a_world(rng)
    ruling, without_data = (each.decision.rulings[0] for each in (world, blinded(world)))
    if world.plan.tenancy is not None:
        assert ruling == without_data


@central_law
@given(rng=st.randoms(use_true_random=False))
def test_forbidden_work_stays_forbidden_however_the_trigger_is_set(rng: Random):
    world = a_world(rng)
    urgent = replace(world.plan, urgent=True, shadow=True, enabled=False, workload_class="urgent")
    if is_forbidden(world):
        assert not starts_work(urgent, decide(urgent, world.inputs, world.now))


@central_law
@given(rng=st.randoms(use_true_random=False), grams=st.floats(0, 2000))
def test_the_python_interface_enforces_no_region_that_is_forbidden(rng: Random, grams: float):
    tenant = a_random_tenant(rng, "acme", frozenset())
    now, requested, suggested = (rng.choice(each) for each in (INSTANTS, REGIONS, REGIONS))
    hint = CarbonHint(
        suggested_region=suggested, current_grams_per_kwh=500.0, suggested_grams_per_kwh=grams
    )
    policy = ResidencyPolicy(tenant, CATALOG, now=now)
    for decision in (policy.evaluate(requested), policy.evaluate(requested, hint)):
        enforced = decision.enforced_region
        if enforced is not None and tenant.mode is Enforcement.STRICT:
            assert is_lawful(tenant, enforced, now)
        if tenant.mode is not Enforcement.STRICT:
            assert decision.allowed
