"""One view of all grids, swapped as a whole and kept while the store is away."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.snapshot import RegionSeries
from tests.builders import HOUR, MINUTE, NOW, a_series
from tests.fakes import FakeChanges, FakeClock, FakeIntensityStore


class AwayError(CarbonScalerError):
    """What an adapter raises."""


def snapshots_of(
    store: FakeIntensityStore, changes: FakeChanges | None = None, clock: FakeClock | None = None
) -> Snapshots:
    return Snapshots(store=store, changes=changes or FakeChanges(), clock=clock or FakeClock(NOW))


async def until(holds: Callable[[], bool]) -> None:
    """Until it holds; every turn of the loop is a chance for it."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  what is awaited announces nothing
            await asyncio.sleep(0)


# Loading


async def test_nothing_is_known_before_the_first_load():
    snapshots = snapshots_of(FakeIntensityStore({"us-west-1": a_series(1)}))

    assert not snapshots.is_loaded
    assert snapshots.current.regions == {}
    assert snapshots.failure == "not loaded yet"
    assert await snapshots.wait_loaded(seconds=0) is False


async def test_the_first_load_is_of_everything_whatever_changed():
    store = FakeIntensityStore({"us-west-1": a_series(1), "us-east-1": a_series(2)})
    snapshots = snapshots_of(store)

    await snapshots.refresh(["us-west-1"])

    assert store.loads == [None]
    assert set(snapshots.current.regions) == {"us-west-1", "us-east-1"}
    assert snapshots.failure is None
    assert await snapshots.wait_loaded(seconds=0) is True


async def test_an_empty_store_is_loaded_as_well():
    snapshots = snapshots_of(FakeIntensityStore({}))

    await snapshots.refresh(None)

    assert snapshots.is_loaded


async def test_who_waits_for_the_first_load_goes_on_with_it():
    snapshots = snapshots_of(FakeIntensityStore({}))
    waiting = asyncio.ensure_future(snapshots.wait_loaded(seconds=5))
    await asyncio.sleep(0)

    await snapshots.refresh(None)

    assert await waiting is True


async def test_only_what_changed_is_read_again_and_the_rest_stays_the_same_object():
    store = FakeIntensityStore({"us-west-1": a_series(1), "us-east-1": a_series(2)})
    clock = FakeClock(NOW)
    snapshots = snapshots_of(store, clock=clock)
    await snapshots.refresh(None)
    before = snapshots.current

    clock.advance(MINUTE)
    store.series["us-west-1"] = a_series(9)
    store.series["us-east-1"] = a_series(9)
    await snapshots.refresh(["us-west-1"])

    assert store.loads == [None, ["us-west-1"]]
    assert snapshots.current is not before
    assert snapshots.current.loaded_at == NOW + MINUTE
    assert snapshots.current.regions["us-west-1"] is store.series["us-west-1"]
    assert snapshots.current.regions["us-east-1"] is before.regions["us-east-1"]
    assert set(before.regions) == {"us-west-1", "us-east-1"}, "a view never changes"


@pytest.mark.parametrize("changed", [["us-west-1"], None])
async def test_a_region_whose_values_are_gone_is_gone(changed: list[str] | None):
    store = FakeIntensityStore({"us-west-1": a_series(1), "us-east-1": a_series(2)})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)

    del store.series["us-west-1"]
    await snapshots.refresh(changed)

    assert set(snapshots.current.regions) == {"us-east-1"}


async def test_equal_values_stay_the_same_object_because_answers_hang_on_it():
    store = FakeIntensityStore({"us-west-1": a_series(300, 500, renewable=[20, None])})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)
    before = snapshots.current.regions["us-west-1"]

    store.series["us-west-1"] = a_series(300, 500, renewable=[20, None])
    await snapshots.refresh(None)

    assert snapshots.current.regions["us-west-1"] is before


@pytest.mark.parametrize(
    "other",
    [
        a_series(300, 501),
        a_series(300, 500, 500),
        a_series(300, 500, since=NOW),
        a_series(300, 500, renewable=50.0),
        a_series(300, 500, usable_for=HOUR),
        a_series(300, 500, source="manual"),
        a_series(300, 500, first_at=NOW - 5 * HOUR),
    ],
    ids=["grams", "rows", "starts", "renewable", "usable", "source", "first"],
)
async def test_any_difference_makes_another_object(other: RegionSeries):
    store = FakeIntensityStore({"us-west-1": a_series(300, 500)})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)

    store.series["us-west-1"] = other
    await snapshots.refresh(None)

    assert snapshots.current.regions["us-west-1"] is other


# A store that is away


async def test_a_store_that_fails_leaves_the_view_and_afterwards_all_is_read():
    store = FakeIntensityStore({"us-west-1": a_series(1), "us-east-1": a_series(2)})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)
    before = snapshots.current

    store.failure = AwayError("the database does not answer")
    store.series["us-east-1"] = a_series(9)
    with capture_logs() as logs:
        refreshing = asyncio.ensure_future(snapshots.refresh(["us-west-1"]))
        await until(lambda: len(store.loads) == 2)
        assert snapshots.current is before
        assert snapshots.is_loaded
        assert snapshots.failure == "the database does not answer"
        store.failure = None
        await refreshing

    assert store.loads == [None, ["us-west-1"], None]
    assert snapshots.failure is None
    assert snapshots.current.regions["us-east-1"] is store.series["us-east-1"]
    told = [(log["log_level"], log["event"]) for log in logs]
    assert told == [("warning", "snapshot.load_failed"), ("info", "snapshot.loaded")]


async def test_a_store_that_gives_no_word_of_changes_counts_as_away():
    changes = FakeChanges()
    snapshots = snapshots_of(FakeIntensityStore({}), changes)
    await snapshots.refresh(None)

    changes.last_error = "the database closed the connection"

    assert snapshots.failure == "the database closed the connection"
    assert snapshots.is_loaded


# Following


async def test_changes_are_followed_one_after_another():
    store, changes = FakeIntensityStore({"us-west-1": a_series(1)}), FakeChanges()
    snapshots, tasks = snapshots_of(store, changes), Tasks()
    tasks.start("snapshots", snapshots.run)
    assert await snapshots.wait_loaded(seconds=5)

    changes.announce("us-west-1")
    changes.announce()
    await until(lambda: len(store.loads) == 3)
    await tasks.stop()

    assert store.loads == [None, frozenset({"us-west-1"}), None]
