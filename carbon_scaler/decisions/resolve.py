"""Trigger and policy become a plan, once."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from carbon_scaler.decisions import sharing
from carbon_scaler.decisions.policy_terms import PolicyTerms
from carbon_scaler.decisions.tenancy import tenancy_of
from carbon_scaler.domain.policy import (
    DEFAULT_CLASS,
    Policy,
    Settings,
    WhenBlind,
    WorkloadClass,
)
from carbon_scaler.domain.regions import Catalog, split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import Mode, Plan, Problem, Rejection, Trigger, quoted

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


def resolve(
    trigger: Trigger, policy: Policy, around: Surroundings, *, terms: PolicyTerms | None = None
) -> Plan | Rejection:
    """Settle all that depends on neither time nor data, or say everything that is wrong.

    `terms` of this policy and catalog save working out anew what other triggers have in common.
    """
    terms = terms or PolicyTerms(policy, around.catalog)
    region, mode = _region(trigger, around), _mode(trigger)
    class_name = trigger.workload_class or DEFAULT_CLASS
    workload_class = policy.classes.get(class_name)
    settings, origins = terms.settings(class_name, trigger.stated)
    problems = (
        *trigger.problems,
        *_region_problems(trigger, region, around),
        *_mode_problems(trigger, mode),
        *_backlog_problems(trigger, mode, around),
        *_class_problems(trigger, policy),
        *_settings_problems(settings, origins, mode),
    )
    if problems or region is None or mode is None or workload_class is None:
        return _rejection(trigger, problems)
    places = _places(trigger, region, workload_class)
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
        tenancy=tenancy_of(trigger, policy.residency, around.catalog, places),
        hint_terms=terms.hint_terms(class_name, region),
        shared=sharing.shared_work(trigger, mode, policy, around.catalog),
        windows=terms.windows(region),
        service=trigger.service,
        budget=None if trigger.service is None else policy.budgets.get(trigger.service),
        bands=policy.bands,
        classification=policy.classification,
        warnings=(*trigger.warnings, *_warnings(trigger, mode, settings)),
    )


def _rejection(trigger: Trigger, problems: tuple[Problem, ...]) -> Rejection:
    return Rejection(
        namespace=trigger.namespace,
        name=trigger.name,
        problems=problems,
        warnings=trigger.warnings,
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
    if region is not None and not _is_noted("regions", trigger):
        yield from sharing.problems(trigger, region, around.catalog, around.stored_regions)


def _places(trigger: Trigger, region: str, workload_class: WorkloadClass) -> tuple[str, ...]:
    """All regions that residency may have to judge."""
    named = (*workload_class.preferred_regions, *workload_class.fallback_regions)
    return (region, *named, *sharing.listed_regions(trigger))


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


def _warnings(trigger: Trigger, mode: Mode, settings: Settings) -> Iterator[str]:
    yield from sharing.warnings(trigger, mode, settings)
    if mode is not Mode.QUEUE and trigger.backlog is not None:
        yield f"backlog: a {mode} reads none; use mode queue to count items"


def _is_noted(key: str, trigger: Trigger) -> bool:
    return any(problem.key == key for problem in trigger.problems)
