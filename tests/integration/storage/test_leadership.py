"""One of many leads, and whoever no longer does writes nothing."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carbon_scaler.application.ports import Elections
from carbon_scaler.application.terms import SupersededError
from carbon_scaler.domain.intensity import Basis, Kind, Reading, RenewableShare
from carbon_scaler.storage.embedded import embedded_postgres
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.leadership import (
    LeaderElsewhereError,
    PostgresElections,
    PostgresTerm,
    require_session_of_its_own,
)
from carbon_scaler.storage.migrate import migrate_up
from carbon_scaler.storage.pool import (
    DatabaseRefusedError,
    DatabaseUnreachableError,
    Pool,
    open_connection,
)
from tests.integration.storage.line import Line, line

__all__ = ["line"]

BOTH_VERSIONS = pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
SOON = timedelta(milliseconds=20)
PATIENT_SECONDS = 20
NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
READING = Reading(
    region="us-east-1",
    observed_at=NOW.replace(minute=0),
    grams_per_kwh=412.5,
    renewable=RenewableShare(at_least=31.25, at_most=31.25),
    source="example",
    kind=Kind.MEASURED,
    basis=Basis(),
    fetched_at=NOW,
    usable_for=timedelta(hours=2),
)
# What a server tells its client for cancelling: its session's id and a secret.
KEY = re.compile(rb"(?<=K\x00\x00\x00\x0c)....", re.DOTALL)
LEADERS = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
PROGRAM = """
import asyncio, sys
from datetime import timedelta
from carbon_scaler.storage.leadership import PostgresElections

async def main():
    elections = PostgresElections(sys.argv[1], holder="child", retry=timedelta(milliseconds=20))
    async with elections.term() as term:
        print(term.token, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""


def candidate(url: str, holder: str = "one") -> PostgresElections:
    return PostgresElections(url, holder=holder, retry=SOON, probe=SOON)


@asynccontextmanager
async def child_leading(url: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, url, stdin=pipe, stdout=pipe
    )
    assert child.stdout is not None
    assert child.stdin is not None
    try:
        async with asyncio.timeout(PATIENT_SECONDS):
            yield child, int(await child.stdout.readline())
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def token(url: str) -> int:
    async with asyncio.timeout(PATIENT_SECONDS), candidate(url).term() as term:
        return term.token


async def test_it_is_what_the_application_asks_for(database_url: str):
    elections: Elections = candidate(database_url)

    async with elections.term() as term:
        assert term.token == 1


@BOTH_VERSIONS
async def test_each_term_has_a_higher_token_and_says_who_leads(database_url: str, pool: Pool):
    async with candidate(database_url, "host-7:42").term() as first:
        assert await pool.fetchval("SELECT holder FROM ingest_leadership") == "host-7:42"
    async with candidate(database_url, "host-8:43").term() as second:
        row = await pool.fetchrow("SELECT token, holder FROM ingest_leadership")

    assert row is not None
    assert tuple(row) == (second.token, "host-8:43")
    assert second.token > first.token


async def test_the_second_leads_once_the_first_has_left(database_url: str):
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(candidate(database_url).term())
        waiting = asyncio.ensure_future(token(database_url))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.2)
        await stack.aclose()

        assert await waiting == first.token + 1


async def test_who_waits_only_so_long_learns_who_leads(database_url: str):
    async with candidate(database_url, "host-7:42").term():
        with pytest.raises(LeaderElsewhereError, match="process leads: host-7:42") as refusal:
            async with candidate(database_url).term(wait=timedelta(0)):
                pytest.fail("two lead at once")

    assert refusal.value.holder == "host-7:42"


async def test_who_waits_only_so_long_for_a_server_that_is_away_learns_that(tmp_path: Path):
    away = f"postgresql://u@/d?host={tmp_path}"

    with pytest.raises(DatabaseUnreachableError):
        async with candidate(away).term(wait=timedelta(0)):
            pytest.fail("nobody can lead without a server")


@BOTH_VERSIONS
async def test_a_leader_that_is_killed_is_followed_and_its_token_writes_no_more(
    database_url: str, pool: Pool
):
    async with child_leading(database_url) as (child, former):
        store = PostgresIntensityStore(pool)
        assert await store.store([READING], term=former) == 1
        os.kill(child.pid, signal.SIGKILL)

        present = await token(database_url)

    assert present == former + 1
    with pytest.raises(SupersededError, match="another ingest process leads now"):
        await store.store([READING, *changed()], term=former)
    assert await pool.fetchval("SELECT count(*) FROM co2e_emissions") == 1


@BOTH_VERSIONS
async def test_a_leader_whose_session_the_server_ends_knows_it_and_another_leads(
    database_url: str, pool: Pool
):
    async with candidate(database_url).term() as term:
        await pool.execute(f"SELECT pg_terminate_backend(pid) FROM ({LEADERS}) AS leaders")
        async with asyncio.timeout(PATIENT_SECONDS):
            await term.lost()

        assert await token(database_url) == term.token + 1


