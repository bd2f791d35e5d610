"""The merged policy as a document: each part with where it comes from; pure."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from carbon_scaler.decisions.policy_terms import LIMIT_OF
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.bands import Bands
from carbon_scaler.domain.policy import BUILT_IN_POLICY, SETTING_NAMES, Policy, WorkloadClass
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.residency import Tenant
from carbon_scaler.domain.trigger import Mode, Plan, Trigger
from carbon_scaler.domain.windows import TimeWindow

BUILT_IN = "built-in"
BANDS = "carbon-thresholds.yaml"
BUDGETS = "carbon-budgets.yaml"
CLASSES = "workload-policies.yaml"
RESIDENCY = "gdpr-residency-overrides.yaml"
SCHEDULER = "scheduler-config.yaml"
WINDOWS = "time-shift-policies.yaml"

_DAY_MINUTES = 24 * 60


def policy_view(policy: Policy, catalog: Catalog) -> dict[str, Any]:
    """All that decides; what no document changed is built in."""
    built_in, residency = BUILT_IN_POLICY, policy.residency
    shift = policy.time_shift
    return {
        "version": policy.version,
        "enabled": _part(policy.enabled, built_in.enabled, SCHEDULER),
        "defaults": _defaults(policy),
        "classes": {
            name: _class(name, each, policy, catalog) for name, each in policy.classes.items()
        },
        "bands": _table(policy.bands, built_in.bands),
        "classification": _table(policy.classification, built_in.classification),
        "time_shift": _part(shift.enabled, built_in.time_shift.enabled, WINDOWS),
        "windows": [_from(WINDOWS, _window(each)) for each in shift.windows],
        "tenants": {
            name: _from(RESIDENCY, _tenant(each)) for name, each in residency.tenants.items()
        },
        "adequacy": _part(
            {region: str(until) for region, until in residency.adequacy.items()},
            {region: str(until) for region, until in built_in.residency.adequacy.items()},
            RESIDENCY,
        ),
        "budgets": {
            name: _from(BUDGETS, {**asdict(each), "exempt_classes": sorted(each.exempt_classes)})
            for name, each in policy.budgets.items()
        },
        "weights": _part(asdict(policy.weights), asdict(built_in.weights), SCHEDULER),
    }


def _part(value: object, built_in: object, document: str) -> dict[str, object]:
    return {"value": value, "origin": BUILT_IN if value == built_in else document}


def _from(document: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {**entry, "origin": document}


def _table(bands: Bands, built_in: Bands) -> dict[str, object]:
    return _part([asdict(band) for band in bands], [asdict(band) for band in built_in], BANDS)


def _defaults(policy: Policy) -> dict[str, Any]:
    return {
        name: _part(
            getattr(policy.defaults, name), getattr(BUILT_IN_POLICY.defaults, name), SCHEDULER
        )
        for name in SETTING_NAMES
    }


def _class(name: str, each: WorkloadClass, policy: Policy, catalog: Catalog) -> dict[str, Any]:
    """Its settings are those that a trigger of this class which states none gets."""
    built_in = BUILT_IN_POLICY.classes.get(name)
    plan = _plan(name, policy, catalog)
    return {
        "origin": BUILT_IN if each == built_in else CLASSES,
        "urgent": each.urgent,
        "preferred_regions": list(each.preferred_regions),
        "fallback_regions": list(each.fallback_regions),
        "settings": {
            setting: {
                "value": getattr(plan.settings, setting),
                "origin": _origin(setting, plan.origins[setting], each, built_in, policy=policy),
            }
            for setting in SETTING_NAMES
        },
    }


def _plan(name: str, policy: Policy, catalog: Catalog) -> Plan:
    around = Surroundings(default_region=None, catalog=catalog, stored_regions=(), backlogs={})
    trigger = Trigger(
        namespace="", name=name, region=next(iter(catalog)), workload_class=name, mode=Mode.GATE
    )
    plan = resolve(trigger, policy, around)
    # A gate that states nothing but a class and a known region has nothing that could be refused.
    assert isinstance(plan, Plan)  # noqa: S101
    return plan


def _origin(
    setting: str,
    origin: str,
    each: WorkloadClass,
    built_in: WorkloadClass | None,
    *,
    policy: Policy,
) -> str:
    """Who gave a value: what stands in a document as it is built in changes nothing."""
    if origin == "default":
        stated, before, document = policy.defaults, BUILT_IN_POLICY.defaults, SCHEDULER
    elif origin == WINDOWS:
        return WINDOWS
    elif origin.startswith(LIMIT_OF):
        return SCHEDULER if origin == LIMIT_OF + "default" else CLASSES
    elif built_in is None:
        return CLASSES
    else:
        stated, before, document = each.stated, built_in.stated, CLASSES
    return BUILT_IN if getattr(stated, setting) == getattr(before, setting) else document


def _window(window: TimeWindow) -> dict[str, Any]:
    return {
        "name": window.name,
        "hours": f"{_clock(window.begins)}-{_clock(window.ends)}",
        "timezone": "region" if window.timezone is None else str(window.timezone),
        "effect": window.effect,
        "priority": window.priority,
        "bonus_percent": window.bonus_percent,
        "regions": sorted(window.regions),
    }


def _clock(after_midnight: timedelta) -> str:
    """HH:MM; an end at midnight is 24:00, one on the next day is told as its time of day."""
    minutes = after_midnight // timedelta(minutes=1)
    minutes = minutes if minutes <= _DAY_MINUTES else minutes - _DAY_MINUTES
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _tenant(tenant: Tenant) -> dict[str, Any]:
    allowed = tenant.allowed_regions
    return {
        "level": tenant.level,
        "mode": tenant.mode,
        "namespaces": sorted(tenant.namespaces),
        "primary_region": tenant.primary_region,
        "allowed_regions": None if allowed is None else sorted(allowed),
    }
