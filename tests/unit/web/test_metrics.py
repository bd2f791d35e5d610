"""What Prometheus reads of a server at the moment of the scrape."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.decision_journal import DecisionJournal, RecordedDecision
from carbon_scaler.application.directives import NO_DIRECTIVES, Directives, DirectiveStates
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.places import Beat, PlaceStates
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.subjects import Subject
from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.place import LIVE_FOR, Move, Whereabouts
from carbon_scaler.domain.policy import StatedSettings
from carbon_scaler.domain.trigger import Mode, Trigger
from carbon_scaler.observability.counters import LATENCY_BOUNDS, LoopLag, RpcCounters
from carbon_scaler.web.metrics import MOST_OBJECTS, Measured, build_registry
from tests.builders import DAY, HOME, HOUR, MINUTE, NOW, SECOND, a_region, a_series, a_trigger
from tests.builders import an_item as item
from tests.fakes import (
    FakeChanges,
    FakeClock,
    FakeIntensityStore,
    a_rulebook,
    rules_of,
    what_is_known,
)
from tests.unit.decisions.place_world import a_shared_plan, somewhere

BRAKE = a_trigger(region=HOME, mode=Mode.BRAKE)
QUEUE = a_trigger(region=HOME, backlog="orders")


class AwayError(CarbonScalerError):
    """What an adapter raises."""


class Orders:
    """A backlog that holds what the test put in, or fails."""

    name = "orders"
    namespaces = None
    refresh = 5 * SECOND
    timeout = SECOND
    max_age = MINUTE

    def __init__(self) -> None:
        self.items: Items | Exception = Items.of([])

    async def read(self) -> Items:
        if isinstance(self.items, Exception):
            raise self.items
        return self.items

    async def close(self) -> None:
        pass


class Nowhere:
    """Keeps no decision and knows no directive."""

    async def append(self, decisions: Sequence[RecordedDecision]) -> None: ...

    async def load(self, now: datetime) -> Directives:
        return NO_DIRECTIVES


class SharedWork:
    """Two pieces that run in the east, and one of which nobody knows where."""

    async def load(self) -> Mapping[str, Whereabouts]:
        silent = somewhere("us-east-1", live=())
        return {"orders": silent, "letters": silent, "reports": Whereabouts()}

    async def beat(self, beats: Sequence[Beat], *, holder: str) -> None: ...

    async def choose(self, move: Move, *, by: str) -> bool:
        return True


@dataclass(kw_only=True)
class World:
    clock: FakeClock
    changes: FakeChanges
    store: FakeIntensityStore
    snapshots: Snapshots
    orders: Orders
    backlogs: Backlogs
    evaluator: Evaluator
    subjects: list[Subject]
    measured: Measured

    def poll(self, trigger: Trigger) -> Subject:
        subject = self.evaluator.subject(trigger)
        self.subjects.append(subject)
        self.evaluator.answer(subject)
        return subject

    def scraped(self) -> Mapping[tuple[str, ...], float]:
        """Values by name and labels' values, these in the order of their names."""
        text = generate_latest(build_registry(self.measured)).decode()
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.fixture
async def world() -> World:
    clock, changes, orders = FakeClock(NOW), FakeChanges(), Orders()
    store = FakeIntensityStore({HOME: a_series(300, 500, usable_for=DAY)})
    snapshots = Snapshots(store=store, changes=changes, clock=clock)
    await snapshots.refresh(None)
    backlogs = Backlogs([orders], clock)
    rulebook, journal = a_rulebook({HOME: a_region()}), DecisionJournal(Nowhere(), answered_by="me")
    evaluator = Evaluator(
        rulebook=rulebook,
        default_region=None,
        known=what_is_known(snapshots, backlogs),
        notes=journal,
        clock=clock,
    )
    directives = DirectiveStates(store=Nowhere(), changes=changes, clock=clock)
    places = PlaceStates(store=SharedWork(), changes=changes, clock=clock, series=dict, holder="me")
    subjects: list[Subject] = []

    def polled() -> Iterator[Subject]:
        return iter(tuple(subjects))

    return World(
        clock=clock,
        changes=changes,
        store=store,
        snapshots=snapshots,
        orders=orders,
        backlogs=backlogs,
        evaluator=evaluator,
        subjects=subjects,
        measured=Measured(
            version="1.2.3",
            clock=clock,
            evaluator=evaluator,
            snapshots=snapshots,
            backlogs=backlogs,
            subjects=polled,
            rpc=RpcCounters(),
            loop_lag=LoopLag(),
            rules=rules_of(rulebook, clock),
            directives=directives,
            places=places,
            journal=journal,
        ),
    )


# Decisions and objects


