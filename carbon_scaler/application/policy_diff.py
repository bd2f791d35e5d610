"""Which answers another policy would have given on the grid's stored past; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.policy import Policy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Rejection, Trigger

Regions = Mapping[str, RegionSeries]

# Of the tenants that two policies see differently; each is tried in every region.
MOST_TENANTS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicyInPlace:
    """A policy, and what a server that has it knows besides."""

    policy: Policy
    around: Surroundings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretch:
    """A part of the past, and the grids as either policy sees them in it."""

    begins_at: datetime
    ends_at: datetime
    old: Regions
    new: Regions


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What KEDA is told, and why."""

    verdict: str
    reason: str
    level: float

    def __str__(self) -> str:
        share = f" {self.level:.0%}" if 0 < self.level < 1 else ""
        return f"{self.verdict}{share} ({self.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Half-open; throughout it both policies answer the same thing each."""

    begins_at: datetime
    ends_at: datetime
    old: Answer
    new: Answer

    @property
    def differs(self) -> bool:
        """Whether KEDA is told something else; another reason alone tells it nothing."""
        return (self.old.verdict, self.old.level) != (self.new.verdict, self.new.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One trigger as either policy resolves it."""

    trigger: Trigger
    label: str
    old: Plan | Rejection
    new: Plan | Rejection
    notes: tuple[str, ...] = ()

    @property
    def region(self) -> str | None:
        """Whose grid counts."""
        return next(
            (plan.region for plan in (self.old, self.new) if isinstance(plan, Plan)),
            self.trigger.region,
        )

    @property
    def alike(self) -> bool:
        """Whether both policies mean the same for it, so that no answer can differ."""
        return _unversioned(self.old) == _unversioned(self.new)

    @property
    def kind(self) -> str:
        """Equal for pairs that differ in the object's name alone, on which no answer depends."""
        return repr((_unnamed(self.old), _unnamed(self.new)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One trigger's answers over the whole time."""

    pair: Pair
    changes: tuple[Interval, ...]
    open_before: timedelta
    open_after: timedelta


def paired(trigger: Trigger, old: PolicyInPlace, new: PolicyInPlace, label: str) -> Pair:
    """The trigger as a level, because nothing is known of a backlog's past."""
    counted = _counts_items(trigger)
    compared = replace(trigger, mode=Mode.GATE, backlog=None) if counted else trigger
    return Pair(
        trigger=compared,
        label=label,
        old=resolve(compared, old.policy, old.around),
        new=resolve(compared, new.policy, new.around),
        notes=("compared as a gate: the past of its backlog is not known",) if counted else (),
    )


def every_case(old: PolicyInPlace, new: PolicyInPlace, regions: Iterable[str]) -> list[Pair]:
    """Each class, and each tenant that they see differently, in each region, as gates."""
    classes = sorted(old.policy.classes.keys() | new.policy.classes.keys())
    tenants = changed_tenants(old.policy, new.policy)[:MOST_TENANTS]
    pairs = []
    for region in sorted(regions):
        pairs += [
            paired(
                _gate(region, workload_class=name),
                old,
                new,
                f"class {name} in {region}",
            )
            for name in classes
        ]
        pairs += [
            paired(
                replace(_gate(region, tenant=name), namespace=namespace),
                old,
                new,
                f"tenant {name} in {region}",
            )
            for name, namespace in tenants
        ]
    return pairs


def changed_tenants(old: Policy, new: Policy) -> list[tuple[str, str]]:
    """Those seen differently, each with a namespace to ask from; all where the adequacy changes."""
    before, after = old.residency, new.residency
    adequate_alike = before.adequacy == after.adequacy
    changed = []
    for name in sorted(before.tenants.keys() | after.tenants.keys()):
        versions = before.tenants.get(name), after.tenants.get(name)
        if versions[0] != versions[1] or not adequate_alike:
            namespaces = {each for tenant in versions if tenant for each in tenant.namespaces}
            changed.append((name, min(namespaces, default="default")))
    return changed


def intervals(pair: Pair, stretch: Stretch) -> list[Interval]:
    """A stretch of the past, cut where time or data may change either answer."""
    found: list[Interval] = []
    now = stretch.begins_at
    while now < stretch.ends_at:
        old, old_until = _answer(pair.old, stretch.old, now)
        new, new_until = _answer(pair.new, stretch.new, now)
        later = (each for each in (old_until, new_until) if each is not None)
        ends_at = min((stretch.ends_at, *later))
        found.append(Interval(begins_at=now, ends_at=ends_at, old=old, new=new))
        now = ends_at
    return found


def joined(found: Iterable[Interval]) -> list[Interval]:
    """Neighbours with the same answers become one."""
    whole: list[Interval] = []
    for each in found:
        last = whole[-1] if whole else None
        if last and last.ends_at == each.begins_at and (last.old, last.new) == (each.old, each.new):
            whole[-1] = replace(last, ends_at=each.ends_at)
        else:
            whole.append(each)
    return whole


def comparison(pair: Pair, found: Sequence[Interval]) -> Comparison:
    """What differs, and for how long work may start under either."""
    return Comparison(
        pair=pair,
        changes=tuple(each for each in joined(found) if each.differs),
        open_before=_open([(each, each.old) for each in found]),
        open_after=_open([(each, each.new) for each in found]),
    )


def _counts_items(trigger: Trigger) -> bool:
    return trigger.mode is Mode.QUEUE or (trigger.mode is None and trigger.backlog is not None)


def _gate(region: str, *, workload_class: str | None = None, tenant: str | None = None) -> Trigger:
    return Trigger(
        namespace="default",
        name=workload_class or tenant or "",
        region=region,
        workload_class=workload_class,
        tenant=tenant,
        mode=Mode.GATE,
    )


def _answer(
    plan: Plan | Rejection, regions: Regions, now: datetime
) -> tuple[Answer, datetime | None]:
    if isinstance(plan, Rejection):
        return Answer(verdict=Verdict.ERROR, reason="bad_metadata", level=0.0), None
    inputs = Inputs(series=regions.get(plan.region), others=regions)
    # Where work runs that regions share is not the policy's to say: each is asked as if it were there.
    decision = decide(replace(plan, shared=None), inputs, now)
    return _told(decision), decision.changes_at


def _told(decision: Decision) -> Answer:
    return Answer(verdict=decision.verdict, reason=decision.reason, level=round(decision.level, 9))


def _open(answers: Iterable[tuple[Interval, Answer]]) -> timedelta:
    lengths = (
        each.ends_at - each.begins_at for each, answer in answers if answer.verdict == Verdict.OPEN
    )
    return sum(lengths, timedelta(0))


def _unversioned(plan: Plan | Rejection) -> Plan | Rejection:
    return plan if isinstance(plan, Rejection) else replace(plan, policy_version="")


def _unnamed(plan: Plan | Rejection) -> Plan | Rejection:
    return replace(_unversioned(plan), namespace="", name="")
