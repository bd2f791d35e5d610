"""A plan told again as the metadata that it was made from."""

from collections.abc import Iterator
from datetime import timedelta
from enum import Enum

from carbon_scaler.domain.curves import Curve
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.policy import SETTING_NAMES
from carbon_scaler.domain.trigger import Plan

STATED = "trigger"


def metadata_of(plan: Plan) -> dict[str, str]:
    """What a trigger says that resolves to this plan, under the same policy and on the same server.

    Unknown keys, and keys without effect in its mode, are not told again.
    """
    stated = {metadata_key(name): _text(value) for name, value in _settings(plan)}
    return {**{key: _text(value) for key, value in _subject(plan) if value is not None}, **stated}


def _subject(plan: Plan) -> Iterator[tuple[str, object]]:
    tenancy = plan.tenancy
    yield "mode", plan.mode
    yield "workloadClass", plan.workload_class
    yield "region", plan.region if plan.origins.get("region") == STATED else None
    yield "regions", None if plan.shared is None else ",".join(plan.shared.regions)
    yield "tenant", tenancy.tenant_name if tenancy and tenancy.origin == STATED else None
    yield "service", plan.service
    yield "backlog", plan.backlog
    yield "itemsPerJob", plan.items_per_job
    yield "maxJobs", plan.max_jobs
    yield "shadow", plan.shadow or None


def _settings(plan: Plan) -> Iterator[tuple[str, object]]:
    for name in SETTING_NAMES:
        if plan.origins.get(name) == STATED:
            yield name, getattr(plan.settings, name)


def metadata_key(setting: str) -> str:
    """What metadata call a setting: `max_delay` is `maxDelay`."""
    first, *rest = setting.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _text(value: object) -> str:
    """Exactly, where the form for people rounds."""
    match value:
        case bool():
            return str(value).lower()
        case timedelta():
            return _duration(value)
        case Curve():
            return ",".join(f"{_decimal(grams)}:{_decimal(level)}" for grams, level in value.points)
        case Enum():
            return str(value.value)
        case _:
            return str(value)


def _duration(value: timedelta) -> str:
    if not value.microseconds:
        return format_duration(value)
    return f"PT{value // timedelta(seconds=1)}.{value.microseconds:06}S"


def _decimal(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")
