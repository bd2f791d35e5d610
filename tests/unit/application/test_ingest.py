"""Values go from the sources into the store, whatever fails in between."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from structlog.testing import capture_logs

from carbon_scaler.application import ingest_feeds
from carbon_scaler.application.ingest import Ingest
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis, Kind, Reading, RenewableShare
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.providers.replay import ReplaySource
from carbon_scaler.providers.replay_file import parse_replay

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)
HISTORY_HOURS = 50
CHUNK_HOURS = 10


class UnreachableError(CarbonScalerError):
    """What an adapter raises."""


class EnoughError(Exception):
    """Ends a loop that runs for ever."""


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.at = START
        self.naps: list[float] = []
        self.end = START + timedelta(days=365)

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.at += timedelta(seconds=seconds)
        if self.at >= self.end or len(self.naps) > 20_000:
            raise EnoughError


@dataclass
class HourlySource:
    """Knows each hour's value from the hour's start."""

    name: str = "hourly"
    regions: tuple[str, ...] = ("a", "b")
    failure: Exception | None = None
    history_failure: Exception | None = None
    asked: list[datetime] = field(default_factory=list)
    history_asked: list[datetime] = field(default_factory=list)

    async def latest(self, now: datetime) -> Sequence[Reading]:
        self.asked.append(now)
        if self.failure:
            raise self.failure
        return self._hour(hour_of(now), now)

    async def history(self, now: datetime) -> AsyncIterator[Sequence[Reading]]:
        self.history_asked.append(now)
        for newest in range(0, HISTORY_HOURS, CHUNK_HOURS):
            if self.history_failure:
                raise self.history_failure
            ages = range(min(newest + CHUNK_HOURS, HISTORY_HOURS), newest, -1)
            yield [each for age in ages for each in self._hour(hour_of(now) - age * HOUR, now)]

    def next_due_after(self, now: datetime) -> datetime:
        return hour_of(now) + HOUR

    def _hour(self, at: datetime, now: datetime) -> list[Reading]:
        return [reading(region, at, self.name, now) for region in self.regions]


@dataclass
class Store:
    """Keeps readings by what identifies them."""

    rows: dict[tuple[str, datetime, str], Reading] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)
    failure: Exception | None = None
    never_usable: frozenset[str] = frozenset()

    async def store(self, readings: Sequence[Reading]) -> int:
        await asyncio.sleep(0)
        self.calls.append(len(readings))
        if self.failure:
            raise self.failure
        new = {(each.region, each.observed_at, each.source): each for each in readings}
        changed = len(new.keys() - self.rows.keys())
        self.rows |= new
        return changed

    async def load(
        self, regions: Collection[str] | None, *, now: datetime
    ) -> Mapping[str, RegionSeries]:
        found = {each.region for each in self.rows.values() if each.observed_at <= now}
        wanted = found if regions is None else found & set(regions)
        return {region: self._series(region) for region in wanted - self.never_usable}

    def hours(self, region: str) -> set[datetime]:
        return {at for name, at, _ in self.rows if name == region}

    def _series(self, region: str) -> RegionSeries:
        rows = sorted(
            (each for each in self.rows.values() if each.region == region),
            key=lambda each: each.observed_at,
        )
        return RegionSeries(
            region=region,
            basis=Basis(),
            first_at=rows[0].observed_at,
            starts=np.array([each.observed_at.timestamp() for each in rows]),
            grams_per_kwh=np.array([each.grams_per_kwh for each in rows]),
            renewable_at_least=np.zeros(len(rows)),
            renewable_at_most=np.full(len(rows), 100.0),
            fetched=np.array([each.fetched_at.timestamp() for each in rows]),
            usable_for=np.array([each.usable_for.total_seconds() for each in rows]),
            sources=tuple(each.source for each in rows),
            kinds=tuple(each.kind for each in rows),
        )


def reading(region: str, at: datetime, source: str, now: datetime) -> Reading:
    return Reading(
        region=region,
        observed_at=at,
        grams_per_kwh=200.0,
        renewable=RenewableShare(at_least=0.0, at_most=100.0),
        source=source,
        kind=Kind.MEASURED,
        basis=Basis(),
        fetched_at=now,
        usable_for=timedelta(hours=2),
    )


def hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def hours_up_to(last: datetime, count: int) -> set[datetime]:
    return {hour_of(last) - n * HOUR for n in range(count)}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> HourlySource:
    return HourlySource()


@pytest.fixture
def store() -> Store:
    return Store()


def ingest_of(clock: Clock, store: Store, *sources: HourlySource) -> Ingest:
    return Ingest(sources, store=store, clock=clock, sleep=clock.sleep)


async def run_for(ingest: Ingest, clock: Clock, duration: timedelta) -> None:
    clock.end = clock.at + duration
    with pytest.raises(EnoughError):
        await ingest.run()


# --- one cycle ------------------------------------------------------------------------------


async def test_one_cycle_stores_the_latest_values_and_the_past(
    clock: Clock, store: Store, source: HourlySource
):
    outcome = await ingest_of(clock, store, source).ingest_once()
    (told,) = outcome.sources
    assert (told.source, told.rows, told.changed) == ("hourly", 102, 102)
    assert told.regions == outcome.usable == {"a", "b"}
    assert not outcome.failures
    assert store.calls == [2, 20, 20, 20, 20, 20]
    assert store.hours("a") == hours_up_to(START, HISTORY_HOURS + 1)


async def test_a_second_cycle_changes_nothing(clock: Clock, store: Store, source: HourlySource):
    await ingest_of(clock, store, source).ingest_once()
    outcome = await ingest_of(clock, store, source).ingest_once()
    assert (outcome.sources[0].rows, outcome.changed) == (102, 0)


@pytest.mark.parametrize(
    ("failure", "cause"),
    [
        (UnreachableError("refused: wrong key"), "refused: wrong key"),
        (TimeoutError(), "no answer in time"),
        (KeyError("data"), "'data'"),
        (RuntimeError(), "RuntimeError"),
    ],
)
async def test_a_source_that_fails_is_an_outcome_and_the_others_go_on(
    clock: Clock, store: Store, failure: Exception, cause: str
):
    source = HourlySource()
    broken = HourlySource(name="broken", regions=("c",), failure=failure)
    outcome = await ingest_of(clock, store, broken, source).ingest_once()
    assert outcome.failures == {"broken": cause}
    assert outcome.usable == {"a", "b"}
    assert not broken.history_asked


@pytest.mark.parametrize("failure", [UnreachableError("no plan"), ValueError("no plan")])
async def test_a_history_that_fails_is_an_outcome_and_the_latest_values_stay(
    clock: Clock, store: Store, source: HourlySource, failure: Exception
):
    source.history_failure = failure
    outcome = await ingest_of(clock, store, source).ingest_once()
    assert outcome.failures == {"hourly": "no plan"}
    assert outcome.usable == {"a", "b"}


async def test_a_source_that_never_answers_is_ended(
    clock: Clock, store: Store, source: HourlySource, monkeypatch: pytest.MonkeyPatch
):
    class Silent(HourlySource):
        async def latest(self, now: datetime) -> Sequence[Reading]:
            await asyncio.Event().wait()
            return await super().latest(now)

    monkeypatch.setattr(ingest_feeds, "SOURCE_SECONDS", 0.0)
    outcome = await ingest_of(clock, store, Silent()).ingest_once()
    assert outcome.failures == {"hourly": "no answer in time"}


async def test_a_failing_store_is_raised(clock: Clock, store: Store, source: HourlySource):
    store.failure = UnreachableError("no database")
    with pytest.raises(UnreachableError):
        await ingest_of(clock, store, source).ingest_once()


async def test_a_value_that_the_store_flags_is_not_usable(
    clock: Clock, store: Store, source: HourlySource
):
    store.never_usable = frozenset({"a"})
    outcome = await ingest_of(clock, store, source).ingest_once()
    assert outcome.usable == {"b"}
    assert outcome.sources[0].regions == {"a", "b"}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": Kind.STATIC},
        {"observed_at": hour_of(START) - 2 * HOUR},
        {"observed_at": hour_of(START) + HOUR},
        {"usable_for": timedelta(minutes=5)},
    ],
    ids=["static", "too old", "in the future", "soon too old"],
)
async def test_what_may_not_decide_is_not_usable(
    clock: Clock, store: Store, change: dict[str, object]
):
    class Odd(HourlySource):
        async def latest(self, now: datetime) -> Sequence[Reading]:
            return [replace(each, **change) for each in await super().latest(now)]

    outcome = await ingest_of(clock, store, Odd()).ingest_once()
    assert outcome.sources[0].regions == {"a", "b"}
    assert not outcome.usable


async def test_a_value_that_the_source_did_not_give_now_is_not_its_merit(
    clock: Clock, store: Store, source: HourlySource
):
    """An old value of the store does not hide that the source gave none."""
    await ingest_of(clock, store, source).ingest_once()
    source.regions = ("a",)
    assert (await ingest_of(clock, store, source).ingest_once()).usable == {"a"}


async def test_a_source_without_data_is_no_failure(clock: Clock, store: Store):
    outcome = await ingest_of(clock, store, HourlySource(regions=())).ingest_once()
    assert not outcome.usable
    assert not outcome.failures
    assert not store.calls


# --- the loop -------------------------------------------------------------------------------


async def test_the_latest_values_come_first_and_then_the_past(
    clock: Clock, store: Store, source: HourlySource
):
    ingest = ingest_of(clock, store, source)
    assert not ingest.first_cycle_done.is_set()
    await run_for(ingest, clock, timedelta(seconds=1))
    assert ingest.first_cycle_done.is_set()
    assert store.calls == [2, 20, 20, 20, 20, 20]


async def test_the_source_is_asked_at_the_start_of_each_hour_and_no_past_again(
    clock: Clock, store: Store, source: HourlySource
):
    await run_for(ingest_of(clock, store, source), clock, 3 * HOUR)
    assert source.asked == [START, *(hour_of(START) + n * HOUR for n in (1, 2, 3))]
    assert source.history_asked == [START]


async def test_a_value_that_comes_due_does_not_wait_for_the_past(
    clock: Clock, store: Store, source: HourlySource
):
    class SlowStore(Store):
        async def store(self, readings: Sequence[Reading]) -> int:
            clock.at += timedelta(minutes=20)
            return await super().store(readings)

    slow = SlowStore()
    await run_for(ingest_of(clock, slow, source), clock, 8 * HOUR)
    # Storing takes 20 minutes here; the hours that begin meanwhile are asked for in between.
    assert slow.calls == [2, 20, 20, 2, 20, 20, 2, 20, 2, 2, 2, 2, 2, 2]
    assert slow.hours("a") >= hours_up_to(START, HISTORY_HOURS + 1)


async def test_sources_are_asked_when_each_is_due(clock: Clock, store: Store, source: HourlySource):
    class Daily(HourlySource):
        def next_due_after(self, now: datetime) -> datetime:
            return now.replace(hour=0, minute=0, second=0) + timedelta(days=1)

    daily = Daily(name="daily")
    await run_for(ingest_of(clock, store, source, daily), clock, 5 * HOUR)
    assert (len(source.asked), len(daily.asked)) == (6, 1)


async def test_a_source_that_failed_is_asked_again_in_a_minute(
    clock: Clock, store: Store, source: HourlySource
):
    source.failure = UnreachableError("away")
    ingest = ingest_of(clock, store, source)
    await run_for(ingest, clock, timedelta(minutes=3, seconds=30))
    assert [(at - START).total_seconds() for at in source.asked] == [0, 60, 120, 180]
    assert ingest.first_cycle_done.is_set()
    source.failure = None
    await run_for(ingest, clock, timedelta(minutes=2))
    assert store.hours("a") == hours_up_to(START, HISTORY_HOURS + 1)


async def test_hours_missed_while_the_source_failed_are_caught_up(
    clock: Clock, store: Store, source: HourlySource
):
    ingest = ingest_of(clock, store, source)
    await run_for(ingest, clock, HOUR)
    source.failure = UnreachableError("away")
    await run_for(ingest, clock, 5 * HOUR)
    source.failure = None
    await run_for(ingest, clock, timedelta(minutes=2))
    assert store.hours("a") == hours_up_to(clock.at, HISTORY_HOURS + 7)


async def test_a_history_that_fails_is_asked_for_again_at_the_next_cycle(
    clock: Clock, store: Store, source: HourlySource
):
    source.history_failure = UnreachableError("busy")
    ingest = ingest_of(clock, store, source)
    await run_for(ingest, clock, timedelta(minutes=30))
    assert store.calls == [2]
    source.history_failure = None
    await run_for(ingest, clock, HOUR)
    assert store.hours("a") == hours_up_to(clock.at, HISTORY_HOURS + 1)


async def test_a_store_that_fails_is_retried_with_patience_and_the_source_left_alone(
    clock: Clock, store: Store, source: HourlySource
):
    store.failure = UnreachableError("no database")
    ingest = ingest_of(clock, store, source)
    await run_for(ingest, clock, timedelta(seconds=20))
    assert clock.naps == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]
    assert source.asked == [START]
    assert not ingest.first_cycle_done.is_set()
    store.failure = None
    await run_for(ingest, clock, timedelta(seconds=1))
    assert ingest.first_cycle_done.is_set()
    assert store.hours("a") == hours_up_to(START, HISTORY_HOURS + 1)


async def test_hours_missed_while_the_store_was_away_are_caught_up(
    clock: Clock, store: Store, source: HourlySource
):
    ingest = ingest_of(clock, store, source)
    await run_for(ingest, clock, HOUR)
    store.failure = UnreachableError("no database")
    await run_for(ingest, clock, 13 * HOUR)
    store.failure = None
    store.calls.clear()
    await run_for(ingest, clock, timedelta(seconds=10))
    assert store.hours("a") == hours_up_to(clock.at, HISTORY_HOURS + 15)
    # The latest, then what was missed and the last one that was kept.
    assert store.calls == [2, 20, 6]


async def test_a_store_that_fails_amid_the_past_gets_the_same_chunk_again(
    clock: Clock, store: Store, source: HourlySource
):
    steps = 0

    class Failing(Store):
        async def store(self, readings: Sequence[Reading]) -> int:
            nonlocal steps
            steps += 1
            if steps == 3:
                raise TimeoutError
            return await super().store(readings)

    ingest = ingest_of(clock, failing := Failing(), source)
    await run_for(ingest, clock, timedelta(seconds=10))
    assert failing.calls == [2, 20, 20, 20, 20, 20]
    assert source.history_asked == [START]


async def test_a_clock_that_is_set_forward_is_caught_up(
    clock: Clock, store: Store, source: HourlySource
):
    ingest = ingest_of(clock, store, source)
    await run_for(ingest, clock, timedelta(minutes=1))
    clock.at += 10 * HOUR
    await run_for(ingest, clock, timedelta(seconds=10))
    assert store.hours("a") == hours_up_to(clock.at, HISTORY_HOURS + 11)


async def test_a_clock_that_is_set_back_is_followed(
    clock: Clock, store: Store, source: HourlySource
):
    ingest = ingest_of(clock, store, source)
    await run_for(ingest, clock, timedelta(minutes=1))
    clock.at -= 3 * HOUR
    back = clock.at
    await run_for(ingest, clock, HOUR)
    assert source.asked == [START, back, hour_of(back) + HOUR]


async def test_naps_are_short_so_that_a_clock_that_is_set_is_noticed(
    clock: Clock, store: Store, source: HourlySource
):
    await run_for(ingest_of(clock, store, source), clock, HOUR)
    assert max(clock.naps) == 5.0


async def test_an_unforeseen_error_of_the_store_is_left_to_the_supervisor(
    clock: Clock, store: Store, source: HourlySource
):
    store.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await ingest_of(clock, store, source).run()


async def test_a_fast_replay_leaves_no_slot_out_whatever_the_store_does(clock: Clock, store: Store):
    year = parse_replay(
        "at,a\n" + "\n".join(f"2022-03-04T{hour:02}:00Z,{hour}" for hour in range(24)), name="day"
    )
    source = ReplaySource(year=year, speed=3600, started_at=START)
    ingest = Ingest([source], store=store, clock=clock, sleep=clock.sleep)
    await run_for(ingest, clock, timedelta(seconds=3))
    store.failure = UnreachableError("no database")
    await run_for(ingest, clock, timedelta(seconds=9))
    store.failure = None
    await run_for(ingest, clock, timedelta(seconds=8))
    seconds = [START + timedelta(seconds=n) for n in range(19)]
    kept = {at: each.grams_per_kwh for (_, at, _), each in store.rows.items() if at >= START}
    assert kept == {at: hour for hour, at in enumerate(seconds, start=5) if hour < 24}


# --- what is told ---------------------------------------------------------------------------


async def test_each_cycle_is_one_line_and_only_a_change_is_worth_a_look(
    clock: Clock, store: Store, source: HourlySource
):
    with capture_logs() as logs:
        await run_for(ingest_of(clock, store, source), clock, 3 * HOUR)
    cycles = [each for each in logs if each["event"] == "ingest.cycle_finished"]
    assert cycles[0] == {
        "event": "ingest.cycle_finished",
        "log_level": "info",
        "source": "hourly",
        "rows": 2,
        "changed": 2,
        "regions": 2,
    }
    assert [each["log_level"] for each in cycles] == ["info", "debug", "debug", "debug"]
    assert [each for each in logs if each["event"] == "ingest.history_loaded"] == [
        {
            "event": "ingest.history_loaded",
            "log_level": "info",
            "source": "hourly",
            "rows": 100,
            "changed": 100,
        }
    ]


async def test_a_failing_store_is_one_line_when_it_begins_and_one_when_it_ends(
    clock: Clock, store: Store, source: HourlySource
):
    ingest = ingest_of(clock, store, source)
    store.failure = UnreachableError("no database")
    with capture_logs() as logs:
        await run_for(ingest, clock, timedelta(minutes=1))
        store.failure = None
        await run_for(ingest, clock, timedelta(minutes=1))
    told = [each["event"] for each in logs if each["event"].startswith("ingest.store")]
    assert told == ["ingest.store_failed", "ingest.store_recovered"]
    assert logs[0]["cause"] == "no database"


async def test_a_failing_source_is_one_line_when_it_begins_and_one_when_it_ends(
    clock: Clock, store: Store, source: HourlySource
):
    ingest = ingest_of(clock, store, source)
    source.failure = UnreachableError("away")
    with capture_logs() as logs:
        await run_for(ingest, clock, timedelta(minutes=5))
        source.failure = None
        await run_for(ingest, clock, timedelta(minutes=5))
    told = [each["event"] for each in logs if each["event"].startswith("ingest.source")]
    assert told == ["ingest.source_failed", "ingest.source_recovered"]
    cycles = [each for each in logs if each["event"] == "ingest.cycle_finished"]
    assert cycles[0]["failed"] == "hourly"
    assert "failed" not in cycles[-1]
