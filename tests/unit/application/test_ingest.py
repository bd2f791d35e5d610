"""Values go from the sources into the store, whatever fails in between."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.application.ingest import answers as ingest_answers
from carbon_scaler.application.ingest import loop as ingest_module
from carbon_scaler.application.ingest.loop import IngestOutcome
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Reading, Signal
from carbon_scaler.domain.observation import Observation
from carbon_scaler.providers.replay.file import parse_replay
from carbon_scaler.providers.replay.source import ReplaySource
from tests.unit.application.ingest_world import (
    HOUR,
    HOURLY,
    START,
    Source,
    UnreachableError,
    World,
)

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one wait that no clock is injected into never ends a test's answers early."""
    monkeypatch.setattr(ingest_module, "TOGETHER_SECONDS", 30.0)


@pytest.fixture
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a source never answers."""
    monkeypatch.setattr(ingest_module, "TOGETHER_SECONDS", 0.005)


def events(logs: list, name: str) -> list:  # type: ignore[type-arg]
    return [each for each in logs if each["event"] == name]


# --- feeds ----------------------------------------------------------------------------------


async def test_two_regions_of_one_zone_cost_one_call_and_both_get_the_value(world: World):
    world.regions = {"a": "Z", "b": "Z"}
    await world.run_for(MINUTE)
    assert (world.source.calls["latest"], world.source.calls["history"]) == (1, 2)
    assert world.store.starts("a") == world.store.starts("b") != []
    assert world.store.records["hourly", "Z"].regions == ("a", "b")


async def test_a_value_says_where_it_comes_from(world: World):
    await world.run_for(MINUTE)
    reading = world.store.rows["a", START.replace(minute=0, second=0), "hourly"]
    assert (reading.kind, reading.basis, reading.usable_for) == (Kind.MEASURED, Basis(), HOUR)
    told = reading.provenance
    assert told is not None
    assert (told.provider_zone, told.licence_class, told.accounting) == ("A", "open", "consumption")
    assert (told.lasts, told.confidence, told.flagged) == (HOUR, 0.95, None)


async def test_every_listed_source_is_asked_and_stored_under_its_own_basis(world: World):
    marginal = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
    world.add(Source(traits=replace(HOURLY, name="marginal", basis=marginal)))
    await world.run_for(MINUTE)
    bases = {each.source: each.basis for each in world.store.rows.values()}
    assert bases == {"hourly": Basis(), "marginal": marginal}


async def test_a_source_is_not_asked_for_regions_that_it_does_not_serve(world: World):
    world.add(Source(traits=replace(HOURLY, name="some"), zone_names={"b": "B2"}))
    await world.run_for(MINUTE)
    assert {each.region for each in world.store.rows.values() if each.source == "some"} == {"b"}


async def test_a_zone_that_is_refused_is_told_once_and_looked_up_again_later(world: World):
    world.source.failures["zone:a"] = SourceError(
        "no such place", source="hourly", kind=ErrorKind.TIMEOUT
    )
    with capture_logs() as logs:
        await world.run_for(5 * MINUTE)
        assert world.store.starts("b")
        assert not world.store.starts("a")
        world.source.failures.clear()
        await world.run_for(11 * MINUTE)
    assert [each["region"] for each in events(logs, "ingest.zone_refused")] == ["a"]
    assert world.store.starts("a")


# --- when to ask ----------------------------------------------------------------------------


async def test_each_interval_is_asked_for_once_a_little_after_it_began(world: World):
    await world.run_for(5 * HOUR)
    asked = [at for zone, at in world.source.asked if zone == "A"]
    assert asked[0] == START
    assert [(at.hour, at.minute) for at in asked[1:]] == [(h, 2) for h in (6, 7, 8, 9, 10)]


async def test_the_newest_values_come_first_and_the_past_after_them_newest_first(world: World):
    await world.run_for(MINUTE)
    assert world.store.calls[0] == 2
    first_round = world.source.windows[:2]
    assert {zone for zone, _, _ in first_round} == {"A", "B"}
    present = START.replace(minute=0, second=0)
    assert {until for _, _, until in first_round} == {present}
    assert world.store.starts("a") == [present - n * HOUR for n in range(47, -1, -1)]


async def test_forecasts_are_asked_for_at_their_own_pace_and_kept_for_every_region(world: World):
    world.regions = {"a": "Z", "b": "Z"}
    world.hourly(horizon=DAY)
    await world.run_for(3 * HOUR)
    assert world.source.calls["forecast"] == 3
    assert Counter(each.region for each in world.store.forecasts) == {"a": 3, "b": 3}
    first = world.store.forecasts[0]
    assert first.issued_at == first.fetched_at == START


async def test_corrections_of_the_last_day_are_asked_for_every_six_hours(world: World):
    await world.run_for(MINUTE)
    world.source.windows.clear()
    await world.run_for(13 * HOUR, world.ingest())
    of_one_zone = [(since, until) for zone, since, until in world.source.windows if zone == "A"]
    assert [until - since for since, until in of_one_zone] == [DAY, DAY]
    assert of_one_zone[1][1] - of_one_zone[0][1] >= 6 * HOUR


async def test_an_answer_without_the_newest_interval_is_asked_for_again_but_not_for_ever(
    world: World,
):
    world.regions = {"a": "A"}
    world.source.shape = lambda each: None if each.starts_at.hour > 5 else each
    await world.run_for(57 * MINUTE + timedelta(hours=2))
    by_hour = Counter(at.hour for _, at in world.source.asked)
    assert by_hour[6] == 4
    world.source.asked.clear()
    await world.run_for(DAY)
    assert max(Counter(at.replace(minute=0) for _, at in world.source.asked).values()) <= 4
    assert len(world.source.asked) <= 24 + 3 * 3


async def test_a_source_within_its_requests_per_minute_is_not_asked_for_more(world: World):
    world.regions = {f"r{n}": f"Z{n}" for n in range(10)}
    world.hourly(calls_per_minute=5, history_reach=timedelta(0))
    await world.run_for(4 * MINUTE)
    times = sorted(at for _, at in world.source.asked)
    assert len(times) == 10
    assert all(b - a >= MINUTE for a, b in zip(times, times[5:], strict=False))


# --- failures of sources --------------------------------------------------------------------


async def test_one_zones_failure_leaves_the_others_alone(world: World):
    world.source.fail(ErrorKind.NO_DATA, zone="A")
    await world.run_for(3 * HOUR)
    assert not world.store.starts("a")
    assert len(world.store.starts("b")) == 48 + 3
    record = world.store.records["hourly", "A"]
    assert (record.failure, record.failure_kind) == ("hourly: no_data", "no_data")
    assert record.results["no_data"] == record.failures > 3


async def test_a_failing_zone_is_told_once_and_once_when_it_is_back(world: World):
    ingest = world.ingest()
    with capture_logs() as logs:
        await world.run_for(MINUTE, ingest)
        world.source.fail(ErrorKind.SERVER, zone="A")
        await world.run_for(2 * HOUR, ingest)
        world.source.failures.clear()
        await world.run_for(HOUR, ingest)
    failed = events(logs, "ingest.source_failed")
    assert [(each["zone"], each["kind"]) for each in failed] == [("A", "server")]
    assert [each["zone"] for each in events(logs, "ingest.source_recovered")] == ["A"]
    assert world.store.records["hourly", "A"].failures == 0


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind.permanent])
async def test_what_cannot_get_better_soon_is_asked_once_an_hour(world: World, kind: ErrorKind):
    world.regions = {"a": "A"}
    world.source.fail(kind)
    await world.run_for(DAY)
    assert world.source.calls["latest"] == 24


async def test_a_source_that_is_down_is_asked_ever_more_rarely(world: World):
    world.regions = {"a": "A"}
    world.source.fail(ErrorKind.UNREACHABLE)
    await world.run_for(DAY)
    times = [at for _, at in world.source.asked]
    pauses = [round((b - a) / MINUTE) for a, b in pairwise(times)]
    assert pauses[:6] == [1, 2, 4, 8, 10, 10]
    assert len(times) <= 148


async def test_a_quota_that_is_used_up_ends_all_asks_of_that_source_until_the_next_day(
    world: World,
):
    world.add(Source(traits=replace(HOURLY, name="other")))
    world.source.fail(ErrorKind.QUOTA)
    await world.run_for(18 * HOUR)
    assert world.source.calls["latest"] == 2
    assert len(world.store.starts("a", "other")) > 60
    world.source.failures.clear()
    await world.run_for(2 * HOUR)
    assert world.source.asked[2][1].day == START.day + 1
    assert world.store.starts("a")


async def test_a_broken_source_is_a_failure_as_any_other(world: World):
    world.source.failures["A"] = ZeroDivisionError("secret")
    with capture_logs() as logs:
        await world.run_for(MINUTE)
    assert world.store.starts("b")
    assert world.store.records["hourly", "A"].failure == (
        "hourly: ZeroDivisionError while reading its answer"
    )
    assert events(logs, "ingest.source_broken")


@pytest.mark.usefixtures("_impatience")
async def test_a_source_that_never_answers_keeps_nobody_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(ingest_module, "NAP_WHILE_ASKING_SECONDS", 60.0)
    slow = world.add(Source(traits=replace(HOURLY, name="slow"), silent={"A", "zone:b"}))
    await world.run_for(2 * HOUR)
    assert len(world.store.starts("a")) == 48 + 2
    assert slow.calls["latest"] == 1


async def test_history_that_fails_for_good_is_given_up_and_the_present_goes_on(world: World):
    world.regions = {"a": "A"}
    world.source.history_failure = SourceError("?", source="hourly", kind=ErrorKind.MALFORMED)
    world.rhythm = replace(world.rhythm, history_every=7 * DAY)
    with capture_logs() as logs:
        await world.run_for(DAY)
    assert world.source.calls["history"] == 10
    assert len(events(logs, "ingest.history_given_up")) == 2
    assert len(world.store.starts("a")) == 25


# --- catching up ----------------------------------------------------------------------------


async def test_hours_missed_while_a_source_was_away_are_caught_up(world: World):
    ingest = world.ingest()
    await world.run_for(MINUTE, ingest)
    world.source.fail(ErrorKind.UNREACHABLE)
    await world.run_for(7 * HOUR, ingest)
    world.source.failures.clear()
    world.source.windows.clear()
    await world.run_for(30 * MINUTE, ingest)
    assert set(world.hours(8)) <= set(world.store.starts("a"))
    since, until = next((s, u) for zone, s, u in world.source.windows if zone == "A")
    assert until - since <= 8 * HOUR


async def test_hours_missed_while_no_process_ran_are_caught_up_and_no_more(world: World):
    await world.run_for(MINUTE)
    world.clock.at += 10 * HOUR
    world.source.windows.clear()
    await world.run_for(MINUTE)
    assert set(world.hours(60)) - set(world.store.starts("a")) == set(world.hours(60)[:2])
    gap = next((since, until) for zone, since, until in world.source.windows if zone == "A")
    assert gap[1] - gap[0] == 9 * HOUR


async def test_a_restart_within_an_interval_asks_for_nothing_again(world: World):
    await world.run_for(MINUTE)
    calls = Counter(world.source.calls)
    await world.run_for(MINUTE)
    assert world.source.calls["latest"] == calls["latest"]
    assert world.source.calls["history"] == calls["history"]


async def test_a_restart_within_an_interval_is_ready_without_asking(world: World):
    await world.run_for(MINUTE)
    again = world.ingest()
    assert not again.first_cycle_done.is_set()
    await world.run_for(MINUTE, again)
    assert again.first_cycle_done.is_set()


async def test_a_past_without_end_keeps_no_present_value_waiting(world: World):
    world.hourly(history_reach=10 * DAY, history_window=timedelta(hours=1))
    world.regions = {"a": "A"}
    turns = Counter[str]()
    history = world.source.history

    async def slow_history(zone: str, since: datetime, until: datetime) -> Sequence[Observation]:
        turns["windows"] += 1
        world.clock.at += timedelta(seconds=30)
        return await history(zone, since, until)

    world.source.history = slow_history  # type: ignore[method-assign]
    await world.run_for(4 * HOUR)
    late = [at.minute for _, at in world.source.asked[1:]]
    assert turns["windows"] >= 239
    assert max(late) <= 7


# --- the store ------------------------------------------------------------------------------


async def test_a_store_outage_loses_nothing_and_nothing_is_fetched_twice(world: World):
    def go_away() -> None:
        world.store.failure = UnreachableError("no database")
        world.source.asked.clear()
        world.source.windows.clear()

    world.clock.call_at(START + MINUTE, go_away)
    world.clock.call_at(START + 3 * HOUR, lambda: setattr(world.store, "failure", None))
    with capture_logs() as logs:
        await world.run_for(3 * HOUR + MINUTE)
    asked = Counter((zone, at.replace(minute=0, second=0)) for zone, at in world.source.asked)
    assert set(asked.values()) == {1}
    assert not world.source.windows
    assert len(world.store.starts("a")) == 48 + 3
    assert len(events(logs, "ingest.store_failed")) == 1
    assert world.clock.naps < 4000


async def test_memory_is_bounded_while_the_store_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("carbon_scaler.application.ingest.unsaved.MOST_READINGS", 6)
    asked = []
    failure = UnreachableError("no database")
    world.clock.call_at(START + MINUTE, lambda: setattr(world.store, "failure", failure))
    world.clock.call_at(START + DAY, lambda: asked.append(world.source.calls["latest"]))
    world.clock.call_at(START + DAY, lambda: setattr(world.store, "failure", None))
    await world.run_for(DAY + MINUTE)
    assert asked == [2 + 6]
    assert set(world.hours(24)) <= set(world.store.starts("a"))


async def test_what_can_never_be_stored_is_dropped_alone(world: World):
    world.store.unstorable = 200.0 + 3
    with capture_logs() as logs:
        await world.run_for(MINUTE)
    assert len(world.store.starts("a")) == 46
    assert {each["region"] for each in events(logs, "ingest.reading_dropped")} == {"a", "b"}


async def test_a_forecast_among_observations_is_dropped(world: World):
    world.source.shape = lambda each: replace(each, kind=Kind.FORECAST)
    with capture_logs() as logs:
        await world.run_for(MINUTE)
    assert not world.store.rows
    assert events(logs, "ingest.reading_dropped")


async def test_an_unforeseen_error_of_the_store_is_left_to_the_supervisor(world: World):
    world.store.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await world.ingest().run(world.elections)


async def test_400_zones_need_few_calls_of_the_store(world: World):
    world.regions = {f"r{n}": f"Z{n}" for n in range(400)}
    world.hourly(history_reach=timedelta(0))
    await world.run_for(MINUTE)
    assert world.store.calls == [400]
    assert world.store.keeps == 1


# --- terms ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("_impatience")
async def test_what_was_fetched_in_a_lost_term_is_stored_in_the_next_without_asking(world: World):
    ingest = world.ingest()
    world.store.failure = None
    original = world.store.store

    async def end_the_term(readings: Sequence[Reading], *, term: int | None = None) -> int:
        world.store.store = original  # type: ignore[method-assign]
        world.elections.terms[-1].over.set()
        await asyncio.Event().wait()
        return 0

    world.store.store = end_the_term  # type: ignore[method-assign]
    with capture_logs() as logs:
        await world.run_for(MINUTE, ingest)
    assert world.source.calls["latest"] == 2
    assert len(world.store.starts("a")) == 48
    assert [each["token"] for each in events(logs, "ingest.term_began")] == [1, 2]
    assert [each["token"] for each in events(logs, "ingest.term_lost")] == [1]


@pytest.mark.usefixtures("_impatience")
async def test_a_term_that_is_lost_stops_the_asking_and_what_was_cut_off_is_asked_again(
    world: World,
):
    world.source.silent = {"A"}

    def lose() -> None:
        world.source.silent = set()
        world.elections.terms[-1].over.set()

    world.clock.call_at(START + timedelta(seconds=3), lose)
    await world.run_for(MINUTE)
    assert Counter(zone for zone, _ in world.source.asked) == {"A": 2, "B": 1}
    assert world.store.starts("a") == world.store.starts("b")


async def test_a_write_that_is_refused_ends_the_term(world: World):
    ingest = world.ingest()
    world.clock.call_at(START + HOUR, lambda: setattr(world.store, "term", 99))
    with capture_logs() as logs:
        await world.run_for(4 * HOUR, ingest)
    assert [each["token"] for each in events(logs, "ingest.term_lost")] == [1]
    assert len(world.store.starts("a")) == 48 + 4


async def test_readers_are_told_which_sources_count_at_the_start_of_a_term(world: World):
    await world.run_for(MINUTE)
    assert [(grid.region.name, grid.chain) for grid in world.store.grids] == [
        ("a", ("hourly", "static")),
        ("b", ("hourly", "static")),
    ]


# --- one cycle ------------------------------------------------------------------------------


async def once(world: World) -> IngestOutcome:
    async with world.elections.term() as term:
        return await world.ingest().ingest_once(term)


async def test_one_cycle_stores_the_newest_values_forecasts_and_the_past(world: World):
    world.hourly(horizon=DAY)
    outcome = await once(world)
    (source,) = outcome.sources
    assert (source.source, source.rows, source.changed) == ("hourly", 96, 96)
    assert source.regions == source.usable == outcome.usable == {"a", "b"}
    assert not outcome.failures
    assert {each.region for each in world.store.forecasts} == {"a", "b"}


async def test_an_identical_second_cycle_changes_nothing_and_is_as_usable(world: World):
    await once(world)
    world.clock.at += MINUTE
    outcome = await once(world)
    assert (outcome.changed, outcome.sources[0].rows) == (0, 2)
    assert outcome.usable == {"a", "b"}
    assert world.source.calls["history"] == 4


async def test_what_changes_while_it_is_written_is_written_again(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    # Nothing is waited for, so answers are taken in while others are written.
    monkeypatch.setattr(ingest_module, "TOGETHER_SECONDS", 0.0)
    world.regions = {name: name.upper() for name in "abcdefgh"}
    await once(world)

    next_hour = START.replace(minute=0, second=0) + HOUR
    assert {each.history_until for each in world.store.records.values()} == {next_hour}
    assert {each.results["ok"] for each in world.store.records.values()} == {3}


async def test_the_past_of_many_zones_is_left_to_the_cycles_that_follow(world: World):
    world.regions = {f"r{number}": f"Z{number}" for number in range(40)}
    world.hourly(history_window=HOURLY.history_reach)

    def pass_time() -> None:
        world.clock.at += timedelta(seconds=0.5)

    world.source.at_history = pass_time
    done = []
    for _ in range(4):
        outcome = await once(world)
        assert len(outcome.usable) == 40
        assert outcome.failures == {}
        known = [each.history_until is not None for each in world.store.records.values()]
        done.append(sum(known))
        world.clock.at += MINUTE

    assert 8 <= done[0] < 40
    assert done == sorted(done)
    assert done[-1] == 40


async def test_a_failing_source_is_an_outcome_and_the_others_go_on(world: World):
    other = world.add(Source(traits=replace(HOURLY, name="other")))
    other.fail(ErrorKind.KEY)
    outcome = await once(world)
    assert outcome.failures == {"other": "other: key (A, B)"}
    assert [each.failure_kind for each in outcome.sources] == [None, "key"]
    assert outcome.usable == {"a", "b"}


@pytest.mark.usefixtures("_impatience")
async def test_a_cycle_with_a_source_that_never_answers_ends_in_time_and_keeps_the_rest(
    world: World,
):
    world.add(Source(traits=replace(HOURLY, name="slow"), silent={"A", "zone:b"}))
    outcome = await once(world)
    assert START + timedelta(seconds=165) <= world.clock.at <= START + timedelta(seconds=168)
    assert len(world.store.starts("a")) == 48
    assert outcome.failures == {"slow": "out of time (A, b)"}
    assert outcome.usable == {"a", "b"}


@pytest.mark.usefixtures("_impatience")
async def test_a_source_that_hangs_is_ended(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ingest_answers, "SOURCE_SECONDS", 0.01)
    world.source.silent = {"A"}
    outcome = await once(world)
    assert outcome.failures == {"hourly": "hourly: no answer in time (A)"}


async def test_a_failing_store_is_raised(world: World):
    world.store.failure = UnreachableError("no database")
    with pytest.raises(UnreachableError):
        await once(world)


async def test_what_may_not_decide_is_not_usable(world: World):
    world.source.grams = lambda at: -1.0
    outcome = await once(world)
    assert (outcome.sources[0].rows, outcome.usable) == (96, frozenset())
    world.source.grams = lambda at: 100.0
    world.source.shape = lambda each: None if each.starts_at > START - 3 * HOUR else each
    assert not (await once(world)).usable


# --- plausibility ---------------------------------------------------------------------------


async def test_a_jump_is_stored_flagged_and_the_new_level_accepted_once_it_is_confirmed(
    world: World,
):
    world.regions = {"a": "A"}
    world.source.grams = lambda at: 1500.0 if at > START + 2 * HOUR else 200.0 + at.hour
    with capture_logs() as logs:
        await world.run_for(5 * HOUR)
    first, second = world.hours(3)[0], world.hours(3)[1]
    assert (world.store.flag("a", first), world.store.flag("a", second)) == ("jump", None)
    assert [each["flagged"] for each in events(logs, "ingest.value_flagged")] == ["jump"]
    assert world.store.records["hourly", "A"].results["flagged_jump"] == 1


async def test_the_past_that_jumps_are_judged_by_survives_a_restart(world: World):
    world.regions = {"a": "A"}
    await world.run_for(MINUTE)
    world.source.grams = lambda at: 1500.0
    await world.run_for(HOUR)
    assert world.store.flag("a", world.hours(1)[0]) == "jump"


async def test_a_changed_model_is_told_and_is_no_jump(world: World):
    world.regions = {"a": "A"}

    def modelled(each: Observation) -> Observation:
        new = each.starts_at > START + 2 * HOUR
        grams = 1500.0 if new else each.grams_per_kwh
        return replace(each, method="2026-04" if new else "2026-03", grams_per_kwh=grams)

    world.source.shape = modelled
    with capture_logs() as logs:
        await world.run_for(5 * HOUR)
    (told,) = events(logs, "ingest.model_changed")
    assert (told["former"], told["method"], told["zone"]) == ("2026-03", "2026-04", "A")
    assert not events(logs, "ingest.value_flagged")


async def test_a_value_outside_a_regions_own_range_is_flagged(world: World):
    world.plausible = (0.0, 203.0)
    await world.run_for(MINUTE)
    flags = {at.hour: world.store.flag("a", at) for at in world.store.starts("a")}
    assert {hour for hour, flag in flags.items() if flag == "outside_range"} == set(range(4, 24))


async def test_half_hours_of_days_with_a_change_of_clocks_are_all_kept(world: World):
    world.regions = {"a": "A"}
    world.hourly(step=timedelta(minutes=30), history_reach=timedelta(hours=26))
    world.clock.at = world.clock.at.replace(month=10, day=26, hour=0)
    await world.run_for(MINUTE)
    # 25 October 2026 has 50 half-hours in London; in UTC they are as even as any.
    starts = world.store.starts("a")
    assert (
        len(
            [
                at
                for at in starts
                if START.replace(month=10, day=24, hour=23, minute=0, second=0)
                <= at
                < START.replace(month=10, day=26, hour=0, minute=0, second=0)
            ]
        )
        == 50
    )
    assert {b - a for a, b in pairwise(starts)} == {timedelta(minutes=30)}


# --- replay ---------------------------------------------------------------------------------


def a_day() -> ReplaySource:
    rows = "\n".join(f"2022-03-04T{hour:02}:00Z,{hour + 100}" for hour in range(24))
    year = parse_replay("at,a\n" + rows, name="day")
    return ReplaySource(year=year, speed=3600, started_at=START)


async def test_a_fast_replay_leaves_no_slot_out_whatever_the_store_does(world: World):
    world.sources = {"replay": a_day()}  # type: ignore[dict-item]
    ingest = world.ingest()
    await world.run_for(timedelta(seconds=3), ingest)
    world.store.failure = UnreachableError("no database")
    await world.run_for(timedelta(seconds=9), ingest)
    world.store.failure = None
    await world.run_for(timedelta(seconds=8), ingest)
    kept = {at: row.grams_per_kwh for (_, at, _), row in world.store.rows.items() if at >= START}
    seconds = [START + timedelta(seconds=n) for n in range(19)]
    assert kept == {at: hour + 100 for hour, at in enumerate(seconds, start=5)}


# --- what is told ---------------------------------------------------------------------------


async def test_each_cycle_is_one_line_and_only_a_change_is_worth_a_look(world: World):
    world.hourly(history_reach=timedelta(0))
    with capture_logs() as logs:
        await world.run_for(3 * HOUR)
    cycles = events(logs, "ingest.cycle_finished")
    assert cycles[0] == {
        "event": "ingest.cycle_finished",
        "log_level": "info",
        "source": "hourly",
        "rows": 2,
        "changed": 2,
        "regions": 2,
    }
    assert [each["log_level"] for each in cycles] == ["info", "debug", "debug", "debug"]


async def test_the_past_is_told_once_all_of_a_source_is_there(world: World):
    with capture_logs() as logs:
        await world.run_for(MINUTE)
    told = [(each["source"], each["rows"]) for each in events(logs, "ingest.history_loaded")]
    assert told == [("hourly", 94)]
