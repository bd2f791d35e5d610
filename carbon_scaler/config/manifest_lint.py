"""What in a manifest keeps its trigger from doing what its author wants."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from carbon_scaler.config.manifest import (
    SCALED_JOB,
    SCALED_OBJECT,
    Manifest,
    is_ours,
    mapping,
    text_of,
)
from carbon_scaler.config.manifest_findings import Finding, Severity, Subject, error, warning
from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.domain.suggestions import did_you_mean
from carbon_scaler.domain.trigger import Mode, Plan, quoted

KNOWN_SPEC_KEYS: Mapping[str, frozenset[str]] = {
    SCALED_JOB: frozenset(
        [
            "jobTargetRef",
            "pollingInterval",
            "successfulJobsHistoryLimit",
            "failedJobsHistoryLimit",
            "envSourceContainerName",
            "minReplicaCount",
            "maxReplicaCount",
            "rollout",
            "rolloutStrategy",
            "scalingStrategy",
            "triggers",
        ]
    ),
    SCALED_OBJECT: frozenset(
        [
            "scaleTargetRef",
            "pollingInterval",
            "initialCooldownPeriod",
            "cooldownPeriod",
            "idleReplicaCount",
            "minReplicaCount",
            "maxReplicaCount",
            "fallback",
            "advanced",
            "triggers",
        ]
    ),
}
KNOWN_TRIGGER_KEYS = frozenset(
    ["type", "name", "metadata", "authenticationRef", "useCachedMetrics", "metricType"]
)
ADDRESSES = frozenset({"scalerAddress", "scalerAddressFromEnv"})
DEFAULT_POLLING = timedelta(seconds=30)
LONGEST_POLLING_SECONDS = 366 * 86_400


Check = Callable[[Subject], Iterator[Finding]]


def lint(manifest: Manifest, plan: Plan | None, items: Items | None = None) -> tuple[Finding, ...]:
    """All findings, errors first; without a plan only what the manifest itself shows."""
    subject = Subject(manifest=manifest, plan=plan, items=items)
    found = [finding for check in CHECKS for finding in check(subject)]
    return tuple(sorted(found, key=lambda each: each.severity is not Severity.ERROR))


def _unknown_keys(subject: Subject) -> Iterator[Finding]:
    manifest = subject.manifest
    yield from _unknown("spec", manifest.spec, KNOWN_SPEC_KEYS[manifest.kind])
    for trigger in manifest.triggers:
        if is_ours(trigger):
            yield from _unknown("spec.triggers", trigger, KNOWN_TRIGGER_KEYS)


def _unknown(where: str, given: Iterable[object], known: frozenset[str]) -> Iterator[Finding]:
    for key in sorted(str(each) for each in given):
        if key not in known:
            meant = did_you_mean(key, known)
            hint = f'did you mean "{meant}"?' if meant else f"known: {', '.join(sorted(known))}"
            name = quoted(key)[1:-1]
            yield warning(f"{where}.{name}", f"unknown key, KEDA ignores or refuses it; {hint}")


def _address(subject: Subject) -> Iterator[Finding]:
    if not ADDRESSES & mapping(subject.manifest.trigger.get("metadata")).keys():
        yield error(
            "spec.triggers.metadata.scalerAddress",
            "missing, so KEDA refuses the trigger; write HOST:6000, like "
            "carbon-scaler.carbon-scaler.svc.cluster.local:6000",
        )


def _strings(subject: Subject) -> Iterator[Finding]:
    for key, value in mapping(subject.manifest.trigger.get("metadata")).items():
        if not isinstance(value, str):
            yield error(
                f"spec.triggers.metadata.{quoted(str(key))[1:-1]}",
                f"{quoted(text_of(value))[1:-1] or 'nothing'} is no text, so Kubernetes refuses the manifest; put it in quotes",
            )


def _from_elsewhere(subject: Subject) -> Iterator[Finding]:
    for key in sorted(set(subject.manifest.unresolved) - ADDRESSES):
        yield warning(
            f"spec.triggers.metadata.{quoted(key)[1:-1]}",
            "its value is known in the cluster only, so it is left out here; ask with "
            "key=value instead of --scaledjob to see its effect",
        )


def _type(subject: Subject) -> Iterator[Finding]:
    if subject.manifest.trigger.get("type") == "external":
        return
    because = (
        "KEDA throws its pushes away on a ScaledJob"
        if subject.manifest.kind == SCALED_JOB
        else "a push jumps the formula in scalingModifiers"
    )
    yield warning("spec.triggers.type", f"external-push: {because}; write external")


def _several(subject: Subject) -> Iterator[Finding]:
    ours = [each for each in subject.manifest.triggers if is_ours(each)]
    if len(ours) > 1:
        yield warning(
            "spec.triggers",
            f"{len(ours)} triggers of ours: KEDA combines them by its own rules, and the first "
            "alone is explained here; one trigger knows demand, carbon and law together",
        )
    if subject.manifest.beside:
        names = ", ".join(subject.manifest.beside)
        yield warning(
            "metadata.name",
            f'the file holds more objects with an external trigger ({names}); "'
            f'{subject.manifest.name}" is explained, --name chooses another',
        )


def _kind(subject: Subject) -> Iterator[Finding]:
    """Each mode has the one kind of object that it works on."""
    kind, mode = subject.manifest.kind, subject.mode
    if kind == SCALED_OBJECT and mode is Mode.BRAKE:
        yield error(
            "spec.triggers.metadata.mode",
            "a brake has target 0, which the HPA of a ScaledObject refuses; use mode gate with "
            "advanced.scalingModifiers.formula",
        )
    if kind == SCALED_OBJECT and mode is Mode.QUEUE:
        yield warning(
            "spec.triggers.metadata.mode",
            "a queue counts starts of Jobs, an HPA ends pods at work when the count falls; use a "
            "ScaledJob, or mode gate with advanced.scalingModifiers.formula",
        )
    if kind == SCALED_JOB and mode is Mode.GATE:
        yield error(
            "spec.triggers.metadata.mode",
            "a gate needs a formula, which a ScaledJob has not; use mode queue, or mode brake "
            "beside the queue trigger that it keeps",
        )


def _brake(subject: Subject) -> Iterator[Finding]:
    if subject.manifest.kind != SCALED_JOB or subject.mode is not Mode.BRAKE:
        return
    if _scaling(subject).get("multipleScalersCalculation") != "min":
        yield error(
            "spec.scalingStrategy.multipleScalersCalculation",
            "without min KEDA takes the larger trigger, the queue, and the brake holds nothing; "
            "write multipleScalersCalculation: min",
        )
    if len(subject.manifest.triggers) == 1:
        yield error(
            "spec.triggers",
            "a brake alone never starts a Job: it only holds back another trigger; keep the queue "
            "trigger beside it, or use mode queue",
        )


def _gate(subject: Subject) -> Iterator[Finding]:
    if subject.manifest.kind != SCALED_OBJECT or subject.mode is not Mode.GATE:
        return
    modifiers = mapping(mapping(subject.manifest.spec.get("advanced")).get("scalingModifiers"))
    formula, name = text_of(modifiers.get("formula")), text_of(subject.manifest.trigger.get("name"))
    key = "spec.advanced.scalingModifiers.formula"
    if not formula:
        yield error(
            key,
            "missing: the HPA would take the larger of the triggers and the gate closes nothing; "
            "write a formula like carbon * queue, and a target",
        )
    elif not name:
        yield error("spec.triggers.name", "missing: a formula knows triggers by their name only")
    elif name not in formula:
        yield warning(key, f"does not use {quoted(name)}, so the gate has no effect")


def _strategy(subject: Subject) -> Iterator[Finding]:
    if subject.manifest.kind != SCALED_JOB or subject.mode is not Mode.QUEUE:
        return
    stated = text_of(_scaling(subject).get("strategy")) or "default"
    if subject.items is None:
        return
    counts = subject.items.counts_in_progress
    right = "default" if counts else "accurate"
    if stated == right:
        return
    consequence = (
        "the backlog's query yields started_at, so the value counts items in progress, and only "
        "default subtracts the Jobs that run for them: others start Jobs twice"
        if counts
        else "the backlog's query yields no started_at, so the value counts waiting items only: "
        "default subtracts running Jobs as well and starves the queue"
    )
    yield error(
        "spec.scalingStrategy.strategy", f"{quoted(stated)[1:-1]}: {consequence}; write {right}"
    )


def _replicas(subject: Subject) -> Iterator[Finding]:
    least = subject.manifest.spec.get("minReplicaCount")
    if not isinstance(least, int) or least <= 0:
        return
    jobs = subject.manifest.kind == SCALED_JOB
    if jobs or subject.mode in (Mode.QUEUE, Mode.GATE):
        yield warning(
            "spec.minReplicaCount",
            f"KEDA keeps {least} {'Jobs' if jobs else 'replicas'} whatever is answered, dirty grid "
            "or not; leave it out",
        )


def _timing(subject: Subject) -> Iterator[Finding]:
    if (plan := subject.plan) is None:
        return
    polling, settings = _polling(subject.manifest), plan.settings
    if settings.lead < polling:
        yield warning(
            "spec.pollingInterval",
            f"KEDA asks every {format_duration(polling)} and the lead is "
            f"{format_duration(settings.lead)}, so work may start after its latest start; write "
            f"lead: {format_duration(polling)} or more, or ask more often",
        )
    limit = mapping(subject.manifest.spec.get("jobTargetRef")).get("activeDeadlineSeconds")
    if not isinstance(limit, int) or (
        plan.pulses and plan.origins.get("job_duration") == "default"
    ):
        return
    if timedelta(seconds=limit) < settings.job_duration:
        yield warning(
            "spec.jobTargetRef.activeDeadlineSeconds",
            f"Kubernetes ends a Job after {limit} s, and jobDuration is "
            f"{format_duration(settings.job_duration)}; raise the one or lower the other",
        )


def _scaling(subject: Subject) -> dict[str, Any]:
    return mapping(subject.manifest.spec.get("scalingStrategy"))


def _polling(manifest: Manifest) -> timedelta:
    stated = manifest.spec.get("pollingInterval")
    if isinstance(stated, int) and 0 < stated <= LONGEST_POLLING_SECONDS:
        return timedelta(seconds=stated)
    return DEFAULT_POLLING


CHECKS: tuple[Check, ...] = (
    _address,
    _strings,
    _from_elsewhere,
    _type,
    _kind,
    _brake,
    _gate,
    _strategy,
    _several,
    _replicas,
    _timing,
    _unknown_keys,
)
