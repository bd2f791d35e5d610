"""The last reading of every backlog stays in memory, whatever becomes of its source."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application.backlogs import Backlogs, phase
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown, Item, Items
from carbon_scaler.domain.errors import CarbonScalerError
from tests.builders import NOW, SECOND

MAX_AGE = timedelta(seconds=60)


class UnreachableError(CarbonScalerError):
    """What an adapter raises."""


class Clock:
    """A clock that moves when told; who sleeps by it waits for the test to wake it."""

    def __init__(self) -> None:
        self.at = NOW
        self.naps: list[float] = []
        self._woken = asyncio.Semaphore(0)

    def now(self):
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        await self._woken.acquire()

    def wake(self) -> None:
        self._woken.release()


@dataclass
class Source:
    """Gives what the test put in: items, an error, or None for an answer that never comes."""

    name: str = "q2q"
    namespaces: frozenset[str] | None = None
    refresh: timedelta = 5 * SECOND
    timeout: timedelta = 0.01 * SECOND
    max_age: timedelta = MAX_AGE
    answers: deque[Items | Exception | None] = field(default_factory=deque)
    asked: int = 0
    closed: int = 0

    async def read(self) -> Items:
        self.asked += 1
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.popleft()
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        assert answer is not None
        return answer

    async def close(self) -> None:
        self.closed += 1


def items(count: int) -> Items:
    return Items.of([Item(enqueued_at=NOW)] * count)


def answering(*answers: Items | Exception | None, **stated: object) -> Source:
    return Source(answers=deque(answers), **stated)


@asynccontextmanager
async def started(backlogs: Backlogs) -> AsyncIterator[None]:
    tasks = Tasks()
    backlogs.start(tasks)
    try:
        yield
    finally:
        await tasks.stop()


async def until(holds: Callable[[], bool], step: Callable[[], Awaitable[None]] | None = None):
    async with asyncio.timeout(5):
        while not holds():
            await (step() if step else asyncio.sleep(0))


async def test_before_the_first_reading_nothing_is_known():
    backlogs = Backlogs([answering(items(3))], Clock())

    assert backlogs.state("q2q").at(NOW) == BacklogUnknown(cause="not read yet")


async def test_a_reading_decides_from_before_it_began_until_it_is_too_old():
    clock, queue = Clock(), items(3)
    backlogs = Backlogs([answering(queue)], clock)

    await backlogs.read_once("q2q")

    reading = backlogs.state("q2q").at(NOW)
    assert reading == BacklogReading(items=queue, read_at=NOW, too_old_at=NOW + MAX_AGE)
    assert backlogs.state("q2q").at(NOW + MAX_AGE) == BacklogUnknown(
        cause="last read 60 s ago; no newer reading"
    )


async def test_equal_readings_keep_the_same_items_and_renew_their_age():
    clock, queue = Clock(), items(3)
    backlogs = Backlogs([answering(queue)], clock)
    await backlogs.read_once("q2q")
    clock.at += 50 * SECOND

    await backlogs.read_once("q2q")

    reading = backlogs.state("q2q").reading
    assert reading is not None
    assert reading.items is queue
    assert reading.too_old_at == NOW + 50 * SECOND + MAX_AGE


async def test_after_a_failure_the_last_reading_stays_and_ages():
    clock, queue = Clock(), items(3)
    backlogs = Backlogs([answering(queue, UnreachableError("cannot connect to db:5432"))], clock)
    await backlogs.read_once("q2q")
    clock.at += 30 * SECOND

    await backlogs.read_once("q2q")

    state = backlogs.state("q2q")
    assert state.failure == "cannot connect to db:5432"
    known = state.at(clock.at)
    assert isinstance(known, BacklogReading)
    assert (known.items, known.read_at) == (queue, NOW)
    assert state.at(NOW + MAX_AGE) == BacklogUnknown(
        cause="last read 60 s ago; cannot connect to db:5432"
    )


async def test_a_source_that_never_answers_is_given_up_after_its_timeout():
    backlogs = Backlogs([answering(None)], Clock())

    await backlogs.read_once("q2q")

    assert backlogs.state("q2q").failure == "not answered within 0.01 s"


async def test_an_error_that_nobody_foresaw_is_not_shown_to_users_and_reaches_the_supervisor():
    backlogs = Backlogs([answering(KeyError("secret"))], Clock())

    with pytest.raises(KeyError):
        await backlogs.read_once("q2q")

    assert backlogs.state("q2q").failure == "an internal error, which the server's log tells"


async def test_attempts_and_failures_are_counted_from_zero():
    backlogs = Backlogs([answering(items(1), UnreachableError("no"))], Clock())
    assert (dict(backlogs.reads), dict(backlogs.failures)) == ({"q2q": 0}, {"q2q": 0})

    for _ in range(3):
        await backlogs.read_once("q2q")

    assert (dict(backlogs.reads), dict(backlogs.failures)) == ({"q2q": 3}, {"q2q": 2})


async def test_only_a_change_is_logged():
    no, slow, yes = UnreachableError("refused"), UnreachableError("slow"), items(1)
    backlogs = Backlogs([answering(yes, no, no, slow, yes, yes)], Clock())

    with capture_logs() as logs:
        for _ in range(6):
            await backlogs.read_once("q2q")

    assert [(line["event"], line["backlog"], line.get("cause")) for line in logs] == [
        ("backlog.failed", "q2q", "refused"),
        ("backlog.failed", "q2q", "slow"),
        ("backlog.recovered", "q2q", None),
    ]


async def test_a_name_that_is_not_configured_has_a_state_and_is_not_waited_for():
    backlogs = Backlogs([], Clock())

    await backlogs.first_reading("other")

    assert backlogs.state("other").at(NOW) == BacklogUnknown(cause="no backlog has this name")


async def test_resolving_learns_who_may_use_which_backlog():
    backlogs = Backlogs(
        [answering(name="ours", namespaces=frozenset({"a"})), answering(name="all")], Clock()
    )

    assert backlogs.namespaces == {"ours": {"a"}, "all": None}


async def test_all_backlogs_are_read_from_the_start_and_then_at_their_own_pace():
    clock = Clock()
    first, second = answering(items(1), name="first"), answering(items(2), name="second")
    backlogs = Backlogs([first, second], clock, sleep=clock.sleep)

    async with started(backlogs):
        await until(lambda: len(clock.naps) == 2)
        assert (first.asked, second.asked) == (1, 1)
        clock.wake()
        clock.wake()
        await until(lambda: len(clock.naps) == 4)

    assert (first.asked, second.asked) == (2, 2)
    assert clock.naps[:2] == [5 * (0.5 + phase(name) / 2) for name in ("first", "second")]
    assert clock.naps[2:] == [5, 5]


def test_backlogs_of_one_server_are_read_apart_from_each_other():
    phases = [phase(f"backlog-{number}") for number in range(100)]

    assert all(0 <= each < 1 for each in phases)
    assert len({round(each, 1) for each in phases}) > 8


async def test_a_failing_or_silent_source_does_not_disturb_the_others():
    clock = Clock()
    broken, silent = answering(KeyError("x"), name="broken"), answering(None, name="silent")
    well = answering(items(2), name="well")
    backlogs = Backlogs([broken, silent, well], clock, sleep=clock.sleep)

    with capture_logs():
        async with started(backlogs):
            await until(lambda: len(clock.naps) == 2, lambda: backlogs.first_reading("silent"))

    assert isinstance(backlogs.state("well").at(NOW), BacklogReading)
    assert all(backlogs.state(name).failure for name in ("broken", "silent"))


async def test_the_first_answer_waits_for_the_first_reading():
    clock = Clock()
    backlogs = Backlogs([answering(items(2), timeout=5 * SECOND)], clock, sleep=clock.sleep)

    async with started(backlogs):
        await backlogs.first_reading("q2q")
        assert isinstance(backlogs.state("q2q").at(NOW), BacklogReading)


@pytest.mark.parametrize("failure", [UnreachableError("refused"), KeyError("x")])
async def test_the_first_answer_goes_on_at_once_when_the_first_attempt_failed(failure: Exception):
    clock = Clock()
    backlogs = Backlogs([answering(failure, timeout=60 * SECOND)], clock, sleep=clock.sleep)

    with capture_logs():
        async with started(backlogs), asyncio.timeout(5):
            await backlogs.first_reading("q2q")

    assert backlogs.state("q2q").failure is not None


async def test_the_first_answer_waits_no_longer_than_the_timeout():
    backlogs = Backlogs([answering(None)], Clock())

    async with asyncio.timeout(5):
        await backlogs.first_reading("q2q")

    assert backlogs.state("q2q").reading is None


async def test_closing_lets_go_of_every_source_and_ends_the_reading():
    clock = Clock()
    source = answering(items(1))
    backlogs = Backlogs([source, answering(items(1), name="b")], clock, sleep=clock.sleep)

    async with started(backlogs):
        await until(lambda: len(clock.naps) == 2)
        await backlogs.close()
        clock.wake()
        clock.wake()
        await until(lambda: len(asyncio.all_tasks()) == 1)

    assert (source.asked, source.closed) == (1, 1)


async def test_what_fails_because_of_closing_is_no_failure():
    backlogs = Backlogs([answering(UnreachableError("connection lost"))], Clock())
    await backlogs.close()

    with capture_logs() as logs:
        await backlogs.read_once("q2q")

    assert logs == []
    assert backlogs.state("q2q").failure is None
