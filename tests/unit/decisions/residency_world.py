"""Tenants, and plans whose work is theirs, over the shipped regions."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.decisions.tenancy import tenancy_of
from carbon_scaler.domain.residency import BUILT_IN_ADEQUACY, Level, Residency, Tenant
from carbon_scaler.domain.trigger import Mode, Plan, Tenancy
from tests.builders import a_plan, a_trigger

CATALOG = load_catalog()
LONDON_ENDS = date(2031, 12, 27)


def a_tenant(level: Level = Level.EU_STRICT, **stated: Any) -> Tenant:
    return Tenant(**{"name": "acme", "level": level, **stated})


def a_tenancy(
    tenant: Tenant | None = None,
    *,
    named: str = "acme",
    namespace: str = "batch",
    regions: Iterable[str] = CATALOG,
    adequacy: dict[str, date] | None = None,
) -> Tenancy:
    """As a trigger that names it gets it; without a tenant the policy knows none."""
    residency = Residency(
        tenants={} if tenant is None else {tenant.name: tenant},
        bound={} if tenant is None else dict.fromkeys(tenant.namespaces, tenant.name),
        adequacy=BUILT_IN_ADEQUACY if adequacy is None else adequacy,
    )
    trigger = a_trigger(namespace=namespace, tenant=named)
    tenancy = tenancy_of(trigger, residency, CATALOG, regions)
    assert tenancy is not None
    return tenancy


def a_tenants_plan(
    tenant: Tenant | None, region: str, mode: Mode = Mode.QUEUE, **stated: Any
) -> Plan:
    return replace(a_plan(mode, region=region, **stated), tenancy=a_tenancy(tenant))
