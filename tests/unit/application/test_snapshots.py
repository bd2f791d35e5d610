"""One view of all grids, swapped as a whole and kept while the store is away."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Signal
from carbon_scaler.domain.snapshot import RegionSeries, YearlyAverage
from tests.builders import HOUR, MINUTE, NOW, a_series
from tests.fakes import FakeChanges, FakeClock, FakeIntensityStore
from tests.grid_builders import an_average, an_outlook


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


MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)


def a_full_series(**changed: object) -> RegionSeries:
    """With all that may count in place of an observed value."""
    stand_in = replace(a_series(700), basis=MARGINAL)
    full = replace(
        a_series(300, 500), outlook=an_outlook(50, 60), average=an_average(), stand_ins=(stand_in,)
    )
    return replace(full, **changed)


async def test_equal_forecasts_averages_and_stand_ins_stay_the_same_object_too():
    store = FakeIntensityStore({"us-west-1": a_full_series()})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)
    before = snapshots.current.regions["us-west-1"]

    store.series["us-west-1"] = a_full_series()
    await snapshots.refresh(None)

    assert snapshots.current.regions["us-west-1"] is before


@pytest.mark.parametrize(
    "other",
    [
        a_full_series(grams_per_kwh=a_series(300, 501).grams_per_kwh),
        a_series(300, 500, 500),
        a_full_series(starts=a_series(300, 500, since=NOW).starts),
        a_full_series(renewable_at_least=a_series(1, 1, renewable=50.0).renewable_at_least),
        a_full_series(renewable_at_most=a_series(1, 1, renewable=50.0).renewable_at_most),
        a_full_series(fetched=a_series(1, 1, since=NOW).fetched),
        a_full_series(usable_for=a_series(1, 1, usable_for=HOUR).usable_for),
        a_full_series(sources=("electricity_maps", "manual")),
        a_full_series(kinds=(Kind.MEASURED, Kind.ESTIMATED)),
        a_full_series(first_at=NOW - 5 * HOUR),
        a_full_series(first_at=None),
        a_full_series(basis=MARGINAL),
        a_full_series(outlook=None),
        a_full_series(outlook=an_outlook(50, 61)),
        a_full_series(outlook=an_outlook(50, 60, since=NOW + HOUR)),
        a_full_series(outlook=an_outlook(50, 60, lasts=HOUR / 2, starts=[NOW, NOW + HOUR])),
        a_full_series(outlook=an_outlook(50, 60, issued_at=NOW)),
        a_full_series(outlook=an_outlook(50, 60, source="neso")),
        a_full_series(average=an_average(175.0)),
        a_full_series(average=None),
        a_full_series(stand_ins=()),
        a_full_series(stand_ins=(replace(a_series(701), basis=MARGINAL),)),
    ],
    ids=[
        "grams", "rows", "starts", "at least", "at most", "fetched", "usable", "source", "kind",
        "first", "no first", "basis", "no forecast", "forecast grams", "forecast starts",
        "forecast lasts", "forecast issue", "forecast source", "average", "no average",
        "no stand-in", "stand-in",
    ],
)  # fmt: skip
async def test_any_difference_makes_another_object(other: RegionSeries):
    store = FakeIntensityStore({"us-west-1": a_full_series()})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)

    store.series["us-west-1"] = other
    await snapshots.refresh(None)

    assert snapshots.current.regions["us-west-1"] is other


async def test_the_loop_gets_its_turn_between_regions():
    regions = [f"region-{number}" for number in range(50)]
    snapshots = snapshots_of(FakeIntensityStore({region: a_series(1) for region in regions}))
    await snapshots.refresh(None)

    refreshing = asyncio.ensure_future(snapshots.refresh(None))
    turns = 0
    while not refreshing.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns >= len(regions)


async def test_of_two_refreshes_at_a_time_none_undoes_the_other():
    store = FakeIntensityStore({"us-west-1": a_series(1), "us-east-1": a_series(2)})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)

    store.series = {"us-west-1": a_series(3), "us-east-1": a_series(4)}
    await asyncio.gather(snapshots.refresh(["us-west-1"]), snapshots.refresh(["us-east-1"]))

    assert dict(snapshots.current.regions) == store.series


# What labels a region without values


async def test_a_region_gets_the_yearly_average_of_its_own_basis():
    def averages(region: str, basis: Basis) -> YearlyAverage | None:
        return an_average() if (region, basis) == ("us-west-1", Basis()) else None

    store = FakeIntensityStore(
        {"us-west-1": a_series(1), "us-east-1": replace(a_series(2), basis=MARGINAL)}
    )
    snapshots = Snapshots(
        store=store, changes=FakeChanges(), clock=FakeClock(NOW), averages=averages
    )
    await snapshots.refresh(None)
    before = snapshots.current.regions["us-west-1"]
    await snapshots.refresh(None)

    assert snapshots.current.regions["us-west-1"] is before
    assert before.average == an_average()
    assert snapshots.current.regions["us-east-1"].average is None


# Changes of source


async def test_a_change_of_source_is_told_once_and_counted():
    store = FakeIntensityStore(
        {"us-west-1": a_series(1, source="electricity_maps"), "us-east-1": a_series(2)}
    )
    snapshots = snapshots_of(store)
    with capture_logs() as logs:
        await snapshots.refresh(None)
        store.series["us-west-1"] = a_series(1, source="neso")
        for _ in range(2):
            await snapshots.refresh(["us-west-1"])

    told = [log for log in logs if log["event"] == "intensity.source_changed"]
    assert [(log["region"], log["former"], log["present"], log["kind"]) for log in told] == [
        ("us-west-1", "electricity_maps", "neso", "measured")
    ]
    assert snapshots.source_changes == {"us-west-1": 1}


async def test_time_alone_may_change_the_source():
    series = replace(a_series(1, source="neso"), average=an_average())
    clock = FakeClock(NOW)
    snapshots = snapshots_of(FakeIntensityStore({"us-west-1": series}), clock=clock)
    await snapshots.refresh(None)

    clock.advance(2 * HOUR)
    await snapshots.refresh(None)

    assert snapshots.source_changes == {"us-west-1": 1}


async def test_a_region_whose_values_ended_did_not_change_its_source():
    store = FakeIntensityStore({"us-west-1": a_series(1)})
    snapshots = snapshots_of(store)
    await snapshots.refresh(None)

    store.series["us-west-1"] = replace(a_series(since=NOW), first_at=None)
    await snapshots.refresh(None)
    store.series["us-west-1"] = a_series(1)
    await snapshots.refresh(None)

    assert not snapshots.source_changes


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
