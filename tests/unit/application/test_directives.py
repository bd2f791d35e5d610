"""One view of overrides and budgets, swapped as a whole and kept while the store is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

from structlog.testing import capture_logs

from carbon_scaler.application.directives import NO_DIRECTIVES, Directives, DirectiveStates
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.budget import BudgetUse
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.override import Override, OverrideAction
from tests.builders import HOUR, MINUTE, NOW
from tests.fakes import FakeChanges, FakeClock


class AwayError(CarbonScalerError):
    """What an adapter raises."""


class FakeStore:
    """Directives that a test states."""

    def __init__(self, directives: Directives = NO_DIRECTIVES) -> None:
        self.directives = directives
        self.failure: Exception | None = None
        self.asked_at: list[datetime] = []

    async def load(self, now: datetime) -> Directives:
        self.asked_at.append(now)
        if self.failure is not None:
            raise self.failure
        return self.directives


HELD = Override(
    id=1,
    action=OverrideAction.HOLD,
    until=NOW + HOUR,
    reason="frozen",
    by="maria",
    created_at=NOW,
    region="us-west-1",
)
USED = BudgetUse(service="ledger", month_begins_at=NOW, spent_kg=3.0, as_of=NOW)


def states_of(
    store: FakeStore, changes: FakeChanges | None = None, clock: FakeClock | None = None
) -> DirectiveStates:
    return DirectiveStates(
        store=store, changes=changes or FakeChanges(), clock=clock or FakeClock(NOW)
    )


@asynccontextmanager
async def running(states: DirectiveStates) -> AsyncIterator[None]:
    tasks = Tasks()
    tasks.start("directives", states.run)
    try:
        yield
    finally:
        await tasks.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  what is awaited announces nothing
            await asyncio.sleep(0)


async def test_nothing_is_known_before_the_first_load():
    states = states_of(FakeStore(Directives(overrides=(HELD,))))

    assert not states.is_loaded
    assert states.current is NO_DIRECTIVES
    assert states.failure == "not loaded yet"
    assert await states.wait_loaded(seconds=0) is False


async def test_it_loads_before_the_first_word_comes():
    store = FakeStore(Directives(overrides=(HELD,)))
    states = states_of(store)
    async with running(states):
        assert await states.wait_loaded(seconds=10) is True

    assert states.current is store.directives
    assert states.failure is None
    assert store.asked_at == [NOW]


async def test_word_of_a_change_brings_what_holds_then():
    store, changes, clock = FakeStore(), FakeChanges(), FakeClock(NOW)
    states = states_of(store, changes, clock)
    async with running(states):
        await states.wait_loaded(seconds=10)
        clock.advance(MINUTE)
        store.directives = Directives(overrides=(HELD,), budget_use={"ledger": USED})
        changes.announce()
        await until(lambda: states.current is store.directives)

    assert store.asked_at == [NOW, NOW + MINUTE]


async def test_what_says_the_same_stays_the_same_object_because_answers_hang_on_it():
    store = FakeStore(Directives(overrides=(HELD,), budget_use={"ledger": USED}))
    states = states_of(store)
    await states.refresh()
    before = states.current

    store.directives = Directives(overrides=(HELD,), budget_use={"ledger": USED})
    await states.refresh()
    assert states.current is before

    store.directives = Directives(
        overrides=(HELD,), budget_use={"ledger": replace(USED, spent_kg=4.0)}
    )
    await states.refresh()
    assert states.current is store.directives


async def test_while_the_store_is_away_the_last_view_stands_and_it_is_said_once():
    store, changes = FakeStore(Directives(overrides=(HELD,))), FakeChanges()
    states = states_of(store, changes)
    with capture_logs() as logs:
        async with running(states):
            await states.wait_loaded(seconds=10)
            store.failure = AwayError("the database is away")
            changes.announce()
            await until(lambda: len(store.asked_at) == 2)
            await until(lambda: states.failure == "the database is away")
            assert states.is_loaded
            assert states.current.overrides == (HELD,)

            store.failure, store.directives = None, NO_DIRECTIVES
            await until(lambda: states.failure is None)

    assert states.current.overrides == ()
    assert [line["event"] for line in logs] == [
        "directives.loaded",
        "directives.load_failed",
        "directives.loaded",
    ]
    assert logs[0]["overrides"] == [1]


async def test_who_cannot_listen_says_so():
    changes = FakeChanges()
    states = states_of(FakeStore(), changes)
    await states.refresh()

    changes.last_error = "no line"

    assert states.failure == "no line"
