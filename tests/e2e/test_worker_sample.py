"""The sample worker as users copy it: processes on a real queue, beside the shipped backlogs.yaml."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.config.backlogs_file import read_backlogs
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import Items
from carbon_scaler.storage.embedded import embedded_postgres
from tests.builders import some_settings

EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
WORKER = EXAMPLES / "worker" / "worker.py"
QUEUE = EXAMPLES / "worker" / "queue.sql"

Worker = Callable[..., Awaitable[Process]]
Row = asyncpg.Record


@pytest.fixture
async def database_url(tmp_path: Path) -> AsyncIterator[str]:
    async with embedded_postgres(tmp_path / "data", durable=False) as server:
        yield server.url("postgres")


@pytest.fixture
async def queue(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The worker's database with its table, which may be made twice."""
    connection = await asyncpg.connect(database_url)
    for _ in range(2):
        await connection.execute(QUEUE.read_text())
    yield connection
    await connection.close()


@pytest.fixture
async def worker(database_url: str) -> AsyncIterator[Worker]:
    """Starts workers; those still at work in the end are killed."""
    processes: list[Process] = []

    async def start(**environment: str) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(WORKER),
            env={"PATH": os.environ["PATH"], "DATABASE_URL": database_url, **environment},
            stdout=PIPE,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: Process) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and what it told."""
    async with asyncio.timeout(30):
        told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in told.splitlines()]


async def at_work(process: Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert json.loads(await process.stdout.readline())["outcome"] == "taken"


async def as_the_scaler_reads_it(url: str) -> Items:
    backlogs = read_backlogs(EXAMPLES / "policy", {"QUEUE_DATABASE_URL": url})
    patient = [replace(each, timeout=timedelta(seconds=20)) for each in backlogs]
    source = next(each for each in backlog_sources(patient) if each.name == "q2q-embeddings")
    try:
        return await source.read()
    finally:
        await source.close()


async def counts(url: str) -> dict[str, int]:
    items = await as_the_scaler_reads_it(url)
    return {"waiting": len(items.enqueued), "in_progress": items.in_progress}


async def enqueue(queue: asyncpg.Connection, count: int) -> None:
    await queue.execute(
        "INSERT INTO q2q_embedding_queue (payload) SELECT 'text' FROM generate_series(1, $1)", count
    )


async def only_row(queue: asyncpg.Connection) -> Row:
    (row,) = await queue.fetch("SELECT * FROM q2q_embedding_queue")
    return row


async def test_more_workers_than_items_do_each_item_once_and_the_surplus_ends_well(
    queue: asyncpg.Connection, worker: Worker, database_url: str
):
    await enqueue(queue, 4)

    outcomes = await asyncio.gather(*[ended(await worker()) for _ in range(7)])

    assert [code for code, _ in outcomes] == [0] * 7
    last = sorted(told[-1]["outcome"] for _, told in outcomes)
    assert last == ["finished"] * 4 + ["nothing_to_do"] * 3
    rows = await queue.fetch("SELECT * FROM q2q_embedding_queue")
    assert [(row["tries"], row["finished_at"] is not None) for row in rows] == [(1, True)] * 4
    assert {row["result"] for row in rows} != {None}
    assert await counts(database_url) == {"waiting": 0, "in_progress": 0}


async def test_workers_take_items_in_the_order_in_which_the_scaler_releases_them(
    queue: asyncpg.Connection, worker: Worker, database_url: str
):
    # maxDelay 10 h and jobDuration 2 h: latest starts, from now, in minutes.
    await queue.execute(
        """
        INSERT INTO q2q_embedding_queue (payload, enqueued_at, deadline_at, duration) VALUES
          ('420', now() - interval '3 h', NULL, NULL),
          ('600', now(), NULL, interval '1 h'),
          ('180', now(), now() + interval '5 h', NULL),
          ('285', now(), now() + interval '5 h', interval '15 min'),
          ('-60', now() - interval '11 h', now() + interval '1 d', NULL),
          ('0', now(), now() - interval '1 d', NULL)
        """
    )
    settings = some_settings(max_delay=timedelta(hours=10), job_duration=timedelta(hours=2))
    released = timeline_of(await as_the_scaler_reads_it(database_url), settings)

    for _ in range(6):
        await ended(await worker(MAX_DELAY="10h", JOB_DURATION="120 min"))

    rows = await queue.fetch(
        "SELECT payload, extract(epoch FROM enqueued_at)::float8 AS enqueued "
        "FROM q2q_embedding_queue ORDER BY started_at"
    )
    taken = [int(row["payload"]) for row in rows]
    now = max(row["enqueued"] for row in rows)
    assert taken == [-60, 0, 180, 285, 420, 600]
    assert taken == [round((start - now) / 60) for start in released.latest_starts]


async def test_an_item_whose_worker_was_killed_is_waiting_again_when_its_lease_is_over(
    queue: asyncpg.Connection, worker: Worker, database_url: str
):
    await enqueue(queue, 1)
    killed = await worker(SAMPLE_WORK_SECONDS="3600")
    await at_work(killed)
    killed.kill()
    await killed.wait()

    assert await counts(database_url) == {"waiting": 0, "in_progress": 1}
    assert (await ended(await worker()))[1] == [{"outcome": "nothing_to_do"}]
    await queue.execute("UPDATE q2q_embedding_queue SET heartbeat_at = now() - interval '120 s'")
    assert await counts(database_url) == {"waiting": 1, "in_progress": 0}
    code, told = await ended(await worker())

    assert (code, told[-1]["outcome"]) == (0, "finished")
    assert (await only_row(queue))["tries"] == 2
    assert await counts(database_url) == {"waiting": 0, "in_progress": 0}


async def test_a_worker_at_work_renews_its_lease(queue: asyncpg.Connection, worker: Worker):
    await enqueue(queue, 1)
    await at_work(await worker(SAMPLE_WORK_SECONDS="3600", LEASE_SECONDS="4"))

    async with asyncio.timeout(30):
        while not await queue.fetchval(
            "SELECT heartbeat_at > started_at + interval '2 s' FROM q2q_embedding_queue"
        ):
            pass

    assert (await ended(await worker(LEASE_SECONDS="4")))[1] == [{"outcome": "nothing_to_do"}]


async def test_a_worker_that_was_thought_dead_leaves_the_item_to_its_successor(
    queue: asyncpg.Connection, worker: Worker
):
    await enqueue(queue, 1)
    paused = await worker(SAMPLE_WORK_SECONDS="3600", LEASE_SECONDS="1")
    await at_work(paused)
    paused.send_signal(signal.SIGSTOP)
    await queue.execute("UPDATE q2q_embedding_queue SET heartbeat_at = now() - interval '1 h'")
    successor = await worker(SAMPLE_WORK_SECONDS="3600")
    await at_work(successor)
    before = await only_row(queue)

    paused.send_signal(signal.SIGCONT)
    code, told = await ended(paused)

    assert (code, told[-1]["outcome"]) == (1, "lost")
    assert await only_row(queue) == before


async def test_a_worker_that_is_told_to_stop_gives_its_item_back_at_once(
    queue: asyncpg.Connection, worker: Worker, database_url: str
):
    await enqueue(queue, 1)
    evicted = await worker(SAMPLE_WORK_SECONDS="3600")
    await at_work(evicted)

    evicted.terminate()
    code, told = await ended(evicted)

    assert (code, told[-1]["outcome"]) == (1, "given_back")
    assert await counts(database_url) == {"waiting": 1, "in_progress": 0}


async def test_an_item_that_fails_again_and_again_is_left_for_a_human(
    queue: asyncpg.Connection, worker: Worker, database_url: str
):
    await queue.execute("INSERT INTO q2q_embedding_queue (payload, tries) VALUES ('', 4)")
    assert await counts(database_url) == {"waiting": 1, "in_progress": 0}

    code, told = await ended(await worker())

    assert (code, told[-1]) == (1, {"item": 1, "outcome": "given_back", "cause": "ValueError"})
    assert await counts(database_url) == {"waiting": 0, "in_progress": 0}
    assert (await ended(await worker()))[1] == [{"outcome": "nothing_to_do"}]


async def test_the_last_try_counts_as_in_progress_while_it_lasts(
    queue: asyncpg.Connection, worker: Worker, database_url: str
):
    await queue.execute("INSERT INTO q2q_embedding_queue (payload, tries) VALUES ('text', 4)")

    await at_work(await worker(SAMPLE_WORK_SECONDS="3600"))

    assert await counts(database_url) == {"waiting": 0, "in_progress": 1}
