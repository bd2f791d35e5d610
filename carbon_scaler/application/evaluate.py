"""Triggers in, decisions out: each trigger is resolved once and decided once per change."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog

from carbon_scaler.application.ports import Clock
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.decisions import deadlines
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.deadlines import Timeline
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import Surroundings, resolve
from carbon_scaler.domain.backlog import BacklogReading, BacklogState, BacklogUnknown, Items
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.policy import Policy, Settings
from carbon_scaler.domain.regions import Catalog
from carbon_scaler.domain.snapshot import RegionSeries, Snapshot
from carbon_scaler.domain.trigger import Plan, Rejection, Trigger

log = structlog.get_logger()

# A call waits this long for the first snapshot, then the trigger is blind.
FIRST_SNAPSHOT_SECONDS = 2.0


class BacklogStates(Protocol):
    """The last readings of all backlogs."""

    @property
    def namespaces(self) -> Mapping[str, Collection[str] | None]:
        """Who may use which backlog; None is everybody."""
        ...

    def state(self, name: str) -> BacklogState:
        """What is known of a backlog."""
        ...

    async def first_reading(self, name: str) -> None:
        """Wait until a backlog was tried once, for its timeout at most."""
        ...


class Subject:
    """One polled trigger: its plan, and the last decision with the inputs it was made from."""

    __slots__ = (
        "decision",
        "demand_token",
        "plan",
        "polled_at",
        "reply",
        "reply_decision",
        "reply_name",
        "series",
        "snapshot",
        "trigger",
    )

    def __init__(self, trigger: Trigger, plan: Plan | Rejection, snapshot: Snapshot) -> None:
        # Only a rejected trigger is looked at again: its region may get data.
        self.trigger = trigger if isinstance(plan, Rejection) else None
        self.plan = plan
        self.snapshot: Snapshot | None = snapshot if isinstance(plan, Rejection) else None
        self.decision: Decision | None = None
        self.series: RegionSeries | None = None
        self.demand_token: object = None
        self.polled_at: datetime | None = None
        # The door's rendering of one decision under one name.
        self.reply: bytes | None = None
        self.reply_decision: Decision | None = None
        self.reply_name: str | None = None


class Evaluator:
    """Answers for subjects from memory."""

    def __init__(
        self,
        *,
        policy: Policy,
        catalog: Catalog,
        default_region: str | None,
        snapshots: Snapshots,
        backlogs: BacklogStates,
        clock: Clock,
    ) -> None:
        self.policy = policy
        self._catalog = catalog
        self._default_region = default_region
        self._snapshots = snapshots
        self._backlogs = backlogs
        self._clock = clock
        self._timelines: WeakKeyDictionary[Items, dict[Settings, Timeline]] = WeakKeyDictionary()
        self.answers: Counter[tuple[str, str, str]] = Counter()

    def subject(self, trigger: Trigger) -> Subject:
        """Resolve a trigger that was not seen before."""
        subject = Subject(trigger, self._resolve(trigger), self._snapshots.current)
        about = {"namespace": trigger.namespace, "name": trigger.name}
        if isinstance(subject.plan, Rejection):
            log.warning("trigger.rejected", text=subject.plan.text(), **about)
        for warning in subject.plan.warnings:
            log.warning("trigger.warning", text=warning, **about)
        return subject

    def is_ready_for(self, subject: Subject) -> bool:
        """Whether an answer needs no waiting."""
        if not self._snapshots.is_loaded:
            return False
        plan = subject.plan
        if isinstance(plan, Rejection) or plan.backlog is None:
            return True
        state = self._backlogs.state(plan.backlog)
        return state.reading is not None or state.failure is not None

    async def make_ready_for(self, subject: Subject) -> None:
        """Wait, within bounds, for the first snapshot and the first reading of the backlog."""
        await self._snapshots.wait_loaded(seconds=FIRST_SNAPSHOT_SECONDS)
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
        decision = self._kept(subject, plan, now) or self._decide(subject, plan, now)
        self.answers[plan.mode.value, decision.verdict.value, decision.reason] += 1
        return decision

    def timeline(self, items: Items, settings: Settings) -> Timeline:
        """A backlog's instants under these settings, sorted once for all triggers alike."""
        by_settings = self._timelines.setdefault(items, {})
        timeline = by_settings.get(settings)
        if timeline is None:
            timeline = by_settings[settings] = deadlines.timeline(items, settings)
        return timeline

    def _resolve(self, trigger: Trigger) -> Plan | Rejection:
        around = Surroundings(
            default_region=self._default_region,
            catalog=self._catalog,
            stored_regions=self._snapshots.current.regions.keys(),
            backlogs=self._backlogs.namespaces,
        )
        return resolve(trigger, self.policy, around)

    def _resolve_again(self, subject: Subject) -> Plan | Rejection:
        snapshot = self._snapshots.current
        if subject.snapshot is not snapshot and subject.trigger is not None:
            subject.snapshot = snapshot
            subject.plan = self._resolve(subject.trigger)
        return subject.plan

    def _kept(self, subject: Subject, plan: Plan, now: datetime) -> Decision | None:
        decision = subject.decision
        if (
            decision is None
            or (decision.changes_at is not None and now >= decision.changes_at)
            or now < decision.decided_at
            or subject.series is not self._snapshots.current.regions.get(plan.region)
        ):
            return None
        if plan.backlog is not None:
            state = self._backlogs.state(plan.backlog)
            if subject.demand_token is not (state.reading.items if state.reading else state):
                return None
        return decision

    def _decide(self, subject: Subject, plan: Plan, now: datetime) -> Decision:
        series = self._snapshots.current.regions.get(plan.region)
        demand: BacklogReading | BacklogUnknown | None = None
        timeline: Timeline | None = None
        subject.demand_token = None
        if plan.backlog is not None:
            state = self._backlogs.state(plan.backlog)
            demand = state.at(now)
            if isinstance(demand, BacklogReading):
                timeline = self.timeline(demand.items, plan.settings)
                subject.demand_token = demand.items
            else:
                subject.demand_token = state
        decision = decide(plan, Inputs(series=series, demand=demand), now, timeline=timeline)
        _log_change(plan, subject.decision, decision)
        subject.series = series
        subject.decision = decision
        return decision


def _log_change(plan: Plan, old: Decision | None, new: Decision) -> None:
    if old is not None and (old.verdict, old.reason) == (new.verdict, new.reason):
        return
    log.info(
        "decision.changed",
        namespace=plan.namespace,
        name=plan.name,
        region=plan.region,
        verdict=new.verdict.value,
        reason=new.reason,
        admitted=new.admitted,
    )
