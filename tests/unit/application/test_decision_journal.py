"""Changed decisions are written down in the background, and none is lost without being counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application import decision_journal
from carbon_scaler.application.decision_journal import (
    MOST_AT_ONCE,
    MOST_PENDING,
    DecisionJournal,
    DecisionLog,
    RecordedDecision,
)
from carbon_scaler.application.explain import explain, plain
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.trigger import Plan
from tests.builders import MINUTE, NOW, a_plan, a_queue_plan, a_series

SERIES = a_series(900)


class AwayError(CarbonScalerError):
    """What an adapter raises."""


class FakeLog:
    """Keeps batches in a list, or fails as long as it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[RecordedDecision]] = []
        self.failure: Exception | None = None
        self.attempts = 0
        self.blocked: asyncio.Event | None = None

    async def append(self, decisions: Sequence[RecordedDecision]) -> None:
        self.attempts += 1
        if self.blocked is not None:
            await self.blocked.wait()
        if self.failure is not None:
            raise self.failure
        self.batches.append(list(decisions))

    @property
    def names(self) -> list[str]:
        return [decision.name for batch in self.batches for decision in batch]


class Pauses:
    """Sleeps that end when a test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._ends = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self._ends.acquire()

    async def end_one(self) -> None:
        """Until the journal has done all that it does before it sleeps again."""
        before = len(self.asked)
        self._ends.release()
        await until(lambda: len(self.asked) > before)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  what is awaited announces nothing
            await asyncio.sleep(0.001)


def a_journal(log: DecisionLog, pauses: Pauses | None = None) -> DecisionJournal:
    return DecisionJournal(log, answered_by="scaler-0:7", sleep=(pauses or Pauses()).sleep)


@asynccontextmanager
async def running(journal: DecisionJournal, pauses: Pauses) -> AsyncIterator[None]:
    tasks = Tasks()
    tasks.start("decisions", journal.run)
    try:
        await until(lambda: bool(pauses.asked))
        yield
    finally:
        await tasks.stop()


def decided(plan: Plan, grams: float = 900) -> Decision:
    return decide(plan, Inputs(series=a_series(grams)), NOW)


PLAN = a_plan(workload_class="deferrable")
PLAN_WITH_ORIGINS = replace(PLAN, origins=dict.fromkeys(("region", *PLAN.settings.__slots__), "x"))
DECISION = decided(PLAN_WITH_ORIGINS)


def noted(journal: DecisionJournal, *names: str) -> None:
    for name in names:
        journal.note(replace(PLAN_WITH_ORIGINS, name=name), DECISION, SERIES)


async def test_what_was_noted_is_written_within_a_second_or_so():
    log, pauses = FakeLog(), Pauses()
    journal = a_journal(log, pauses)
    async with running(journal, pauses):
        assert pauses.asked == [1.0]
        noted(journal, "one", "two")
        assert journal.pending == 2

        await pauses.end_one()

    assert log.names == ["one", "two"]
    assert (journal.recorded, journal.dropped, journal.pending) == (2, 0, 0)


async def test_nothing_noted_is_nothing_written():
    log, pauses = FakeLog(), Pauses()
    async with running(a_journal(log, pauses), pauses):
        await pauses.end_one()

    assert log.attempts == 0


async def test_a_record_tells_the_answer_and_explains_it_in_json():
    log = FakeLog()
    journal = a_journal(log)
    journal.note(PLAN_WITH_ORIGINS, DECISION, SERIES)

    assert await journal.flush(seconds=5)

    record = log.batches[0][0]
    assert (record.namespace, record.name, record.region) == ("batch", "embeddings", PLAN.region)
    assert (record.mode, record.workload_class, record.tenant) == ("brake", "deferrable", None)
    assert (record.verdict, record.reason) == (DECISION.verdict.value, DECISION.reason)
    assert (record.metric_value, record.target, record.active) == (
        DECISION.metric_value,
        DECISION.target,
        DECISION.active,
    )
    assert (record.decided_at, record.changes_at) == (NOW, DECISION.changes_at)
    assert (record.answered_by, record.policy_version) == ("scaler-0:7", "built-in")
    assert record.trigger["workloadClass"] == "deferrable"
    told = explain(PLAN_WITH_ORIGINS, DECISION, SERIES)
    assert record.document == json.loads(json.dumps(told, default=plain))
    assert record.document["reason"] == DECISION.reason


async def test_many_are_written_in_batches_in_their_order():
    log, pauses = FakeLog(), Pauses()
    journal = a_journal(log, pauses)
    names = [f"object-{number}" for number in range(MOST_AT_ONCE + 20)]
    noted(journal, *names)

    async with running(journal, pauses):
        await pauses.end_one()

    assert [len(batch) for batch in log.batches] == [MOST_AT_ONCE, 20]
    assert log.names == names


async def test_when_it_is_full_the_oldest_are_dropped_and_counted():
    journal = a_journal(FakeLog())

    noted(journal, *(f"object-{number}" for number in range(MOST_PENDING + 3)))

    assert (journal.pending, journal.dropped) == (MOST_PENDING, 3)
    assert journal._noted[0][0].name == "object-3"


async def test_while_the_store_is_away_all_is_kept_and_tried_ever_more_rarely():
    log, pauses = FakeLog(), Pauses()
    log.failure = AwayError("the database is away")
    journal = a_journal(log, pauses)
    noted(journal, "one")
    with capture_logs() as logs:
        async with running(journal, pauses):
            for _ in range(7):
                await pauses.end_one()
            noted(journal, "two")
            assert (journal.pending, journal.recorded) == (2, 0)
            assert journal.failure == "the database is away"

            log.failure = None
            await pauses.end_one()

    assert pauses.asked == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 1.0]
    assert log.names == ["one", "two"]
    assert (journal.recorded, journal.dropped, journal.failure) == (2, 0, None)
    assert [line["event"] for line in logs] == ["journal.not_written", "journal.writing_again"]


async def test_a_failing_round_is_not_tried_again_at_once():
    log, pauses = FakeLog(), Pauses()
    log.failure = AwayError("away")
    journal = a_journal(log, pauses)
    noted(journal, *(f"object-{number}" for number in range(3 * MOST_AT_ONCE)))
    async with running(journal, pauses):
        await pauses.end_one()

    assert log.attempts == 1
    assert journal.pending == 3 * MOST_AT_ONCE


async def test_what_is_left_at_the_end_is_written_whatever_the_loop_was_at():
    log, pauses = FakeLog(), Pauses()
    log.blocked = asyncio.Event()
    journal = a_journal(log, pauses)
    noted(journal, "one")
    async with running(journal, pauses):
        before = log.attempts
        pauses._ends.release()
        await until(lambda: log.attempts > before)
    log.blocked.set()
    noted(journal, "two")

    assert await journal.flush(seconds=5) is True

    assert log.names == ["one", "two"]


async def test_a_flush_while_the_store_is_away_ends_and_says_what_is_lost():
    log = FakeLog()
    log.failure = AwayError("away")
    journal = a_journal(log)
    noted(journal, "one")
    with capture_logs() as logs:
        assert await journal.flush(seconds=5) is False

    assert log.attempts == 1
    assert logs[-1] == {
        "event": "journal.left_unwritten",
        "log_level": "warning",
        "decisions": 1,
        "cause": "away",
    }


async def test_a_flush_does_not_wait_for_ever():
    log = FakeLog()
    log.blocked = asyncio.Event()
    journal = a_journal(log)
    noted(journal, "one")

    assert await journal.flush(seconds=0.01) is False

    assert journal.pending == 1


async def test_what_cannot_be_told_is_counted_and_keeps_nothing_else_from_being_written():
    log = FakeLog()
    journal = a_journal(log)
    bad: Any = replace(PLAN_WITH_ORIGINS, origins=None)
    journal.note(bad, DECISION, SERIES)

    with pytest.raises((AttributeError, TypeError)):
        await journal.flush(seconds=5)
    noted(journal, "good")

    assert await journal.flush(seconds=5) is True
    assert log.names == ["good"]
    assert (journal.recorded, journal.dropped) == (1, 1)


async def test_what_was_being_rendered_when_the_loop_ended_is_written_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
):
    log, pauses, entered = FakeLog(), Pauses(), asyncio.Event()

    async def never(*_: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    journal = a_journal(log, pauses)
    noted(journal, "one", "two")
    with monkeypatch.context() as patched:
        patched.setattr(decision_journal.asyncio, "to_thread", never)
        async with running(journal, pauses):
            pauses._ends.release()
            async with asyncio.timeout(10):
                await entered.wait()

    assert await journal.flush(seconds=5) is True
    assert log.names == ["one", "two"]


async def test_a_queue_is_recorded_with_its_metadata():
    log = FakeLog()
    journal = a_journal(log)
    plan = replace(a_queue_plan(items_per_job=3), origins=PLAN_WITH_ORIGINS.origins)
    journal.note(plan, decide(plan, Inputs(series=SERIES), NOW + MINUTE), None)

    await journal.flush(seconds=5)

    record = log.batches[0][0]
    assert record.decided_at == NOW + MINUTE
    assert record.trigger == {
        "mode": "queue",
        "workloadClass": "standard",
        "backlog": "orders",
        "itemsPerJob": "3",
    }
