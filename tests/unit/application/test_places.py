"""Who asks for shared work is told to all servers, and what is better off elsewhere moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from structlog.testing import capture_logs

from carbon_scaler.application.places import Beat, Pace, PlaceStates
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.place import (
    LIVE_FOR,
    UNKNOWN_WHEREABOUTS,
    Move,
    MoveReason,
    Whereabouts,
)
from carbon_scaler.domain.snapshot import RegionSeries
from tests.builders import HOUR, NOW, SECOND, a_plan, a_series
from tests.fakes import FakeChanges, FakeClock
from tests.unit.decisions.place_world import (
    ALL_LIVE,
    EAST,
    EU,
    WEST,
    a_shared_plan,
    some_shared_work,
    somewhere,
)

PLAN = a_shared_plan(WEST)


class AwayError(CarbonScalerError):
    """What an adapter raises."""


class FakeStore:
    """Places that a test states."""

    def __init__(self, whereabouts: Whereabouts | None = None) -> None:
        self.whereabouts = {} if whereabouts is None else {"orders": whereabouts}
        self.failure: Exception | None = None
        self.is_first = True
        self.loads = 0
        self.beats: list[list[Beat]] = []
        self.chosen: list[Move] = []

    async def load(self) -> Mapping[str, Whereabouts]:
        self.loads += 1
        if self.failure is not None:
            raise self.failure
        return dict(self.whereabouts)

    async def beat(self, beats: Sequence[Beat], *, holder: str) -> None:
        if self.failure is not None:
            raise self.failure
        assert holder == "host:1"
        self.beats.append(list(beats))

    async def choose(self, move: Move, *, by: str) -> bool:
        assert by == "host:1"
        self.chosen.append(move)
        return self.is_first


@dataclass(frozen=True, kw_only=True)
class World:
    clock: FakeClock
    store: FakeStore
    changes: FakeChanges
    series: dict[str, RegionSeries]
    places: PlaceStates

    async def polled(self, *, seconds: float = 0) -> None:
        """KEDA asks, and a round is kept, so much later."""
        self.clock.advance(timedelta(seconds=seconds))
        self.places.note(PLAN, self.clock.now())
        await self.places.keep_once()

    async def watched(self) -> None:
        """Until this server may judge who is silent."""
        await self.polled()
        await self.polled(seconds=LIVE_FOR.total_seconds())


def a_world(whereabouts: Whereabouts | None = None, *, most_asked: int = 100) -> World:
    clock, changes, store = FakeClock(NOW), FakeChanges(), FakeStore(whereabouts)
    grams = {EAST: 400.0, WEST: 300.0, EU: 100.0}
    series = {
        region: replace(a_series(value, usable_for=HOUR * 9), region=region)
        for region, value in grams.items()
    }
    places = PlaceStates(
        store=store,
        changes=changes,
        clock=clock,
        series=lambda: series,
        holder="host:1",
        pace=Pace(
            beat_seconds=0.01, collect_seconds=0.0, retry_seconds=0.001, most_asked=most_asked
        ),
    )
    return World(clock=clock, store=store, changes=changes, series=series, places=places)


@asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    tasks = Tasks()
    tasks.start("places", world.places.follow)
    tasks.start("heartbeats", world.places.keep)
    try:
        yield
    finally:
        await tasks.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  what is awaited announces nothing
            await asyncio.sleep(0)


# What is known


async def test_nothing_is_done_until_shared_work_is_asked_for():
    world = a_world()
    async with running(world):
        for _ in range(20):
            await asyncio.sleep(0)

        assert (world.store.loads, world.store.beats) == (0, [])
        assert not world.places.is_loaded


async def test_the_first_question_about_shared_work_reads_where_it_runs():
    world = a_world(somewhere(EU))
    async with running(world):
        assert await world.places.wait_loaded(seconds=5)

    assert world.places.of(PLAN) == somewhere(EU)
    assert world.places.of(a_plan()) == UNKNOWN_WHEREABOUTS
    other = replace(PLAN, shared=replace(some_shared_work(), key="letters"))
    assert world.places.of(other) == UNKNOWN_WHEREABOUTS


async def test_who_waits_in_vain_for_the_first_reading_is_told_so():
    world = a_world()

    assert not await world.places.wait_loaded(seconds=0)


async def test_a_place_that_moved_is_read_when_the_store_says_so():
    world = a_world(somewhere(EAST))
    async with running(world):
        await world.places.wait_loaded(seconds=5)
        before = world.places.of(PLAN)
        world.changes.announce()
        loads = world.store.loads
        await until(lambda: world.store.loads > loads)
        assert world.places.of(PLAN) is before

        world.store.whereabouts["orders"] = somewhere(EU)
        world.changes.announce()
        await until(lambda: world.places.of(PLAN) == somewhere(EU))


async def test_while_the_store_is_away_the_last_places_stand():
    world = a_world(somewhere(EAST))
    with capture_logs() as logs:
        async with running(world):
            await world.places.wait_loaded(seconds=5)
            world.store.failure = AwayError("no database")
            world.changes.announce()
            await until(lambda: world.places.failure == "no database")
            assert world.places.of(PLAN) == somewhere(EAST)
            world.store.failure = None
            await until(lambda: world.places.failure is None)

    assert [line["event"] for line in logs] == ["places.not_kept", "places.loaded_again"]


# Who asks


async def test_a_region_that_is_asked_in_is_told_at_once_and_again_while_it_is():
    world = a_world()
    async with running(world):
        world.places.note(PLAN, NOW)
        await until(lambda: len(world.store.beats) > 2)

    assert world.store.beats[0] == [Beat(key="orders", region=WEST, age=timedelta(0))]


async def test_a_heartbeat_is_as_old_as_the_last_poll_and_ends_with_the_polls():
    world = a_world()
    world.places.note(PLAN, NOW)
    world.clock.advance(LIVE_FOR)
    await world.places.keep_once()
    world.clock.advance(SECOND)
    await world.places.keep_once()

    assert world.store.beats == [[Beat(key="orders", region=WEST, age=LIVE_FOR)]]


async def test_work_that_nobody_shares_has_no_heartbeat():
    world = a_world()
    world.places.note(a_plan(), NOW)
    await world.places.keep_once()

    assert world.store.beats == []


async def test_while_the_store_is_away_heartbeats_are_tried_again_and_again():
    world = a_world()
    world.store.failure = AwayError("no database")
    with capture_logs() as logs:
        await world.polled()
        await world.polled(seconds=10)
    world.store.failure = None
    await world.polled(seconds=10)

    assert [line["event"] for line in logs] == ["places.not_kept"]
    assert world.store.beats == [[Beat(key="orders", region=WEST, age=timedelta(0))]]
    assert world.places.failure is None


async def test_more_work_than_a_server_can_tell_of_is_left_to_other_regions():
    world = a_world(most_asked=2)
    for key in ("first", "second", "third", "first"):
        world.places.note(replace(PLAN, shared=replace(some_shared_work(), key=key)), NOW)
    await world.places.keep_once()

    assert [beat.key for beat in world.store.beats[0]] == ["first", "second"]


# Moves


async def test_a_place_is_chosen_once_the_others_had_time_to_be_heard():
    world = a_world(Whereabouts(live=ALL_LIVE))
    await world.polled()
    await world.polled(seconds=LIVE_FOR.total_seconds() - 1)
    assert world.store.chosen == []

    await world.polled(seconds=1)

    assert world.store.chosen == [
        Move(key="orders", former=None, region=EU, reason=MoveReason.FIRST, score=0.25)
    ]
    assert world.places.moves == {("first",): 1}


async def test_a_move_in_which_another_server_was_first_does_not_count():
    world = a_world(Whereabouts(live=ALL_LIVE))
    world.store.is_first = False
    await world.watched()

    assert len(world.store.chosen) == 1
    assert not world.places.moves


async def test_a_place_that_is_good_enough_stays():
    world = a_world(somewhere(EU))
    await world.watched()

    assert world.store.chosen == []


async def test_a_silent_place_is_left():
    world = a_world(somewhere(EU, live=(EAST, WEST)))
    with capture_logs() as logs:
        await world.watched()

    assert [(move.region, move.reason) for move in world.store.chosen] == [(WEST, "silent")]
    assert logs[-1] == {
        "event": "place.moved",
        "log_level": "info",
        "work": "orders",
        "region": WEST,
        "former": EU,
        "reason": "silent",
        "score": 0.75,
    }


async def test_who_was_not_asked_for_a_while_hears_first_who_else_is_there():
    world = a_world(somewhere(EU, live=()))
    await world.polled()
    await world.polled(seconds=LIVE_FOR.total_seconds() + 1)
    assert world.store.chosen == []

    await world.polled(seconds=LIVE_FOR.total_seconds())

    assert [move.region for move in world.store.chosen] == [WEST]


async def test_who_comes_back_from_an_outage_first_does_not_take_everything():
    world = a_world(somewhere(EU, live=()))
    await world.polled()
    world.store.failure = AwayError("no database")
    await world.polled(seconds=LIVE_FOR.total_seconds())
    world.store.failure = None
    await world.polled(seconds=LIVE_FOR.total_seconds())
    assert world.store.chosen == []

    await world.polled(seconds=LIVE_FOR.total_seconds())

    assert [move.region for move in world.store.chosen] == [WEST]
