"""Whose work a trigger's is: the tenant that it names, or the one bound to its namespace."""

from collections.abc import Iterable, Mapping

from carbon_scaler.domain.regions import Catalog, CloudRegion
from carbon_scaler.domain.residency import Residency, Tenant
from carbon_scaler.domain.trigger import Tenancy, Trigger, quoted

# The names of those that are there are not told: who asks may be anybody.
UNKNOWN = "gdpr-residency-overrides.yaml has no such tenant"


def tenancy_of(
    trigger: Trigger, residency: Residency, catalog: Catalog, regions: Iterable[str]
) -> Tenancy | None:
    """Whose work it is; None: nobody's. `regions` are those that may have to be judged."""
    bound = residency.bound.get(trigger.namespace)
    name = bound if trigger.tenant is None else trigger.tenant
    if name is None:
        return None
    tenant, refusal = _tenant(name, bound, trigger.namespace, residency)
    primary = () if tenant is None or tenant.primary_region is None else (tenant.primary_region,)
    return Tenancy(
        tenant_name=name,
        origin=f"namespace {trigger.namespace}" if trigger.tenant is None else "trigger",
        tenant=tenant,
        refusal=refusal,
        places=_places((*regions, *primary), catalog),
        adequacy=residency.adequacy,
    )


def is_unknown(tenancy: Tenancy) -> bool:
    """Whether it was refused because the policy does not know the tenant."""
    return tenancy.refusal == UNKNOWN


def _tenant(
    name: str, bound: str | None, namespace: str, residency: Residency
) -> tuple[Tenant | None, str | None]:
    """The tenant, or why it is not this namespace's to name."""
    if bound is not None and bound != name:
        return None, f"namespace {quoted(namespace)} is bound to tenant {quoted(bound)}"
    tenant = residency.tenants.get(name)
    if tenant is None:
        return None, UNKNOWN
    if tenant.namespaces and namespace not in tenant.namespaces:
        return None, f"the tenant is bound to other namespaces than {quoted(namespace)}"
    return tenant, None


def _places(names: Iterable[str], catalog: Catalog) -> Mapping[str, CloudRegion]:
    return {name: catalog[name] for name in names if name in catalog}
