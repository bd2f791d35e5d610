"""Each trigger is resolved once and decided once per change of what it depends on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application.directives import Directives
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.known import Known
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.subjects import Subject
from carbon_scaler.domain.backlog import BacklogReading, BacklogState
from carbon_scaler.domain.budget import Budget, BudgetAction, BudgetUse
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.policy import BUILT_IN_POLICY, StatedSettings, WorkloadClass
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan, Problem, Rejection
from tests.builders import (
    DAY,
    HOME,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_region,
    a_series,
    a_trigger,
    an_item,
)
from tests.fakes import (
    FakeBacklogStates,
    FakeChanges,
    FakeClock,
    FakeDirectives,
    FakeIntensityStore,
    FakeNotes,
    FakePlaces,
    a_rulebook,
)

LONG = 30 * DAY
MONTH = NOW.replace(day=1, hour=0, minute=0)
CLEAN = a_series(100, usable_for=LONG)
DIRTY = a_series(500, usable_for=LONG)
BRAKE = a_trigger(region=HOME, mode=Mode.BRAKE)
QUEUE = a_trigger(region=HOME, backlog="orders")


@dataclass(kw_only=True)
class World:
    clock: FakeClock
    store: FakeIntensityStore
    backlogs: FakeBacklogStates
    snapshots: Snapshots
    evaluator: Evaluator
    directives: FakeDirectives
    places: FakePlaces
    notes: FakeNotes

    def decided(self, subject: Subject) -> Decision:
        answer = self.evaluator.answer(subject)
        assert isinstance(answer, Decision)
        return answer

    async def see(self, series: RegionSeries, region: str = HOME) -> None:
        self.store.series[region] = series
        await self.snapshots.refresh([region])

    def orders(self, state: BacklogState) -> None:
        self.backlogs.states["orders"] = state


async def a_world(
    series: Mapping[str, RegionSeries] | None = None,
    reading: BacklogReading | None = None,
    *,
    loaded: bool = True,
) -> World:
    clock = FakeClock(NOW)
    store = FakeIntensityStore({HOME: DIRTY} if series is None else series)
    backlogs = FakeBacklogStates({"orders": BacklogState(reading=reading)})
    snapshots = Snapshots(store=store, changes=FakeChanges(), clock=clock)
    directives, places, notes = FakeDirectives(), FakePlaces(), FakeNotes()
    evaluator = Evaluator(
        rulebook=a_rulebook({HOME: a_region()}),
        default_region=None,
        known=Known(snapshots=snapshots, backlogs=backlogs, directives=directives, places=places),
        notes=notes,
        clock=clock,
    )
    if loaded:
        await snapshots.refresh(None)
    return World(
        clock=clock,
        store=store,
        backlogs=backlogs,
        snapshots=snapshots,
        evaluator=evaluator,
        directives=directives,
        places=places,
        notes=notes,
    )


# How long an answer is kept


async def test_an_answer_is_looked_up_until_its_instant():
    world = await a_world({HOME: a_series(500, usable_for=2 * HOUR)})
    subject = world.evaluator.subject(BRAKE)
    first = world.decided(subject)
    assert first.changes_at is not None

    world.clock.instant = first.changes_at - timedelta(microseconds=1)
    assert world.decided(subject) is first

    world.clock.instant = first.changes_at
    assert world.decided(subject) is not first


async def test_an_answer_is_made_anew_when_the_region_changes_and_only_then():
    world = await a_world({HOME: DIRTY, "us-east-1": DIRTY})
    subject = world.evaluator.subject(BRAKE)
    first = world.decided(subject)

    await world.see(CLEAN, region="us-east-1")
    await world.see(a_series(500, usable_for=LONG))
    assert world.decided(subject) is first, "another region changed, and ours to an equal one"

    await world.see(CLEAN)
    assert world.decided(subject).verdict is Verdict.OPEN


async def test_an_answer_is_made_anew_when_the_clock_is_set_back():
    world = await a_world()
    subject = world.evaluator.subject(BRAKE)
    first = world.decided(subject)

    world.clock.advance(-SECOND)

    assert world.decided(subject) is not first


async def test_an_answer_is_made_anew_when_other_items_wait_and_kept_while_the_same_ones_do():
    reading = a_backlog(an_item(), max_age=DAY)
    world = await a_world({HOME: CLEAN}, reading)
    subject = world.evaluator.subject(QUEUE)
    first = world.decided(subject)

    world.orders(BacklogState(reading=replace(reading, read_at=NOW + MINUTE)))
    assert world.decided(subject) is first
    world.orders(BacklogState(reading=reading, failure="query failed"))
    assert world.decided(subject) is first, "the last reading may still decide"

    world.orders(BacklogState(reading=a_backlog(an_item(), an_item())))
    assert world.decided(subject).metric_value == 2.0


async def test_a_newer_reading_of_the_same_items_goes_on_where_the_older_one_ends():
    reading = a_backlog(an_item(), max_age=MINUTE)
    world = await a_world({HOME: CLEAN}, reading)
    subject = world.evaluator.subject(QUEUE)
    assert world.decided(subject).metric_value == 1.0

    world.orders(BacklogState(reading=replace(reading, too_old_at=NOW + HOUR)))
    world.clock.advance(2 * MINUTE)

    assert world.decided(subject).metric_value == 1.0


async def test_what_is_unknown_is_decided_again_once_something_is_known():
    world = await a_world({HOME: CLEAN})
    world.orders(BacklogState(failure="connection refused"))
    subject = world.evaluator.subject(QUEUE)
    unknown = world.decided(subject)
    assert (unknown.verdict, unknown.reason) == (Verdict.ERROR, "backlog_unknown")
    assert world.decided(subject) is unknown

    world.orders(BacklogState(failure="query failed"))
    assert "query failed" in world.decided(subject).decisive.text

    world.orders(BacklogState(reading=a_backlog(an_item())))
    assert world.decided(subject).metric_value == 1.0


async def test_a_reading_that_is_too_old_tells_its_age_anew_each_time():
    world = await a_world({HOME: CLEAN}, a_backlog(an_item(), max_age=MINUTE))
    subject = world.evaluator.subject(QUEUE)

    told = []
    for _ in range(2):
        world.clock.advance(MINUTE)
        told.append(world.decided(subject).decisive.text)

    assert "last read 60 s ago" in told[0]
    assert "last read 120 s ago" in told[1]


async def test_triggers_with_the_same_settings_share_the_sorting_of_a_backlog():
    items = a_backlog(an_item()).items
    world = await a_world()
    one = world.evaluator.subject(QUEUE).plan
    other = world.evaluator.subject(replace(QUEUE, name="other")).plan
    patient = world.evaluator.subject(replace(QUEUE, stated=StatedSettings(max_delay=DAY))).plan
    assert isinstance(one, Plan)
    assert isinstance(other, Plan)
    assert isinstance(patient, Plan)

    timeline = world.evaluator.timeline(items, one.settings)

    assert world.evaluator.timeline(items, other.settings) is timeline
    assert world.evaluator.timeline(items, patient.settings) is not timeline


# Rejected triggers


async def test_a_rejected_trigger_is_looked_at_again_when_another_region_has_values():
    world = await a_world()
    trigger = replace(BRAKE, region="our-own-site")
    subject = world.evaluator.subject(trigger)

    first, again = world.evaluator.answer(subject), world.evaluator.answer(subject)
    assert isinstance(first, Rejection)
    assert again is first

    await world.see(CLEAN)
    assert world.evaluator.answer(subject) is first

    await world.see(DIRTY, region="our-own-site")
    assert world.decided(subject).verdict is Verdict.CLOSED
    assert isinstance(subject.plan, Plan)


# What is counted and logged


async def test_every_answer_is_counted_by_its_reason_kept_or_not():
    world = await a_world({HOME: DIRTY}, a_backlog(an_item(2 * HOUR)))
    brake, queue = world.evaluator.subject(BRAKE), world.evaluator.subject(QUEUE)
    bad = world.evaluator.subject(replace(BRAKE, region="mars"))

    for subject in (brake, brake, queue, bad, bad, bad):
        world.evaluator.answer(subject)

    assert world.evaluator.answers == {
        ("brake", "closed", "above_threshold"): 2,
        ("queue", "open", "deadline"): 1,
        ("none", "error", "bad_metadata"): 3,
    }


async def test_only_a_changed_decision_is_logged():
    world = await a_world()
    subject = world.evaluator.subject(BRAKE)

    with capture_logs() as logs:
        world.decided(subject)
        await world.see(a_series(501, usable_for=LONG))
        world.decided(subject)
        await world.see(CLEAN)
        world.decided(subject)

    told = [log for log in logs if log["event"] == "decision.changed"]
    assert [(log["verdict"], log["reason"]) for log in told] == [
        ("closed", "above_threshold"),
        ("open", "below_threshold"),
    ]
    assert told[0]["namespace"] == "batch"
    assert told[0]["region"] == HOME


async def test_what_is_wrong_or_odd_about_a_trigger_is_logged_once_when_it_is_first_seen():
    world = await a_world()
    problem = Problem(key="threshold", said="-1", allowed="a number above 0")
    odd = replace(BRAKE, problems=(problem,), warnings=("treshold: unknown key",))

    with capture_logs() as logs:
        subject = world.evaluator.subject(odd)
        world.evaluator.answer(subject)
        world.evaluator.answer(subject)

    told = [(log["event"], log["text"]) for log in logs]
    assert told == [
        ("trigger.rejected", 'threshold: "-1" is not allowed; a number above 0'),
        ("trigger.warning", "treshold: unknown key"),
    ]


async def test_the_instant_of_the_last_poll_is_kept_also_of_a_rejected_trigger():
    world = await a_world()
    subjects = [world.evaluator.subject(BRAKE), world.evaluator.subject(a_trigger())]
    assert [subject.polled_at for subject in subjects] == [None, None]

    world.clock.advance(MINUTE)
    for subject in subjects:
        world.evaluator.answer(subject)

    assert [subject.polled_at for subject in subjects] == [NOW + MINUTE] * 2


# Waiting


@pytest.mark.parametrize(
    ("loaded", "state", "ready"),
    [
        (False, BacklogState(reading=a_backlog()), False),
        (True, BacklogState(), False),
        (True, BacklogState(failure="connection refused"), True),
        (True, BacklogState(reading=a_backlog()), True),
    ],
)
async def test_a_queue_is_ready_once_grid_and_backlog_were_tried(
    loaded: bool, state: BacklogState, ready: bool
):
    world = await a_world(loaded=loaded)
    world.orders(state)

    assert world.evaluator.is_ready_for(world.evaluator.subject(QUEUE)) is ready


async def test_a_brake_and_a_rejected_trigger_need_no_backlog():
    world = await a_world()

    assert world.evaluator.is_ready_for(world.evaluator.subject(BRAKE))
    assert world.evaluator.is_ready_for(world.evaluator.subject(a_trigger()))


async def test_who_waits_waits_for_its_own_backlog_only():
    world = await a_world()

    await world.evaluator.make_ready_for(world.evaluator.subject(BRAKE))
    await world.evaluator.make_ready_for(world.evaluator.subject(a_trigger()))
    assert world.backlogs.awaited == []

    await world.evaluator.make_ready_for(world.evaluator.subject(QUEUE))
    assert world.backlogs.awaited == ["orders"]


# Operators, accounts and other rulebooks


def a_hold(**stated: object) -> Override:
    said: dict[str, Any] = {"scaled_object": (BRAKE.namespace, BRAKE.name)} | stated
    return Override(
        id=1,
        action=OverrideAction.HOLD,
        until=NOW + HOUR,
        reason="maintenance",
        by="ada",
        created_at=NOW,
        **said,
    )


async def test_an_operators_word_counts_from_the_next_answer_on():
    world = await a_world({HOME: CLEAN})
    subject = world.evaluator.subject(BRAKE)
    assert world.decided(subject).verdict is Verdict.OPEN

    world.directives.current = Directives(overrides=(a_hold(),))
    assert world.decided(subject).reason == "held"

    world.clock.advance(HOUR)
    await world.see(a_series(100, since=world.clock.now()))
    assert world.decided(subject).verdict is Verdict.OPEN, "it expires by itself"


async def test_before_operators_were_heard_an_answer_waits():
    world = await a_world()
    subject = world.evaluator.subject(BRAKE)
    world.directives.is_loaded = False

    assert not world.evaluator.is_ready_for(subject)
    await world.evaluator.make_ready_for(subject)
    world.directives.is_loaded = True
    assert world.evaluator.is_ready_for(subject)


async def test_what_a_service_has_spent_is_heard():
    world = await a_world({HOME: CLEAN})
    budget = Budget(service="reports", monthly_kg=10.0, action=BudgetAction.DEFER)
    world.evaluator.rulebook = a_rulebook(
        {HOME: a_region()}, replace(BUILT_IN_POLICY, budgets={"reports": budget})
    )
    subject = world.evaluator.subject(replace(BRAKE, service="reports"))
    # Not the last minutes of a delay, in which a brake is open anyway.
    before = world.decided(subject)
    use = BudgetUse(service="reports", month_begins_at=MONTH, spent_kg=11.0, as_of=NOW)
    world.directives.current = Directives(budget_use={"reports": use})

    assert before.verdict is Verdict.OPEN
    assert world.decided(subject).reason in ("budget_deferred", "pulse")


async def test_under_another_rulebook_nothing_that_was_decided_holds():
    world = await a_world({HOME: a_series(300)})
    subject = world.evaluator.subject(BRAKE)
    first = world.decided(subject)
    strict = StatedSettings(threshold=200.0)
    world.evaluator.rulebook = a_rulebook(
        {HOME: a_region()},
        replace(
            BUILT_IN_POLICY,
            version="another",
            classes={**BUILT_IN_POLICY.classes, "standard": WorkloadClass(stated=strict)},
        ),
    )

    world.evaluator.renew(subject, BRAKE)
    second = world.decided(subject)

    assert (first.reason, second.decisive.rule) != (second.reason, first.decisive.rule)
    assert isinstance(subject.plan, Plan)
    assert subject.plan.policy_version == "another"
    assert subject.rulebook is world.evaluator.rulebook


async def test_a_decision_is_noted_when_it_changes_and_not_each_time():
    world = await a_world({HOME: CLEAN})
    subject = world.evaluator.subject(BRAKE)
    world.decided(subject)
    world.decided(subject)
    assert [decision.verdict for _, decision in world.notes.noted] == [Verdict.OPEN]

    await world.see(DIRTY)
    world.decided(subject)
    await world.see(a_series(600, usable_for=LONG))
    world.decided(subject)
    assert len(world.notes.noted) == 2, "another figure, the same answer"


async def test_each_ruling_about_a_tenants_work_is_counted():
    world = await a_world({HOME: CLEAN})
    world.decided(world.evaluator.subject(replace(BRAKE, tenant="nobody")))
    assert world.evaluator.residency_rulings == {("none", "none", "tenant_unknown"): 1}
