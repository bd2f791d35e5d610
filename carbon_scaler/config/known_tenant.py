"""The tenant that an option names."""

from collections.abc import Mapping

from carbon_scaler.config.settings import SettingsError
from carbon_scaler.domain.residency import Tenant
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted


def known_tenant(name: str | None, tenants: Mapping[str, Tenant]) -> Tenant | None:
    """None: no tenant is named."""
    if name is None:
        return None
    if name not in tenants:
        raise SettingsError(
            f"--tenant: gdpr-residency-overrides.yaml has no tenant {quoted(name)}; "
            f"{allowed_names(name, tenants)}"
        )
    return tenants[name]