async def test_a_server_that_was_never_asked_still_tells_what_it_knows(world: World):
    scraped = world.scraped()

    assert scraped["carbon_scaler_build_info", "1.2.3"] == 1
    assert scraped["carbon_scaler_objects",] == 0
    assert scraped["carbon_scaler_overdue_items", "orders"] == 0
    assert scraped["carbon_scaler_backlog_failures_total", "orders"] == 0
    assert ("carbon_scaler_backlog_age_seconds", "orders") not in scraped, "not read yet"


async def test_answers_are_counted_by_mode_reason_and_verdict(world: World):
    for trigger in (BRAKE, BRAKE, a_trigger()):
        world.poll(trigger)

    scraped = world.scraped()

    name = "carbon_scaler_decisions_total"
    assert scraped[name, "brake", "above_threshold", "closed"] == 2
    assert scraped[name, "none", "bad_metadata", "error"] == 1


async def test_an_object_with_several_triggers_shows_its_newest_poll(world: World):
    world.poll(BRAKE)
    world.clock.advance(30 * SECOND)
    world.poll(replace(BRAKE, stated=StatedSettings(threshold=450.0)))
    world.poll(replace(BRAKE, name="other"))
    world.subjects.append(world.evaluator.subject(replace(BRAKE, name="never polled")))
    world.clock.advance(5 * SECOND)

    scraped = world.scraped()

    name = "carbon_scaler_seconds_since_poll"
    assert {key: value for key, value in scraped.items() if key[0] == name} == {
        (name, "embeddings", "batch"): 5.0,
        (name, "other", "batch"): 5.0,
    }
    assert scraped["carbon_scaler_objects",] == 2


async def test_the_number_of_objects_shown_is_bounded_and_the_first_ones_stay(world: World):
    for number in range(MOST_OBJECTS + 5):
        world.poll(replace(BRAKE, name=f"object-{number}"))
    world.clock.advance(SECOND)
    world.poll(replace(BRAKE, name="object-0", stated=StatedSettings(threshold=450.0)))

    scraped = world.scraped()

    shown = [key[1] for key in scraped if key[0] == "carbon_scaler_seconds_since_poll"]
    assert len(shown) == MOST_OBJECTS
    assert scraped["carbon_scaler_seconds_since_poll", "object-0", "batch"] == 0
    assert "object-1004" not in shown
    assert scraped["carbon_scaler_objects",] == MOST_OBJECTS + 5


async def test_a_clock_that_was_set_back_makes_no_negative_ages(world: World):
    world.poll(BRAKE)
    world.clock.advance(-HOUR)

    assert world.scraped()["carbon_scaler_seconds_since_poll", "embeddings", "batch"] == 0


# Backlogs


async def test_items_are_shown_by_state_with_the_age_of_the_reading(world: World):
    world.orders.items = Items.of([item(), item()], in_progress=3)
    await world.backlogs.read_once("orders")
    world.clock.advance(7 * SECOND)

    scraped = world.scraped()

    assert scraped["carbon_scaler_backlog_items", "orders", "waiting"] == 2
    assert scraped["carbon_scaler_backlog_items", "orders", "in_progress"] == 3
    assert scraped["carbon_scaler_backlog_age_seconds", "orders"] == 7


async def test_overdue_is_what_the_strictest_trigger_says(world: World):
    world.orders.items = Items.of([item(2 * HOUR), item(5 * HOUR), item()])
    await world.backlogs.read_once("orders")

    world.poll(replace(QUEUE, stated=StatedSettings(max_delay=4 * HOUR)))
    assert world.scraped()["carbon_scaler_overdue_items", "orders"] == 1

    world.poll(replace(QUEUE, name="strict", stated=StatedSettings(max_delay=HOUR)))
    world.poll(replace(QUEUE, name="patient", stated=StatedSettings(max_delay=DAY)))
    assert world.scraped()["carbon_scaler_overdue_items", "orders"] == 2


async def test_a_trigger_that_was_replaced_does_not_count_any_more(world: World):
    world.orders.items = Items.of([item(2 * HOUR)])
    await world.backlogs.read_once("orders")
    world.poll(QUEUE)
    assert world.scraped()["carbon_scaler_overdue_items", "orders"] == 1

    # Its author gave it more time, and the server still knows the former text.
    world.clock.advance(10 * MINUTE)
    await world.backlogs.read_once("orders")
    world.poll(replace(QUEUE, stated=StatedSettings(max_delay=DAY)))

    assert world.scraped()["carbon_scaler_overdue_items", "orders"] == 0


async def test_two_triggers_of_one_object_count_both(world: World):
    world.orders.items = Items.of([item(2 * HOUR)])
    await world.backlogs.read_once("orders")
    world.poll(QUEUE)
    world.clock.advance(SECOND)
    world.poll(replace(QUEUE, stated=StatedSettings(max_delay=DAY)))

    assert world.scraped()["carbon_scaler_overdue_items", "orders"] == 1


