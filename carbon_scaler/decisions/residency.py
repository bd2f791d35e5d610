"""May this tenant's work run in this region?"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import assert_never

from carbon_scaler.decisions import tenancy as tenancies
from carbon_scaler.decisions.case import Case
from carbon_scaler.domain.decision import Outcome, Ruling
from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.domain.residency import Adequacy, Enforcement, Level, Tenant
from carbon_scaler.domain.trigger import Tenancy, quoted

RULE = "residency"
EU_EEA = frozenset({"eu", "eea"})
US = "US"
# What an adequacy entry may add; it makes nothing else lawful.
ADEQUACY_CLASSES = frozenset({"uk", "ch", "adequate", "partial"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Whether a tenant's level and list have a region; how they are enforced is another matter."""

    allowed: bool
    why: str
    # When time alone ends it; what is not allowed does not become so by itself.
    until: datetime | None = None


def permission(
    tenant: Tenant,
    region_name: str,
    place: CloudRegion | None,
    adequacy: Adequacy,
    *,
    now: datetime,
) -> Permission:
    """The one judgement on a region; `place` is what the catalog says of it, None: nothing."""
    if place is None:
        return Permission(allowed=False, why="it is no known region")
    if tenant.allowed_regions is not None and region_name not in tenant.allowed_regions:
        return Permission(allowed=False, why="it is not among the tenant's allowed_regions")
    if tenant.level is Level.EU_ADEQUATE and place.eu_eea not in EU_EEA:
        return _adequate(place, adequacy.get(region_name), now)
    return _of_level(tenant, region_name, place)


def rule(case: Case) -> Ruling | None:
    """Nobody's work may run anywhere, and work of a tenant that is refused nowhere."""
    tenancy = case.plan.tenancy
    return None if tenancy is None else judge(tenancy, case.plan.region, case.now)


def judge(tenancy: Tenancy, region: str, now: datetime) -> Ruling:
    """What the law makes of running in this region."""
    tenant = tenancy.tenant
    if tenant is None:
        return _refused(tenancy, region)
    if tenant.mode is Enforcement.DISABLED:
        return _disabled(tenant, region)
    here = permitted(tenant, tenancy, region, now)
    if here.allowed:
        return _allowed(tenant, region, here)
    if tenant.mode is Enforcement.ADVISORY:
        return _advised(tenant, region, here)
    primary = tenant.primary_region
    there = None if primary is None else permitted(tenant, tenancy, primary, now)
    if there is None or not there.allowed:
        return _denied(tenant, region, here, there)
    return _redirected(tenant, region, here, there)


def permitted(tenant: Tenant, tenancy: Tenancy, region: str, now: datetime) -> Permission:
    """The permission for a region, from what the tenancy holds."""
    return permission(tenant, region, tenancy.places.get(region), tenancy.adequacy, now=now)


def ends_at(until: date) -> datetime:
    """The first instant at which an adequacy entry no longer counts."""
    return datetime.combine(until, time(), UTC)


def _of_level(tenant: Tenant, region_name: str, place: CloudRegion) -> Permission:
    match tenant.level:
        case Level.EU_STRICT | Level.EU_ADEQUATE:
            return _inside("in the EU or EEA", allowed=place.eu_eea in EU_EEA)
        case Level.US_ONLY:
            return _inside("in the US", allowed=place.country == US)
        case Level.GLOBAL:
            return _inside("a known region", allowed=True)
        case Level.SINGLE_REGION:
            own = region_name == tenant.primary_region
            return _inside("the tenant's primary_region", allowed=own)
        case _:
            assert_never(tenant.level)


def _adequate(place: CloudRegion, until: date | None, now: datetime) -> Permission:
    if until is None or place.eu_eea not in ADEQUACY_CLASSES:
        return Permission(allowed=False, why="it is not in the EU or EEA and has no adequacy entry")
    if now >= ends_at(until):
        return Permission(
            allowed=False, why=f"it is not in the EU or EEA and its adequacy entry ended on {until}"
        )
    return Permission(
        allowed=True, why=f"its adequacy entry counts until {until}", until=ends_at(until)
    )


def _inside(what: str, *, allowed: bool) -> Permission:
    return Permission(allowed=allowed, why=f"it is {what}" if allowed else f"it is not {what}")


def _refused(tenancy: Tenancy, region: str) -> Ruling:
    unknown = tenancies.is_unknown(tenancy)
    return Ruling(
        rule=RULE,
        outcome=Outcome.DENIED,
        reason="tenant_unknown" if unknown else "tenant_not_yours",
        template="tenant {who} may run nowhere: {why}",
        figures={
            "tenant": tenancy.tenant_name,
            "region": region,
            "enforced_region": None,
            "who": quoted(tenancy.tenant_name),
            "why": tenancy.refusal,
        },
        remedy_template=(
            "name a tenant of gdpr-residency-overrides.yaml, or add this one to it"
            if unknown
            else "leave tenant out, or have the namespace bound to it in "
            "gdpr-residency-overrides.yaml"
        ),
    )


def _disabled(tenant: Tenant, region: str) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason="residency_disabled",
        template='tenant "{tenant}" may run in {region}: its residency mode is {mode}',
        figures=_figures(tenant, region, region),
    )


def _allowed(tenant: Tenant, region: str, here: Permission) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason="residency_allowed",
        template='tenant "{tenant}" ({level}, {mode}) may run in {region}: {why}',
        figures={**_figures(tenant, region, region), "why": here.why, **_dated(here)},
        until=here.until,
    )


def _advised(tenant: Tenant, region: str, here: Permission) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.PASSED,
        reason="residency_advisory",
        template=(
            'warning: tenant "{tenant}" ({level}, {mode}) runs in {region}, '
            "which its residency does not allow: {why}"
        ),
        figures={**_figures(tenant, region, region), "why": here.why},
        remedy_template="with mode STRICT it would not run in {region}",
    )


def _redirected(tenant: Tenant, region: str, here: Permission, there: Permission) -> Ruling:
    return Ruling(
        rule=RULE,
        outcome=Outcome.REDIRECTED,
        reason="residency_redirect",
        template=(
            'tenant "{tenant}" ({level}, {mode}) may not run in {region}: {why}; '
            "it may run in {enforced_region}"
        ),
        figures={
            **_figures(tenant, region, tenant.primary_region),
            "why": here.why,
            **_dated(there),
        },
        until=there.until,
        remedy_template="run it in a cluster in {enforced_region}",
    )


def _denied(tenant: Tenant, region: str, here: Permission, there: Permission | None) -> Ruling:
    if there is None or tenant.primary_region == region:
        elsewhere = "no other primary_region is stated"
    else:
        elsewhere = f"nor in its primary_region {tenant.primary_region}: {there.why}"
    return Ruling(
        rule=RULE,
        outcome=Outcome.DENIED,
        reason="residency_denied",
        template='tenant "{tenant}" ({level}, {mode}) may not run in {region}: {why}; {elsewhere}',
        figures={**_figures(tenant, region, None), "why": here.why, "elsewhere": elsewhere},
        remedy_template=(
            "run it in a region that {level} allows, "
            "or state such a one as its primary_region in gdpr-residency-overrides.yaml"
        ),
    )


def _figures(tenant: Tenant, region: str, enforced_region: str | None) -> dict[str, object]:
    return {
        "tenant": tenant.name,
        "level": tenant.level.value,
        "mode": tenant.mode.value,
        "region": region,
        "enforced_region": enforced_region,
    }


def _dated(granted: Permission) -> dict[str, object]:
    return {} if granted.until is None else {"adequate_until": granted.until}
