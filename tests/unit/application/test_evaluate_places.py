"""Shared work is answered for by where it runs, as last heard."""

from datetime import timedelta

from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.known import Known
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.subjects import Subject
from carbon_scaler.domain.backlog import BacklogState
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.place import Whereabouts
from tests.builders import (
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
from tests.unit.decisions.place_world import EAST, WEST, somewhere

SHARED = a_trigger(region=WEST, backlog="orders", regions=(WEST, EAST))
ALONE = a_trigger(region=WEST, backlog="orders")


class World:
    """One server in the west, whose grid is clean."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.places = FakePlaces()
        reading = a_backlog(an_item(), max_age=9 * HOUR)
        self.snapshots = Snapshots(
            store=FakeIntensityStore({WEST: a_series(100, usable_for=9 * HOUR)}),
            changes=FakeChanges(),
            clock=self.clock,
        )
        self.evaluator = Evaluator(
            rulebook=a_rulebook({name: a_region(name) for name in (WEST, EAST)}),
            default_region=None,
            known=Known(
                snapshots=self.snapshots,
                backlogs=FakeBacklogStates({"orders": BacklogState(reading=reading)}),
                directives=FakeDirectives(),
                places=self.places,
            ),
            notes=FakeNotes(),
            clock=self.clock,
        )

    def decided(self, subject: Subject, *, after: timedelta = timedelta(0)) -> Decision:
        self.clock.instant = NOW + after
        answer = self.evaluator.answer(subject)
        assert isinstance(answer, Decision)
        return answer


async def test_before_it_is_known_where_shared_work_runs_an_answer_waits():
    world = World()
    await world.snapshots.refresh(None)
    world.places.is_loaded = False
    shared, alone = world.evaluator.subject(SHARED), world.evaluator.subject(ALONE)

    assert world.evaluator.is_ready_for(alone)
    assert not world.evaluator.is_ready_for(shared)
    await world.evaluator.make_ready_for(alone)
    assert world.places.awaited == 0
    await world.evaluator.make_ready_for(shared)
    assert world.places.awaited == 1
    world.places.is_loaded = True
    assert world.evaluator.is_ready_for(shared)


async def test_each_question_about_shared_work_is_noted_and_no_other_one():
    world = World()
    await world.snapshots.refresh(None)
    shared, alone = world.evaluator.subject(SHARED), world.evaluator.subject(ALONE)

    for after in (0 * SECOND, SECOND):
        world.decided(shared, after=after)
        world.decided(alone, after=after)

    assert world.places.noted == [(shared.plan, NOW), (shared.plan, NOW + SECOND)]


async def test_an_answer_changes_when_the_place_does_and_else_it_is_kept():
    world = World()
    await world.snapshots.refresh(None)
    subject = world.evaluator.subject(SHARED)
    here = world.decided(subject)
    assert world.decided(subject) is here

    world.places.whereabouts = somewhere(EAST)
    elsewhere = world.decided(subject)

    assert (here.admitted, elsewhere.admitted) == (1, 0)
    assert elsewhere.reason == "place_elsewhere"
    assert world.decided(subject) is elsewhere


async def test_elsewhere_an_item_starts_when_this_regions_step_of_the_ladder_comes():
    world = World()
    await world.snapshots.refresh(None)
    world.places.whereabouts = somewhere(EAST, live=(EAST, WEST))
    subject = world.evaluator.subject(SHARED)
    step = HOUR - MINUTE / 2

    assert world.decided(subject, after=step - SECOND).admitted == 0
    due = world.decided(subject, after=step)

    assert (due.admitted, due.reason) == (1, "deadline")


async def test_what_is_not_shared_asks_for_no_place():
    world = World()
    await world.snapshots.refresh(None)
    world.places.whereabouts = Whereabouts(live=frozenset([EAST]))

    assert world.decided(world.evaluator.subject(ALONE)).ruling_of("place") is None