async def test_items_stay_overdue_when_nobody_polls_any_more(world: World):
    world.orders.items = Items.of([item(2 * HOUR)])
    world.poll(QUEUE)
    world.clock.advance(DAY)
    await world.backlogs.read_once("orders")

    assert world.scraped()["carbon_scaler_overdue_items", "orders"] == 1


async def test_failures_are_counted_and_the_last_reading_ages(world: World):
    world.orders.items = Items.of([item(2 * HOUR)])
    await world.backlogs.read_once("orders")
    world.poll(QUEUE)
    world.orders.items = AwayError("query failed")
    world.clock.advance(2 * MINUTE)
    await world.backlogs.read_once("orders")

    scraped = world.scraped()

    assert scraped["carbon_scaler_backlog_failures_total", "orders"] == 1
    assert scraped["carbon_scaler_backlog_age_seconds", "orders"] == 120
    assert scraped["carbon_scaler_backlog_items", "orders", "waiting"] == 1
    assert scraped["carbon_scaler_overdue_items", "orders"] == 0, "nobody knows"


# The grid and the database


async def test_the_newest_value_that_has_begun_is_shown_with_its_age(world: World):
    later = NOW + HOUR
    world.store.series["us-east-1"] = a_series(80, starts=[later])
    await world.snapshots.refresh(None)
    world.clock.advance(90 * SECOND)

    scraped = world.scraped()

    assert scraped["carbon_scaler_intensity_grams_per_kwh", HOME, "electricity_maps"] == 500
    assert scraped["carbon_scaler_data_age_seconds", HOME] == 90
    assert ("carbon_scaler_data_age_seconds", "us-east-1") not in scraped
    assert scraped["carbon_scaler_snapshot_age_seconds",] == 90


async def test_the_database_is_up_until_loading_or_listening_fails(world: World):
    assert world.scraped()["carbon_scaler_database_up",] == 1

    world.changes.last_error = "the database closed the connection"

    assert world.scraped()["carbon_scaler_database_up",] == 0


# The process


async def test_shared_work_is_counted_by_where_it_runs_and_moves_by_why(world: World):
    # Somebody asks in the west only, and the work is in the east.
    for _ in range(2):
        world.measured.places.note(a_shared_plan(HOME), world.clock.now())
        await world.measured.places.keep_once()
        world.clock.advance(LIVE_FOR)

    scraped = world.scraped()

    assert scraped["carbon_scaler_places", "us-east-1"] == 2
    assert scraped["carbon_scaler_place_moves_total", "silent"] == 1
    assert scraped["carbon_scaler_place_moves_total", "better"] == 0


async def test_calls_are_counted_by_code_and_timed_in_buckets(world: World):
    for seconds in (0.0001, 0.0004, 0.0005, 60.0):
        world.measured.rpc.observe("GetMetrics", "OK", seconds)
    world.measured.rpc.observe("IsActive", "UNAVAILABLE", 0.001)

    scraped = world.scraped()

    assert scraped["carbon_scaler_grpc_requests_total", "OK", "GetMetrics"] == 4
    assert scraped["carbon_scaler_grpc_requests_total", "UNAVAILABLE", "IsActive"] == 1
    bucket = "carbon_scaler_grpc_latency_seconds_bucket"
    assert scraped[bucket, "0.00025", "GetMetrics"] == 1
    assert scraped[bucket, "0.0005", "GetMetrics"] == 3, "a bound belongs to its bucket"
    assert scraped[bucket, str(LATENCY_BOUNDS[-1]), "GetMetrics"] == 3
    assert scraped[bucket, "+Inf", "GetMetrics"] == 4
    assert scraped["carbon_scaler_grpc_latency_seconds_count", "GetMetrics"] == 4
    assert scraped["carbon_scaler_grpc_latency_seconds_sum", "GetMetrics"] == pytest.approx(60.001)


async def test_the_worst_lateness_of_the_loop_is_that_since_the_last_scrape(world: World):
    for seconds in (0.2, 0.001):
        world.measured.loop_lag.observe(seconds)

    first, second = world.scraped(), world.scraped()

    name = "carbon_scaler_loop_lag_seconds"
    assert (first[name, "last"], first[name, "worst"]) == (0.001, 0.2)
    assert (second[name, "last"], second[name, "worst"]) == (0.001, 0.0)


async def test_names_that_need_escaping_come_out_as_they_are(world: World):
    world.poll(replace(BRAKE, name='a"b\\c\nd'))
    world.clock.advance(timedelta(seconds=1))

    assert world.scraped()["carbon_scaler_seconds_since_poll", 'a"b\\c\nd', "batch"] == 1
