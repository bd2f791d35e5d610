"""What servers hear of overrides and budgets, also over a bad line."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.directives import DirectiveStates
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.domain.budget import BudgetUse
from carbon_scaler.storage.directives import PostgresDirectives
from carbon_scaler.storage.notifications import DIRECTIVES_CHANNEL, PostgresChanges
from carbon_scaler.storage.overrides import PostgresOverrides
from carbon_scaler.storage.pool import (
    DatabaseRefusedError,
    Pool,
    open_connection,
    open_pool,
    server_name,
)
from tests.builders import HOUR, MINUTE, SECOND
from tests.integration.storage.line import Line, line
from tests.integration.storage.test_overrides import FAR, NOW, a_request, about_class

__all__ = ["line"]

LONG = timedelta(hours=1)
SPENT = "INSERT INTO budget_use (service, month, spent_kg) VALUES ($1, $2, $3)"
SPEND = f"{SPENT} ON CONFLICT (service, month) DO UPDATE SET spent_kg = excluded.spent_kg"
MARCH = datetime(2026, 3, 1, tzinfo=UTC)


def listening(url: str) -> PostgresChanges:
    return PostgresChanges(url, channel=DIRECTIVES_CHANNEL, poll=LONG)


@asynccontextmanager
async def following(pool: Pool, url: str) -> AsyncIterator[DirectiveStates]:
    """Directives as a server has them, once they are loaded."""
    states = DirectiveStates(
        store=PostgresDirectives(pool, server=server_name(url)),
        changes=listening(url),
        clock=SystemClock(),
    )
    tasks = Tasks()
    tasks.start("directives", states.run)
    try:
        assert await states.wait_loaded(seconds=20)
        yield states
    finally:
        await tasks.stop()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  what is awaited announces nothing
            await asyncio.sleep(0.01)


async def test_nothing_stated_is_nothing(pool: Pool):
    loaded = await PostgresDirectives(pool).load(NOW)

    assert (loaded.overrides, loaded.budget_use) == ((), {})


async def test_only_what_may_still_apply_is_loaded(pool: Pool):
    overrides = PostgresOverrides(pool)
    ended, later, sooner = (
        await overrides.add(a_request()),
        await overrides.add(about_class()),
        await overrides.add(a_request(until=FAR - HOUR)),
    )
    await overrides.end(ended.id, "jonas")
    store = PostgresDirectives(pool)

    assert (await store.load(NOW)).overrides == (later, sooner)
    # Another server's clock may be a little behind this one's.
    assert (await store.load(FAR - HOUR + 30 * SECOND)).overrides == (later, sooner)
    assert (await store.load(FAR - HOUR + MINUTE)).overrides == (later,)
    assert (await store.load(FAR + MINUTE)).overrides == ()


async def test_a_budget_is_used_up_by_the_month_in_utc(pool: Pool):
    for month, spent in (("2026-02-01", 80.0), ("2026-03-01", 12.5)):
        await pool.execute(SPENT, "ledger", datetime.fromisoformat(month).date(), spent)
    updated_at = await pool.fetchval("SELECT updated_at FROM budget_use LIMIT 1")
    store = PostgresDirectives(pool)

    in_march = await store.load(MARCH)
    in_february = await store.load(MARCH - SECOND)
    in_april = await store.load(MARCH + timedelta(days=31))

    assert in_march.budget_use["ledger"].spent_kg == 12.5
    assert in_february.budget_use == {
        "ledger": BudgetUse(
            service="ledger",
            month_begins_at=datetime(2026, 2, 1, tzinfo=UTC),
            spent_kg=80.0,
            as_of=updated_at,
        )
    }
    assert in_april.budget_use == {}


@pytest.mark.parametrize(
    ("month", "spent"), [("2026-03-02", 1.0), ("2026-03-01", -1.0), ("2026-03-01", float("nan"))]
)
async def test_a_use_that_is_none_is_refused(database_url: str, month: str, spent: float):
    async with open_connection(database_url) as connection:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(SPENT, "ledger", datetime.fromisoformat(month).date(), spent)


async def test_the_role_of_the_server_loads_them(database_url: str, pool: Pool):
    stated = await PostgresOverrides(pool).add(a_request())
    await pool.execute(SPENT, "ledger", MARCH.date(), 1.0)
    async with open_pool(database_url, max_size=1) as served:
        await served.execute("SET ROLE carbon_scaler_serve")

        loaded = await PostgresDirectives(served).load(MARCH)

    assert loaded.overrides == (stated,)
    assert set(loaded.budget_use) == {"ledger"}


async def test_every_way_to_change_them_is_told(database_url: str, pool: Pool):
    async with aclosing(listening(database_url).changes()) as stream, asyncio.timeout(20):
        assert await anext(stream) is None
        for statement in (
            "INSERT INTO operator_overrides (action, region, until, reason, stated_by)"
            " VALUES ('hold', 'us-west-1', now() + interval '1 hour', 'frozen', 'maria')",
            "UPDATE operator_overrides SET ended_at = now(), ended_by = 'jonas'",
            "DELETE FROM operator_overrides",
            "TRUNCATE operator_overrides",
            "INSERT INTO budget_use VALUES ('ledger', '2026-03-01', 1)",
            "UPDATE budget_use SET spent_kg = 2",
            "DELETE FROM budget_use",
            "TRUNCATE budget_use",
        ):
            await pool.execute(statement)
            assert await anext(stream) is None, statement


async def test_a_grid_value_is_not_told_on_their_channel(database_url: str, pool: Pool):
    async with aclosing(PostgresChanges(database_url, poll=LONG).changes()) as grid:
        assert await anext(grid) is None
        async with following(pool, database_url) as states:
            before = states.current
            await pool.execute(
                "INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh)"
                " VALUES ('us-west-1', now(), 300)"
            )
            async with asyncio.timeout(20):
                assert await anext(grid) == {"us-west-1"}
            assert states.current is before


async def test_all_servers_see_an_override_and_its_end_without_asking(
    database_url: str, pool: Pool
):
    overrides = PostgresOverrides(pool)
    async with following(pool, database_url) as one, following(pool, database_url) as other:
        stated = await overrides.add(a_request())
        for states in (one, other):
            await until(lambda states=states: states.current.overrides == (stated,))

        await overrides.end(stated.id, "jonas")
        for states in (one, other):
            await until(lambda states=states: states.current.overrides == ())


async def test_a_cut_line_keeps_the_last_view_and_what_was_missed_is_looked_up(
    line: Line, pool: Pool
):
    overrides = PostgresOverrides(pool)
    stated = await overrides.add(a_request())
    async with open_pool(line.url, max_size=1) as fragile, following(fragile, line.url) as states:
        assert states.current.overrides == (stated,)
        await until(lambda: states.failure is None)

        await line.cut()
        await until(lambda: states.failure is not None)
        other = await overrides.add(about_class())
        assert states.current.overrides == (stated,)

        await line.mend()
        await until(lambda: states.current.overrides == (stated, other))
        await until(lambda: states.failure is None)


async def test_a_database_without_the_tables_says_what_to_do(empty_database_url: str):
    async with open_pool(empty_database_url, max_size=1) as pool:
        with pytest.raises(DatabaseRefusedError, match=r"run carbon-scaler migrate up$"):
            await PostgresDirectives(pool).load(NOW)


async def test_of_the_past_those_count_that_were_in_force_then(pool: Pool):
    overrides, directives = PostgresOverrides(pool), PostgresDirectives(pool)
    stated = await overrides.add(about_class())
    stated_at = stated.created_at
    await overrides.end(stated.id, "maria")
    standing = await overrides.add(a_request())

    assert (await directives.as_of(stated_at - SECOND)).overrides == ()
    assert (await directives.as_of(stated_at)).overrides == (stated,)
    assert (await directives.as_of(standing.created_at)).overrides == (standing,)
    assert (await directives.as_of(FAR)).overrides == (), "it has expired by then"
