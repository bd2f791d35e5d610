"""Trigger and policy become a plan, once."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from typing import Any

from carbon_scaler.decisions.tenancy import tenancy_of
from carbon_scaler.domain.policy import (
    DEFAULT_CLASS,
    SETTING_NAMES,
    Policy,
    Settings,
    StatedSettings,
    Strategy,
    WhenBlind,
    WorkloadClass,
)
from carbon_scaler.domain.regions import Catalog, split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import HintTerms, Mode, Plan, Problem, Rejection, Trigger, quoted
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

AVAILABLE_MODES = (Mode.QUEUE, Mode.BRAKE, Mode.GATE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """What this server knows besides the policy."""

    default_region: str | None
    catalog: Catalog
    # Regions that have values, in the catalog or not.
    stored_regions: Collection[str]
    # Which namespaces may use a backlog; None is all of them.
    backlogs: Mapping[str, Collection[str] | None]


def resolve(trigger: Trigger, policy: Policy, around: Surroundings) -> Plan | Rejection:
    """Settle all that depends on neither time nor data, or say everything that is wrong."""
    region, mode = _region(trigger, around), _mode(trigger)
    class_name = trigger.workload_class or DEFAULT_CLASS
    workload_class = policy.classes.get(class_name)
    settings, origins = _effective(trigger, class_name, workload_class, policy)
    problems = (
        *trigger.problems,
        *_region_problems(trigger, region, around),
        *_mode_problems(trigger, mode),
        *_backlog_problems(trigger, mode, around),
        *_class_problems(trigger, policy),
        *_settings_problems(settings, origins, mode),
    )
    if problems or region is None or mode is None or workload_class is None:
        return Rejection(
            namespace=trigger.namespace,
            name=trigger.name,
            problems=problems,
            warnings=trigger.warnings,
        )
    candidates = (*workload_class.preferred_regions, *workload_class.fallback_regions)
    return Plan(
        namespace=trigger.namespace,
        name=trigger.name,
        region=region,
        mode=mode,
        workload_class=class_name,
        urgent=workload_class.urgent,
        shadow=trigger.shadow,
        backlog=trigger.backlog if mode is Mode.QUEUE else None,
        items_per_job=trigger.items_per_job,
        max_jobs=trigger.max_jobs,
        settings=settings,
        origins={**origins, "region": "trigger" if trigger.region else "server"},
        policy_version=policy.version,
        enabled=policy.enabled,
        tenancy=tenancy_of(trigger, policy.residency, around.catalog, (region, *candidates)),
        hint_terms=_hint_terms(workload_class, region, policy, around.catalog),
        windows=_windows(region, policy, around.catalog),
        service=trigger.service,
        budget=None if trigger.service is None else policy.budgets.get(trigger.service),
        bands=policy.bands,
        classification=policy.classification,
        warnings=(*trigger.warnings, *_warnings(trigger, mode)),
    )


def _effective(
    trigger: Trigger, class_name: str, workload_class: WorkloadClass | None, policy: Policy
) -> tuple[Settings, dict[str, str]]:
    """The settings in force and who states each; an unknown class states none."""
    layers = {"trigger": trigger.stated}
    if workload_class is not None:
        layers[f"class {class_name}"] = workload_class.stated
    settings, origins = _settings({**layers, "default": policy.defaults})
    if not policy.time_shift.enabled:
        settings = replace(settings, strategy=Strategy.THRESHOLD)
        origins["strategy"] = "time-shift-policies.yaml"
    return settings, origins


def _hint_terms(
    workload_class: WorkloadClass, region: str, policy: Policy, catalog: Catalog
) -> HintTerms | None:
    candidates = (*workload_class.preferred_regions, *workload_class.fallback_regions)
    if not candidates:
        return None
    known = {name: catalog[name] for name in (region, *candidates) if name in catalog}
    return HintTerms(
        preferred=workload_class.preferred_regions,
        fallback=workload_class.fallback_regions,
        weights=policy.weights,
        costs={name: each.cost_multiplier for name, each in known.items()},
    )


def _windows(region: str, policy: Policy, catalog: Catalog) -> tuple[TimeWindow, ...]:
    """Those that change something in this region, each by a clock of its own."""
    if not policy.time_shift.enabled:
        return ()
    place = catalog.get(region)
    own: tuple[TimeWindow, ...] = () if place is None else place.clean_hours
    zone = UTC if place is None else place.timezone
    stated = [
        window
        for window in (*policy.time_shift.windows, *own)
        if (not window.regions or region in window.regions)
        and (window.effect is WindowEffect.FORBID or window.bonus_percent > 0)
    ]
    return tuple(
        replace(window, timezone=window.timezone or zone)
        for window in sorted(stated, key=lambda each: each.priority)
    )


def _region(trigger: Trigger, around: Surroundings) -> str | None:
    written = trigger.region or around.default_region
    return None if written is None else split_region(written)[1]


def _region_problems(
    trigger: Trigger, region: str | None, around: Surroundings
) -> Iterator[Problem]:
    if _is_noted("region", trigger):
        return
    if region is None:
        yield Problem(
            key="region",
            said=None,
            allowed="name the cloud region of this cluster, or set CARBON_SCALER_REGION",
        )
    elif region not in around.catalog and region not in around.stored_regions:
        names = {*around.catalog, *around.stored_regions}
        yield Problem(
            key="region", said=trigger.region or region, allowed=allowed_names(region, names)
        )
    else:
        yield from _provider_problems(trigger.region or region, region, around)
    others = [name for name in trigger.regions if split_region(name)[1] != region]
    if others and region is not None:
        yield Problem(
            key="regions",
            said=",".join(trigger.regions),
            allowed=f"this version can't choose between regions; leave it out, or name only {region}",
        )


def _provider_problems(written: str, region: str, around: Surroundings) -> Iterator[Problem]:
    provider = split_region(written)[0]
    known = around.catalog.get(region)
    if provider and known and provider != known.provider:
        yield Problem(
            key="region", said=written, allowed=f"{region} is a region of {known.provider}"
        )


def _mode(trigger: Trigger) -> Mode | None:
    if trigger.mode is not None:
        return trigger.mode
    names_backlog = trigger.backlog is not None or _is_noted("backlog", trigger)
    return Mode.QUEUE if names_backlog else None


def _mode_problems(trigger: Trigger, mode: Mode | None) -> Iterator[Problem]:
    if _is_noted("mode", trigger):
        return
    available = " or ".join(AVAILABLE_MODES)
    if mode is None:
        yield Problem(
            key="mode", said=None, allowed=f"choose {available} (queue also needs a backlog)"
        )
    elif mode not in AVAILABLE_MODES:
        yield Problem(
            key="mode", said=mode, allowed=f"this version does not have it; choose {available}"
        )


def _backlog_problems(
    trigger: Trigger, mode: Mode | None, around: Surroundings
) -> Iterator[Problem]:
    if mode is not Mode.QUEUE or _is_noted("backlog", trigger):
        return
    mine = [
        name
        for name, namespaces in around.backlogs.items()
        if namespaces is None or trigger.namespace in namespaces
    ]
    where = f"for namespace {quoted(trigger.namespace)}, from backlogs.yaml: "
    if trigger.backlog is None:
        yield Problem(
            key="backlog",
            said=None,
            allowed="mode queue needs one " + where + allowed_names(None, mine),
        )
    elif trigger.backlog not in mine:
        yield Problem(
            key="backlog",
            said=trigger.backlog,
            allowed=where + allowed_names(trigger.backlog, mine),
        )


def _class_problems(trigger: Trigger, policy: Policy) -> Iterator[Problem]:
    name = trigger.workload_class
    if name is not None and name not in policy.classes:
        yield Problem(key="workloadClass", said=name, allowed=allowed_names(name, policy.classes))


def _settings(layers: Mapping[str, StatedSettings]) -> tuple[Settings, dict[str, str]]:
    """The first layer that states a setting gives it."""
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in SETTING_NAMES:
        stated = {origin: getattr(layer, name) for origin, layer in layers.items()}
        origins[name] = next((o for o, value in stated.items() if value is not None), "default")
        values[name] = stated[origins[name]]
    if values["release"] is None:
        values["release"] = max(2 * values["lead"], timedelta(minutes=5))
    return Settings(**values), origins


def _settings_problems(
    settings: Settings, origins: Mapping[str, str], mode: Mode | None
) -> Iterator[Problem]:
    if (
        mode is Mode.BRAKE
        and settings.when_blind is WhenBlind.ERROR
        and origins["when_blind"] == "trigger"
    ):
        yield Problem(
            key="whenBlind",
            said="error",
            allowed="a brake that errors is dropped by KEDA and holds nothing; choose open or closed",
        )


def _warnings(trigger: Trigger, mode: Mode) -> Iterator[str]:
    if mode is not Mode.QUEUE and trigger.backlog is not None:
        yield f"backlog: a {mode} reads none; use mode queue to count items"


def _is_noted(key: str, trigger: Trigger) -> bool:
    return any(problem.key == key for problem in trigger.problems)
