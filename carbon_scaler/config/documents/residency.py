"""gdpr-residency-overrides.yaml: the tenants, and where the work of each may run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.config.documents.adequacy import ALLOWED as ADEQUACY_ALLOWED
from carbon_scaler.config.documents.adequacy import AdequacyModel, ended, read_adequacy
from carbon_scaler.config.documents.words import (
    check_name,
    check_words,
    refusal,
    region_named,
)
from carbon_scaler.config.yaml_document import KeyPath, YamlDocument
from carbon_scaler.config.yaml_schema import StatingModel, dotted, read_whole
from carbon_scaler.decisions.residency import Permission, permission
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.residency import (
    BUILT_IN_ADEQUACY,
    Adequacy,
    Enforcement,
    Level,
    Residency,
    Tenant,
)
from carbon_scaler.domain.suggestions import allowed_names

_NAMESPACE = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
_BEFORE_ANY_END = datetime.min.replace(tzinfo=UTC)


class TenantModel(StatingModel):
    """One tenant as it is written."""

    level: Literal["EU_STRICT", "EU_ADEQUATE", "US_ONLY", "GLOBAL", "SINGLE_REGION"]
    mode: Literal["STRICT", "ADVISORY", "DISABLED"] = "STRICT"
    namespaces: list[Annotated[str, Field(pattern=_NAMESPACE)]] = Field(
        default_factory=list, min_length=1
    )
    primary_region: str | None = None
    allowed_regions: Annotated[list[str], Field(min_length=1)] | None = None


class ResidencyModel(StatingModel):
    """The whole document."""

    tenants: dict[str, TenantModel] = Field(default_factory=dict)
    adequacy: list[AdequacyModel] | None = None


ALLOWED: Mapping[str, str] = {
    **ADEQUACY_ALLOWED,
    "tenants": "a mapping of NAME: {level: …}",
    "adequacy": "a list of {region: …, until: YYYY-MM-DD}",
    "level": f"one of {', '.join(Level)}",
    "mode": f"one of {', '.join(Enforcement)}",
    "namespaces": "a list of the namespaces that are bound to it; leave it out if any may name it",
    "primary_region": "a cloud region like eu-central-1",
    "allowed_regions": "a list of cloud regions; leave it out for all that the level allows",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidencyDocument:
    """What the document says, and what its author should know."""

    residency: Residency
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Law:
    """What the levels mean while every adequacy entry is in force."""

    catalog: Catalog
    adequacy: Adequacy

    def permission(self, tenant: Tenant, name: str) -> Permission:
        return permission(tenant, name, self.catalog[name], self.adequacy, now=_BEFORE_ANY_END)

    def permitted(self, tenant: Tenant) -> list[str]:
        return [name for name in self.catalog if self.permission(tenant, name).allowed]


def read_residency(
    document: YamlDocument, catalog: Catalog, *, today: date | None = None
) -> ResidencyDocument:
    """All tenants; `today`, the present day unless it is given, only tells what has ended."""
    check_words(document, "tenants", {"level": list(Level), "mode": list(Enforcement)})
    written = read_whole(ResidencyModel, document, allowed=ALLOWED)
    adequacy = BUILT_IN_ADEQUACY
    if written.adequacy is not None:
        adequacy = read_adequacy(document, written.adequacy, catalog)
    law = _Law(catalog=catalog, adequacy=adequacy)
    tenants = {name: _tenant(document, name, each, law) for name, each in written.tenants.items()}
    warnings = [text for tenant in tenants.values() for text in _warnings(tenant, law)]
    if written.adequacy is not None or _any_adequate(tenants):
        warnings += ended(adequacy, today or SystemClock().now().date())
    return ResidencyDocument(
        residency=Residency(
            tenants=MappingProxyType(tenants), bound=_bound(document, tenants), adequacy=adequacy
        ),
        warnings=tuple(f"{document.file.name}: {text}" for text in warnings),
    )


def _any_adequate(tenants: Mapping[str, Tenant]) -> bool:
    return any(tenant.level is Level.EU_ADEQUATE for tenant in tenants.values())


def _tenant(document: YamlDocument, name: str, written: TenantModel, law: _Law) -> Tenant:
    path = ("tenants", name)
    check_name(document, path)
    tenant = Tenant(
        name=name,
        level=Level(written.level),
        mode=Enforcement(written.mode),
        namespaces=frozenset(written.namespaces),
        primary_region=_primary(document, (*path, "primary_region"), written, law.catalog),
        allowed_regions=_allowed(document, (*path, "allowed_regions"), written, law.catalog),
    )
    _check_primary(document, (*path, "primary_region"), tenant, law)
    return tenant


def _primary(
    document: YamlDocument, path: KeyPath, written: TenantModel, catalog: Catalog
) -> str | None:
    if written.primary_region is not None:
        return region_named(document, path, written.primary_region, catalog)
    if written.level == "SINGLE_REGION":
        raise document.error(path, f"{dotted(path)}: is missing; SINGLE_REGION needs its region")
    return None


def _allowed(
    document: YamlDocument, path: KeyPath, written: TenantModel, catalog: Catalog
) -> frozenset[str] | None:
    if written.allowed_regions is None:
        return None
    return frozenset(
        region_named(document, (*path, index), text, catalog)
        for index, text in enumerate(written.allowed_regions)
    )


def _check_primary(document: YamlDocument, path: KeyPath, tenant: Tenant, law: _Law) -> None:
    primary = tenant.primary_region
    if primary is None:
        return
    ruling = law.permission(tenant, primary)
    if not ruling.allowed:
        allowed = allowed_names(primary, law.permitted(tenant))
        raise refusal(document, path, primary, f"{ruling.why}; {allowed}")


def _bound(document: YamlDocument, tenants: Mapping[str, Tenant]) -> Mapping[str, str]:
    bound: dict[str, str] = {}
    for tenant in tenants.values():
        for namespace in sorted(tenant.namespaces):
            first = bound.setdefault(namespace, tenant.name)
            if first != tenant.name:
                raise refusal(
                    document,
                    ("tenants", tenant.name, "namespaces"),
                    namespace,
                    f"it is bound to tenant {first}; a namespace belongs to one tenant",
                )
    return MappingProxyType(bound)


def _warnings(tenant: Tenant, law: _Law) -> Iterator[str]:
    for name in sorted(tenant.allowed_regions or ()):
        ruling = law.permission(tenant, name)
        if not ruling.allowed:
            yield f"tenants.{tenant.name}.allowed_regions: {name} stays denied: {ruling.why}"
