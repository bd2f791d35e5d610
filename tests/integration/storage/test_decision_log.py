"""Recorded decisions: written at once, found again, gone when they are old."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from carbon_scaler.application.decision_journal import DecisionJournal, RecordedDecision, recorded
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.keda.metadata import parse_trigger
from carbon_scaler.storage.decision_log import PostgresDecisionLog
from carbon_scaler.storage.pool import DatabaseRefusedError, Pool, open_connection, open_pool
from tests.builders import DAY, HOUR, MINUTE, NOW, a_series, some_surroundings
from tests.integration.storage.line import Line, line

__all__ = ["line"]

SERIES = a_series(900, renewable=5.0)
METADATA = {"mode": "brake", "workloadClass": "deferrable", "region": "us-west-1"}


def a_resolved_plan(name: str = "embeddings", **metadata: str) -> Plan:
    trigger = parse_trigger("batch", name, {**METADATA, **metadata})
    plan = resolve(trigger, BUILT_IN_POLICY, some_surroundings())
    assert isinstance(plan, Plan)
    return plan


def a_record(name: str = "embeddings", **stated: Any) -> RecordedDecision:
    plan = a_resolved_plan(name)
    decision = decide(plan, Inputs(series=SERIES), NOW)
    record = recorded(plan, decision, SERIES, answered_by="scaler-0:7")
    return replace(record, **stated)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  what is awaited announces nothing
            await asyncio.sleep(0.01)


async def test_a_decision_comes_back_as_it_was_answered(pool: Pool):
    log = PostgresDecisionLog(pool)
    record = a_record(tenant="acme", metric_value=0.1, changes_at=NOW + HOUR)

    await log.append([record])

    found = await log.answered("batch", "embeddings", NOW)
    assert found is not None
    assert {field: found[field] for field in RecordedDecision.__slots__} == {
        field: getattr(record, field) for field in RecordedDecision.__slots__
    }
    assert found["document"]["intensity"]["grams_per_kwh"] == 900


async def test_the_newest_answer_until_an_instant_counts_whichever_server_gave_it(pool: Pool):
    log = PostgresDecisionLog(pool)
    await log.append([
        a_record(answered_by="scaler-0:7"),
        a_record(answered_by="scaler-1:7", decided_at=NOW + HOUR),
        a_record(answered_by="scaler-0:7", decided_at=NOW + 2 * HOUR),
        a_record("other", decided_at=NOW + HOUR),
    ])  # fmt: skip

    async def answered_by(at: timedelta, name: str = "embeddings") -> str | None:
        found = await log.answered("batch", name, NOW + at)
        return None if found is None else found["answered_by"]

    assert await answered_by(HOUR - MINUTE) == "scaler-0:7"
    assert await answered_by(HOUR) == "scaler-1:7"
    assert await answered_by(DAY) == "scaler-0:7"
    assert await answered_by(-MINUTE) is None
    assert await answered_by(DAY, "nobody") is None


async def test_of_one_instant_the_last_that_was_written_counts(pool: Pool):
    log = PostgresDecisionLog(pool)
    await log.append([a_record(reason="first"), a_record(reason="second")])

    found = await log.answered("batch", "embeddings", NOW)

    assert found is not None
    assert found["reason"] == "second"


async def test_triggers_come_once_each_with_the_region_that_they_had(pool: Pool):
    log = PostgresDecisionLog(pool)
    plan = a_resolved_plan("home", mode="gate")
    plan = replace(plan, origins={**plan.origins, "region": "server"})
    decision = decide(plan, Inputs(series=SERIES), NOW)
    await log.append([
        a_record(decided_at=NOW - HOUR, name="earlier"),
        a_record(),
        a_record(decided_at=NOW + HOUR),
        recorded(plan, decision, SERIES, answered_by="scaler-0:7"),
    ])  # fmt: skip

    found = await log.triggers_since(NOW)

    assert [(namespace, name) for namespace, name, _ in found] == [
        ("batch", "embeddings"),
        ("batch", "home"),
    ]
    assert found[0][2] == {**METADATA, "itemsPerJob": "1"}
    assert found[1][2] == {**METADATA, "mode": "gate", "itemsPerJob": "1"}


async def test_what_the_server_would_refuse_is_made_fit_and_holds_nothing_up(pool: Pool):
    log = PostgresDecisionLog(pool)
    document = {"why": "half \ud800 and \0", "grams": float("nan"), "far": float("inf")}

    await log.append([a_record("a\0b", document=document, level=float("nan"))])

    found = await log.answered("batch", "ab", NOW)
    assert found is not None
    assert found["document"] == {"why": "half ? and ", "grams": "nan", "far": "inf"}


async def test_a_full_batch_is_one_transaction(pool: Pool):
    log = PostgresDecisionLog(pool)
    await log.append([a_record(f"object-{number}") for number in range(500)])

    assert await pool.fetchval("SELECT count(DISTINCT name) FROM decisions") == 500
    assert await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM decisions") == 1


async def test_a_batch_with_one_that_is_refused_is_not_kept_at_all(pool: Pool):
    log = PostgresDecisionLog(pool)

    with pytest.raises(DatabaseRefusedError, match="decisions_verdict_check"):
        await log.append([*([a_record()] * 60), a_record(verdict="perhaps")])

    assert await pool.fetchval("SELECT count(*) FROM decisions") == 0


async def test_what_is_older_than_what_is_kept_is_deleted_and_counted(pool: Pool):
    log = PostgresDecisionLog(pool)
    await log.append([a_record("old"), a_record("young")])
    await pool.execute(
        "UPDATE decisions SET decided_at = now() - CASE name"
        " WHEN 'old' THEN interval '91 days' ELSE interval '89 days' END"
    )

    assert await pool.fetchval("SELECT cleanup_old_decisions()") == 1
    assert await pool.fetchval("SELECT name FROM decisions") == "young"
    assert await log.purge(88 * DAY) == 1
    assert await log.purge(88 * DAY) == 0


@pytest.mark.parametrize("keep", [-DAY, None])
async def test_a_purge_that_would_delete_everything_by_mistake_is_refused(
    pool: Pool, keep: timedelta | None
):
    with pytest.raises(asyncpg.RaiseError, match="keep must be an interval of 0 or more"):
        await pool.execute("SELECT cleanup_old_decisions($1)", keep)


async def test_serve_writes_and_reads_decisions_and_changes_none(database_url: str):
    async with open_pool(database_url, max_size=1) as pool:
        await pool.execute("SET ROLE carbon_scaler_serve")
        log = PostgresDecisionLog(pool)

        await log.append([a_record()])

        assert await log.answered("batch", "embeddings", NOW) is not None
        for statement in (
            "UPDATE decisions SET verdict = 'open'",
            "DELETE FROM decisions",
            "TRUNCATE decisions",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute(statement)


async def test_other_roles_touch_decisions_no_more_than_they_need(database_url: str):
    async with open_pool(database_url, max_size=1) as pool:
        await PostgresDecisionLog(pool).append([a_record()])
    async with open_connection(database_url) as connection:
        await connection.execute("SET ROLE carbon_scaler_ingest")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT FROM decisions")
        await connection.execute("SET ROLE carbon_scaler_read")
        assert await connection.fetchval("SELECT count(*) FROM decisions") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM decisions")
        await connection.execute("SET ROLE carbon_scaler_maintain")
        assert await connection.fetchval("SELECT cleanup_old_decisions('0')") == 1


async def test_what_was_noted_while_the_database_was_away_is_readable_once_it_is_back(
    line: Line, pool: Pool
):
    async with open_pool(line.url, max_size=1) as fragile:
        journal = DecisionJournal(PostgresDecisionLog(fragile), answered_by="scaler-0:7")
        tasks = Tasks()
        tasks.start("decisions", journal.run)
        try:
            await line.cut()
            plan = a_resolved_plan()
            journal.note(plan, decide(plan, Inputs(series=SERIES), NOW), SERIES)
            await until(lambda: journal.failure is not None)
            assert journal.pending == 1

            await line.mend()
            await until(lambda: journal.pending == 0)
        finally:
            await tasks.stop()

    found = await PostgresDecisionLog(pool).answered("batch", "embeddings", NOW)
    assert found is not None
    assert found["answered_by"] == "scaler-0:7"