async def test_a_leader_whose_line_goes_silent_counts_as_lost(line: Line):
    async with candidate(line.url).term() as term:
        await line.freeze()

        async with asyncio.timeout(PATIENT_SECONDS):
            await term.lost()


async def test_a_leader_whose_line_is_cut_counts_as_lost_and_leads_again_later(line: Line):
    elections = candidate(line.url)
    async with elections.term() as former:
        await line.cut()
        async with asyncio.timeout(PATIENT_SECONDS):
            await former.lost()
    waiting = asyncio.ensure_future(token(line.url))
    await line.mend()

    assert await waiting == former.token + 1


async def test_a_lock_that_was_lost_without_the_session_ends_the_term(
    database_url: str, pool: Pool
):
    async with open_connection(database_url) as connection:
        term = PostgresTerm(connection, 0, probe=SOON, patience=timedelta(seconds=1))

        async with asyncio.timeout(PATIENT_SECONDS):
            await term.lost()


async def test_a_term_that_is_not_lost_goes_on(database_url: str):
    async with candidate(database_url).term() as term:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await term.lost()

        async with asyncio.timeout(PATIENT_SECONDS):
            with pytest.raises(LeaderElsewhereError):
                async with candidate(database_url).term(wait=timedelta(0)):
                    pytest.fail("the probe gave the lock away")


async def test_another_leads_after_the_server_was_started_again(tmp_path: Path):
    async with embedded_postgres(tmp_path, durable=False) as server:
        url = server.url("postgres")
        await migrate_up(url)
        stack = AsyncExitStack()
        former = await stack.enter_async_context(candidate(url).term())
    async with asyncio.timeout(PATIENT_SECONDS):
        await former.lost()
        await stack.aclose()
    waiting = asyncio.ensure_future(token(url))
    async with embedded_postgres(tmp_path, durable=False):
        assert await waiting == former.token + 1


async def test_a_write_under_way_ends_before_the_next_term_begins(database_url: str, pool: Pool):
    async with candidate(database_url).term() as former, pool.acquire() as blocker:
        await blocker.execute("BEGIN; LOCK TABLE co2e_emissions")
        storing = asyncio.ensure_future(
            PostgresIntensityStore(pool).store([READING], term=former.token)
        )
        await until(pool, WAITING_TO_WRITE)
        await pool.execute(f"SELECT pg_terminate_backend(pid) FROM ({LEADERS}) AS leaders")
        following = asyncio.ensure_future(token(database_url))
        await until(pool, WAITING_TO_LEAD)
        assert not following.done()
        await blocker.execute("ROLLBACK")

        assert await storing == 1
        assert await following == former.token + 1


async def test_without_the_schema_the_error_names_the_command(empty_database_url: str):
    with pytest.raises(DatabaseRefusedError, match="run carbon-scaler migrate up"):
        async with candidate(empty_database_url).term():
            pytest.fail("there is nothing to lead")


async def test_a_pooler_that_shares_sessions_is_refused(database_url: str):
    async with open_connection(database_url) as session, open_connection(database_url) as other:
        await require_session_of_its_own(session, other, "db:6432")

        with pytest.raises(DatabaseRefusedError, match="PgBouncer in transaction"):
            await require_session_of_its_own(session, session, "db:6432")


@asynccontextmanager
async def pooler_in_front(url: str) -> AsyncIterator[str]:
    """One session of the server for each client, with another id, as a pooler's session mode."""
    line = Line(url, changed=lambda sent: KEY.sub(b"\x00\x00\x00\x07", sent))
    await line.mend()
    try:
        yield line.url
    finally:
        await line.cut()


async def test_a_pooler_in_session_mode_lets_one_lead(database_url: str):
    async with pooler_in_front(database_url) as url:
        async with open_connection(url) as connection:
            assert connection.get_server_pid() == 7, "the test's pooler invents no id"
        first = await token(url)

        assert await token(url) == first + 1


def changed() -> list[Reading]:
    return [
        Reading(
            region="eu-west-1",
            observed_at=READING.observed_at,
            grams_per_kwh=1.0,
            renewable=READING.renewable,
            source="example",
            kind=Kind.MEASURED,
            basis=Basis(),
            fetched_at=NOW,
            usable_for=READING.usable_for,
        )
    ]


WAITING_TO_WRITE = """
SELECT count(*) > 0 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%co2e_emissions%'
"""
WAITING_TO_LEAD = """
SELECT count(*) > 0 FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
  AND query LIKE '%ingest_leadership%'
"""


async def until(pool: Pool, query: str) -> None:
    async with asyncio.timeout(PATIENT_SECONDS):
        while not await pool.fetchval(query):
            pass
