"""Background loops: none dies unseen, all end together."""

import asyncio
import time

from structlog.testing import capture_logs

from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.errors import CarbonScalerError


class AwayError(CarbonScalerError):
    """Something that is foreseen."""


class FailsOnce:
    """A loop that fails at first and goes on when it is started again."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        self.starts = 0
        self.again = asyncio.Event()

    async def run(self) -> None:
        self.starts += 1
        if self.starts == 1:
            raise self.failure
        self.again.set()
        await asyncio.Event().wait()


async def test_a_loop_that_fails_is_logged_and_started_again():
    foreseen, unforeseen = FailsOnce(AwayError("away")), FailsOnce(ZeroDivisionError())
    tasks = Tasks()

    with capture_logs() as logs:
        tasks.start("foreseen", foreseen.run)
        tasks.start("unforeseen", unforeseen.run)
        async with asyncio.timeout(10):
            await asyncio.gather(foreseen.again.wait(), unforeseen.again.wait())
        await tasks.stop()

    told = {log["task"]: log for log in logs}
    assert {log["event"] for log in logs} == {"task.failed"}
    assert (told["foreseen"]["log_level"], told["foreseen"]["cause"]) == ("warning", "away")
    assert told["unforeseen"]["log_level"] == "error"
    assert told["unforeseen"]["exc_info"], "with its trace, for nobody foresaw it"
    assert (foreseen.starts, unforeseen.starts) == (2, 2)


async def test_a_loop_that_ends_is_left_at_that():
    tasks, runs = Tasks(), 0

    async def ends() -> None:
        nonlocal runs
        runs += 1

    tasks.start("ends", ends)
    await asyncio.sleep(0)
    await tasks.stop()

    assert runs == 1


async def test_tasks_bear_their_names():
    tasks, named = Tasks(), asyncio.Event()
    names: list[str] = []

    async def tells() -> None:
        task = asyncio.current_task()
        names.append(task.get_name() if task else "")
        named.set()

    tasks.start("backlog.orders", tells)
    await asyncio.wait_for(named.wait(), 5)
    await tasks.stop()

    assert names == ["backlog.orders"]


async def test_stopping_ends_all_loops_and_what_they_hold_open():
    tasks, closed = Tasks(), []

    async def holds(name: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(name)

    for name in ("one", "two"):
        tasks.start(name, lambda name=name: holds(name))
    await asyncio.sleep(0)

    await tasks.stop()

    assert sorted(closed) == ["one", "two"]


async def test_stopping_does_not_wait_for_ever():
    tasks, released = Tasks(), asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    tasks.start("stubborn", stubborn)
    await asyncio.sleep(0)
    before = time.monotonic()

    await tasks.stop(seconds=0.01)

    assert time.monotonic() - before < 5
    released.set()


async def test_stopping_without_any_loop_is_nothing():
    await Tasks().stop()
