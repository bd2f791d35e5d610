"""Once per episode, once when it is over, within limits, across restarts, never in the way."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application import alerting as module
from carbon_scaler.application.alert_rules import AlertView, Judgement, Severity
from carbon_scaler.application.alerting import Alerting
from carbon_scaler.domain.errors import CarbonScalerError
from tests.builders import NOW
from tests.fakes import FakeClock
from tests.unit.application.alert_fakes import (
    NOTHING,
    FakeEpisodeStore,
    FakeNotifier,
    a_condition,
    holding,
)

MINUTE = timedelta(minutes=1)
KEY = "no_data:home"
TITLE = f"about {KEY}"


class World:
    """Alerting with all that it needs; minutes pass as the test says."""

    def __init__(self) -> None:
        self.clock = FakeClock(NOW)
        self.store = FakeEpisodeStore()
        self.notifier = FakeNotifier()
        self.restart()

    def restart(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self.alerting = Alerting(
            clock=self.clock, store=self.store, notifier=self.notifier, sleep=sleep
        )

    async def round(self, judgement: Judgement) -> None:
        await self.alerting.observe(judgement)
        await self.alerting.deliver()

    async def pass_minutes(self, minutes: int, judgement: Judgement) -> None:
        for _ in range(minutes):
            self.clock.advance(MINUTE)
            await self.round(judgement)


@pytest.fixture
def world() -> World:
    return World()


async def test_an_episode_is_told_once_and_its_end_once(world: World):
    await world.pass_minutes(60, holding(KEY))
    await world.pass_minutes(60, NOTHING)

    assert world.notifier.told == [(TITLE, False), (TITLE, True)]
    began, ended = NOW + MINUTE, NOW + 60 * MINUTE
    span = f"It held from {began:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC."
    assert world.notifier.messages[1].body == span


async def test_a_restart_tells_nothing_again(world: World):
    await world.round(holding(KEY))
    world.restart()
    await world.pass_minutes(30, holding(KEY))

    assert world.notifier.told == [(TITLE, False)]


async def test_what_comes_back_within_five_minutes_is_the_same_episode(world: World):
    for _ in range(30):
        await world.pass_minutes(1, holding(KEY))
        await world.pass_minutes(4, NOTHING)

    assert world.notifier.told == [(TITLE, False)]


async def test_a_key_is_told_of_at_most_every_fifteen_minutes(world: World):
    for _ in range(12):
        await world.pass_minutes(1, holding(KEY))
        await world.pass_minutes(6, NOTHING)

    assert len(world.notifier.messages) <= 12 * 7 / 15 + 1
    assert world.notifier.told[0] == (TITLE, False)


async def test_an_end_that_nobody_was_told_of_was_none(world: World):
    await world.pass_minutes(1, holding(KEY))
    await world.pass_minutes(7, NOTHING)
    await world.pass_minutes(30, holding(KEY))

    assert world.notifier.told == [(TITLE, False)]
    assert world.store.kept[KEY].began_at == NOW + MINUTE


async def test_a_later_episode_of_a_key_is_told_anew(world: World):
    await world.pass_minutes(20, holding(KEY))
    await world.pass_minutes(40, NOTHING)
    await world.pass_minutes(20, holding(KEY))

    assert world.notifier.told == [(TITLE, False), (TITLE, True), (TITLE, False)]


async def test_what_cannot_be_said_goes_on(world: World):
    await world.round(holding(KEY))
    await world.pass_minutes(60, holding(undecided=frozenset({KEY})))

    assert world.store.kept[KEY].resolved_at is None
    assert world.notifier.told == [(TITLE, False)]


async def test_a_chance_that_passed_untold_is_not_told_when_it_is_over(world: World):
    chance = a_condition("clean_window:home", Severity.INFO)
    world.notifier.down = True
    await world.pass_minutes(10, Judgement(conditions=(chance,)))
    await world.pass_minutes(10, NOTHING)
    world.notifier.down = False
    await world.pass_minutes(90, NOTHING)

    assert world.notifier.told == []


# Limits


async def test_the_surplus_of_an_hour_is_one_message(world: World):
    keys = [f"no_data:region-{number:03}" for number in range(147)]

    await world.round(holding(*keys))

    assert len(world.notifier.messages) == 20
    assert world.notifier.messages[-1].title == "128 further alerts"
    assert world.notifier.messages[-1].body.endswith("and 108 more")
    assert all(episode.notified_at == NOW for episode in world.store.kept.values())


async def test_the_limit_holds_across_a_restart_and_ends_with_the_hour(world: World):
    for number in range(20):
        world.clock.advance(timedelta(seconds=1))
        await world.round(holding(*(f"k{each}" for each in range(number + 1))))
    world.restart()

    await world.pass_minutes(30, holding("late", *(f"k{each}" for each in range(20))))
    assert len(world.notifier.messages) == 20
    await world.pass_minutes(31, holding("late", *(f"k{each}" for each in range(20))))

    assert world.notifier.told[20:] == [("about late", False)]


async def test_what_is_critical_comes_first(world: World):
    chance = a_condition("clean_window:home", Severity.INFO)
    await world.round(Judgement(conditions=(chance, a_condition(KEY))))

    assert world.notifier.told == [(TITLE, False), ("about clean_window:home", False)]


# Failures


async def test_a_failed_delivery_is_made_up_for_with_ever_longer_pauses(world: World):
    world.notifier.down = True
    await world.pass_minutes(120, holding(KEY))
    attempts = world.notifier.attempts
    world.notifier.down = False
    await world.pass_minutes(30, holding(KEY))

    assert 5 <= attempts <= 9, "after 1, 2, 4, 8, 16, 30, 30, 30 minutes"
    assert world.notifier.told == [(TITLE, False)]


async def test_what_was_critical_is_told_even_if_it_is_over_by_then(world: World):
    world.notifier.down = True
    await world.pass_minutes(10, holding(KEY))
    await world.pass_minutes(10, NOTHING)
    world.notifier.down = False
    await world.pass_minutes(40, NOTHING)

    assert world.notifier.told == [(TITLE, True)]


async def test_a_channel_that_hangs_is_left_after_a_while(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "SEND_SECONDS", 0.01)
    world.notifier.hangs = True

    with capture_logs() as logs:
        await world.round(holding(KEY))

    assert [log["event"] for log in logs] == ["alert.failed"]
    assert world.store.kept[KEY].notified_at is None


async def test_a_single_run_ends_in_time_whatever_hangs(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "ONCE_SECONDS", 0.01)
    world.notifier.hangs = True

    with capture_logs() as logs:
        await world.alerting.observe_once(holding(KEY))

    assert [log["event"] for log in logs] == ["alert.round_failed"]


async def test_a_single_run_tells_and_the_next_one_tells_the_end(world: World):
    await world.alerting.observe_once(holding("ingest_failed"))
    world.restart()
    world.clock.advance(15 * MINUTE)
    await world.alerting.observe_once(NOTHING)

    assert [ended for _, ended in world.notifier.told] == [False, True]


class EnoughError(Exception):
    """Ends a loop that would go on for ever."""


async def test_the_loop_goes_on_when_the_database_fails_and_says_so_once(world: World):
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        world.store.failure = CarbonScalerError("the database does not answer")
        if len(naps) == 4:
            world.store.failure = None
        if len(naps) == 5:
            raise EnoughError

    async def view() -> AlertView:
        return AlertView(now=NOW, watched_since=NOW, run_failures={"neso": "away"})

    world.restart(sleep=nap)
    with capture_logs() as logs, pytest.raises(EnoughError):
        await world.alerting.run(view)

    failed = [log for log in logs if log["event"] == "alert.round_failed"]
    assert [log["cause"] for log in failed] == ["the database does not answer"]
    assert naps == [60.0] * 5
    assert len(world.notifier.messages) == 1
