"""Triggers in, decisions out: each trigger is resolved once and decided once per change."""

from collections import Counter
from datetime import datetime
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog

from carbon_scaler.application.known import Known
from carbon_scaler.application.ports import Clock
from carbon_scaler.application.rulebook import Rulebook
from carbon_scaler.application.subjects import Subject
from carbon_scaler.decisions import place
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.policy_terms import PolicyTerms
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.decisions.timeline import Timeline
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown, Items
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.policy import Settings
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Rejection, Trigger

log = structlog.get_logger()

# A call waits this long for the first snapshot, then the trigger is blind.
FIRST_SNAPSHOT_SECONDS = 2.0
# And no longer than this for the operators' word, which may be a hold.
FIRST_DIRECTIVES_SECONDS = 2.0
# Nor for where shared work runs; then it is in the first region that is permitted.
FIRST_PLACES_SECONDS = 2.0


class Notes(Protocol):
    """Where decisions that changed are noted."""

    def note(self, plan: Plan, decision: Decision, series: RegionSeries | None) -> None:
        """Cheap: it is called on the way to an answer."""
        ...


class Evaluator:
    """Answers for subjects from memory."""

    def __init__(
        self,
        *,
        rulebook: Rulebook,
        default_region: str | None,
        known: Known,
        notes: Notes,
        clock: Clock,
    ) -> None:
        self._rulebook = rulebook
        self._terms = PolicyTerms(rulebook.policy, rulebook.catalog)
        self._default_region = default_region
        self._snapshots = known.snapshots
        self._backlogs = known.backlogs
        self._directives = known.directives
        self._places = known.places
        self._notes = notes
        self._clock = clock
        self._timelines: WeakKeyDictionary[Items, dict[Settings, Timeline]] = WeakKeyDictionary()
        self.answers: Counter[tuple[str, str, str]] = Counter()
        # By level, mode of enforcement and outcome; and by whether a hint was overridden.
        self.residency_rulings: Counter[tuple[str, str, str]] = Counter()
        self.hints: Counter[tuple[str]] = Counter()

    @property
    def rulebook(self) -> Rulebook:
        """Whoever holds subjects renews those that were resolved against another one."""
        return self._rulebook

    @rulebook.setter
    def rulebook(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook
        self._terms = PolicyTerms(rulebook.policy, rulebook.catalog)

    def subject(self, trigger: Trigger) -> Subject:
        """Resolve a trigger that was not seen before."""
        plan = self._resolve(trigger)
        _log_plan(plan)
        return Subject(trigger, plan, self.rulebook, self._snapshots.current)

    def renew(self, subject: Subject, trigger: Trigger) -> None:
        """Resolve a trigger anew, against the rulebook of now."""
        plan = self._resolve(trigger)
        _log_plan(plan)
        subject.renew(trigger, plan, self.rulebook, self._snapshots.current)

    def is_ready_for(self, subject: Subject) -> bool:
        """Whether an answer needs no waiting."""
        if not (self._snapshots.is_loaded and self._directives.is_loaded):
            return False
        plan = subject.plan
        if isinstance(plan, Rejection):
            return True
        if plan.shared is not None and not self._places.is_loaded:
            return False
        if plan.backlog is None:
            return True
        state = self._backlogs.state(plan.backlog)
        return state.reading is not None or state.failure is not None

    async def make_ready_for(self, subject: Subject) -> None:
        """Wait, within bounds, for what was never read yet."""
        await self._snapshots.wait_loaded(seconds=FIRST_SNAPSHOT_SECONDS)
        await self._directives.wait_loaded(seconds=FIRST_DIRECTIVES_SECONDS)
        if isinstance(subject.plan, Plan) and subject.plan.shared is not None:
            await self._places.wait_loaded(seconds=FIRST_PLACES_SECONDS)
        if isinstance(subject.plan, Plan) and subject.plan.backlog is not None:
            await self._backlogs.first_reading(subject.plan.backlog)

    def answer(self, subject: Subject) -> Decision | Rejection:
        """The decision that holds now."""
        now = self._clock.now()
        subject.polled_at = now
        plan = subject.plan
        if isinstance(plan, Rejection):
            plan = self._resolve_again(subject)
            if isinstance(plan, Rejection):
                self.answers["none", "error", "bad_metadata"] += 1
                return plan
        if plan.shared is not None:
            self._places.note(plan, now)
        decision = self._kept(subject, plan, now) or self._decide(subject, plan, now)
        self.answers[plan.mode.value, decision.verdict.value, decision.reason] += 1
        return decision

    def timeline(self, items: Items, settings: Settings) -> Timeline:
        """A backlog's instants under these settings, sorted once for all triggers alike."""
        by_settings = self._timelines.setdefault(items, {})
        timeline = by_settings.get(settings)
        if timeline is None:
            timeline = by_settings[settings] = timeline_of(items, settings)
        return timeline

    def _resolve(self, trigger: Trigger) -> Plan | Rejection:
        around = Surroundings(
            default_region=self._default_region,
            catalog=self.rulebook.catalog,
            stored_regions=self._snapshots.current.regions.keys(),
            backlogs=self._backlogs.namespaces,
        )
        return resolve(trigger, self.rulebook.policy, around, terms=self._terms)

    def _resolve_again(self, subject: Subject) -> Plan | Rejection:
        former, snapshot = subject.snapshot, self._snapshots.current
        if former is None or former is snapshot or subject.trigger is None:
            return subject.plan
        subject.snapshot = snapshot
        # Searching hundreds of names for the one that was meant takes long.
        if former.regions.keys() != snapshot.regions.keys():
            subject.plan = self._resolve(subject.trigger)
        return subject.plan

    def _kept(self, subject: Subject, plan: Plan, now: datetime) -> Decision | None:
        decision = subject.decision
        if (
            decision is None
            or (decision.changes_at is not None and now >= decision.changes_at)
            or now < decision.decided_at
            or subject.series is not self._snapshots.current.regions.get(plan.region)
            or subject.directives is not self._directives.current
            or (plan.shared is not None and subject.whereabouts is not self._places.of(plan))
        ):
            return None
        if plan.backlog is not None:
            state = self._backlogs.state(plan.backlog)
            if subject.demand_token is not (state.reading.items if state.reading else state):
                return None
        return decision

    def _decide(self, subject: Subject, plan: Plan, now: datetime) -> Decision:
        regions, directives = self._snapshots.current.regions, self._directives.current
        series = regions.get(plan.region)
        whereabouts = self._places.of(plan)
        demand, timeline = self._demand(subject, place.as_here(plan, whereabouts, now), now)
        inputs = Inputs(
            series=series,
            demand=demand,
            others=regions,
            overrides=directives.overrides,
            budget_use=directives.budget_use.get(plan.service) if plan.service else None,
            whereabouts=whereabouts,
        )
        decision = decide(plan, inputs, now, timeline=timeline)
        self._count(plan, decision)
        answered = _answered(plan, decision)
        if subject.answered != answered:
            subject.answered = answered
            self._notes.note(plan, decision, series)
            _log_change(plan, decision)
        subject.series = series
        subject.directives = directives
        subject.whereabouts = whereabouts
        subject.decision = decision
        return decision

    def _demand(
        self, subject: Subject, plan: Plan, now: datetime
    ) -> tuple[BacklogReading | BacklogUnknown | None, Timeline | None]:
        subject.demand_token = None
        if plan.backlog is None:
            return None, None
        state = self._backlogs.state(plan.backlog)
        demand = state.at(now)
        if isinstance(demand, BacklogReading):
            subject.demand_token = demand.items
            return demand, self.timeline(demand.items, plan.settings)
        subject.demand_token = state
        return demand, None

    def _count(self, plan: Plan, new: Decision) -> None:
        if plan.tenancy is not None:
            tenant = plan.tenancy.tenant
            level, mode = ("none", "none") if tenant is None else (tenant.level, tenant.mode)
            # Residency is asked before every other rule.
            self.residency_rulings[level, mode, new.rulings[0].reason] += 1
        if new.hint is not None:
            self.hints["overridden" if new.hint.overridden else "open",] += 1


def _answered(plan: Plan, decision: Decision) -> tuple[object, ...]:
    """What makes an answer another one; a queue's level follows each item."""
    level = None if plan.mode is Mode.QUEUE else decision.level
    return decision.verdict, decision.reason, level


def _log_plan(plan: Plan | Rejection) -> None:
    about = {"namespace": plan.namespace, "name": plan.name}
    if isinstance(plan, Rejection):
        log.warning("trigger.rejected", text=plan.text(), **about)
    for warning in plan.warnings:
        log.warning("trigger.warning", text=warning, **about)


def _log_change(plan: Plan, new: Decision) -> None:
    log.info(
        "decision.changed",
        namespace=plan.namespace,
        name=plan.name,
        region=plan.region,
        verdict=new.verdict.value,
        reason=new.reason,
        admitted=new.admitted,
    )
