"""Word of changed values, also over a bad line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta

import pytest

from carbon_scaler.application.ports import IntensityChanges
from carbon_scaler.storage.notifications import PostgresChanges
from carbon_scaler.storage.pool import Pool
from tests.integration.storage.line import Line, line

__all__ = ["line"]

INSERT = """
INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh)
SELECT region, now(), 300 FROM unnest($1::text[]) AS region
"""
LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'carbon-scaler-listen'"
HERE = f"{LISTENING} AND datname = current_database()"
TERMINATE = HERE.replace("count(*)", "pg_terminate_backend(pid)")
SOON = timedelta(milliseconds=50)
LONG = timedelta(hours=1)


class Listener:
    """Takes one change after the other, each within a bounded time."""

    def __init__(self, changes: AsyncIterator[frozenset[str] | None]) -> None:
        self._changes = changes

    async def next(self) -> frozenset[str] | None:
        async with asyncio.timeout(20):
            return await anext(self._changes)


@asynccontextmanager
async def listening(changes: PostgresChanges) -> AsyncIterator[Listener]:
    """A listener that has heard that anything may have changed."""
    async with aclosing(changes.changes()) as stream:
        listener = Listener(stream)
        assert await listener.next() is None
        yield listener


async def settled(pool: Pool, query: str, value: object) -> None:
    async with asyncio.timeout(10):
        while await pool.fetchval(query) != value:
            pass


async def test_it_is_what_the_application_asks_for(database_url: str):
    changes: IntensityChanges = PostgresChanges(database_url)

    assert changes is not None


async def test_a_typed_row_names_its_region(database_url: str, pool: Pool):
    changes = PostgresChanges(database_url)
    async with listening(changes) as listener:
        assert changes.connected
        await pool.execute(INSERT, ["us-east-1"])

        assert await listener.next() == {"us-east-1"}


async def test_changes_within_the_window_come_as_one(database_url: str, pool: Pool):
    async with listening(PostgresChanges(database_url, window=timedelta(seconds=1))) as listener:
        for region in ("us-east-1", "eu-west-1", "us-east-1"):
            await pool.execute(
                "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh)"
                " VALUES ($1, clock_timestamp(), 300)",
                region,
            )

        assert await listener.next() == {"us-east-1", "eu-west-1"}


async def test_more_than_fifty_regions_are_all_of_them(database_url: str, pool: Pool):
    async with listening(PostgresChanges(database_url)) as listener:
        await pool.execute(INSERT, [f"region-{n}" for n in range(50)])
        assert await listener.next() == {f"region-{n}" for n in range(50)}

        await pool.execute(INSERT, [f"other-{n}" for n in range(51)])
        assert await listener.next() is None


async def test_every_way_to_change_a_row_is_told_and_no_change_is_not(
    database_url: str, pool: Pool
):
    async with listening(PostgresChanges(database_url)) as listener:
        await pool.execute(INSERT, ["a", "b", "c"])
        assert await listener.next() == {"a", "b", "c"}

        await pool.execute("UPDATE co2e_emissions SET gco2_per_kwh = 310 WHERE region = 'a'")
        assert await listener.next() == {"a"}

        await pool.execute("UPDATE co2e_emissions SET gco2_per_kwh = 310 WHERE region = 'a'")
        await pool.execute("UPDATE co2e_emissions SET region = 'd' WHERE region = 'b'")
        assert await listener.next() == {"b", "d"}

        await pool.execute("DELETE FROM co2e_emissions WHERE region = 'c'")
        assert await listener.next() == {"c"}

        await pool.execute("TRUNCATE co2e_emissions")
        assert await listener.next() is None


async def test_without_any_word_it_looks_again_and_again(database_url: str):
    async with listening(PostgresChanges(database_url, poll=SOON)) as listener:
        assert await listener.next() is None
        assert await listener.next() is None


async def test_a_silent_connection_that_lives_is_kept(database_url: str, pool: Pool):
    async with listening(PostgresChanges(database_url, poll=LONG, probe=SOON)) as listener:
        waiting = asyncio.create_task(listener.next())
        await settled(
            pool, f"SELECT query FROM ({HERE.replace('count(*)', 'query')}) AS q", "SELECT 1"
        )
        await pool.execute(INSERT, ["us-east-1"])

        assert await waiting == {"us-east-1"}


async def test_a_cut_line_is_mended_and_what_was_missed_is_looked_up(line: Line, pool: Pool):
    changes = PostgresChanges(line.url, poll=LONG)
    async with listening(changes) as listener:
        await line.cut()
        waiting = asyncio.create_task(listener.next())
        async with asyncio.timeout(10):
            while changes.last_error is None:
                await pool.execute(INSERT, ["us-east-1"])
        assert not changes.connected
        assert "127.0.0.1" in changes.last_error

        await line.mend()

        assert await waiting is None
        assert (changes.connected, changes.last_error) == (True, None)
        await pool.execute(INSERT, ["eu-west-1"])
        assert await listener.next() == {"eu-west-1"}


async def test_a_line_that_is_dead_but_open_is_given_up(line: Line, pool: Pool):
    changes = PostgresChanges(line.url, poll=LONG, probe=timedelta(milliseconds=300))
    async with listening(changes) as listener:
        await line.freeze()

        assert await listener.next() is None
        await pool.execute(INSERT, ["us-east-1"])
        assert await listener.next() == {"us-east-1"}


async def test_a_connection_that_the_server_ends_is_made_anew(database_url: str, pool: Pool):
    changes = PostgresChanges(database_url, poll=LONG)
    async with listening(changes) as listener:
        assert await pool.fetchval(TERMINATE)
        async with asyncio.timeout(10):
            while changes.connected:
                await pool.fetchval("SELECT 1")

        assert await listener.next() is None
        assert changes.connected


async def test_a_server_that_comes_later_is_found(database_url: str):
    line = Line(database_url)
    await line.mend()
    url = line.url
    await line.cut()
    changes = PostgresChanges(url)
    async with aclosing(changes.changes()) as stream:
        waiting = asyncio.create_task(Listener(stream).next())
        await until_failed(changes)
        assert changes.last_error is not None
        assert changes.last_error.startswith("the database at 127.0.0.1:")

        await line.mend()

        assert await waiting is None
    await line.cut()


async def test_whoever_cannot_listen_looks_again_all_the_same():
    changes = PostgresChanges(
        "postgresql://nobody@127.0.0.1:1/nowhere", poll=timedelta(milliseconds=1)
    )
    async with aclosing(changes.changes()) as stream, asyncio.timeout(10):
        assert await anext(stream) is None
        assert await anext(stream) is None

    assert not changes.connected


async def until_failed(changes: PostgresChanges) -> None:
    async with asyncio.timeout(10):
        while True:
            if changes.last_error is not None:
                return
            await asyncio.sleep(0.01)


async def test_cancelling_ends_the_connection(database_url: str, pool: Pool):
    heard = asyncio.Event()

    async def listen() -> None:
        async with aclosing(PostgresChanges(database_url).changes()) as stream:
            async for _ in stream:
                heard.set()

    task = asyncio.create_task(listen())
    async with asyncio.timeout(10):
        await heard.wait()
    assert await pool.fetchval(HERE) == 1

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await settled(pool, HERE, 0)
