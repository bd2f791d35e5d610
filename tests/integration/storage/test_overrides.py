"""What operators state, as it is kept, and who may write it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from carbon_scaler.application.override_request import OverrideRequest
from carbon_scaler.domain.override import OverrideAction
from carbon_scaler.storage.overrides import PostgresOverrides
from carbon_scaler.storage.pool import DatabaseRefusedError, Pool, open_connection
from tests.builders import HOUR, SECOND

# The server's own clock judges what is written, so the test's has to be near it.
NOW = datetime.now(UTC).replace(microsecond=0)
FAR = NOW + 24 * HOUR
INSERT = """
INSERT INTO operator_overrides (action, {columns}, until, reason, stated_by)
VALUES ('hold', {values}, now() + interval '1 hour', 'frozen', 'maria')
"""


def a_request(**stated: object) -> OverrideRequest:
    request = OverrideRequest(
        action=OverrideAction.HOLD,
        until=FAR,
        reason="ledger is being moved",
        by="maria",
        scaled_object=("batch", "embeddings"),
    )
    return replace(request, **stated)


def about_class(name: str = "deferrable") -> OverrideRequest:
    return a_request(scaled_object=None, workload_class=name)


async def test_an_override_comes_back_as_it_was_stated(pool: Pool):
    overrides = PostgresOverrides(pool)
    requests = [
        a_request(),
        about_class(),
        a_request(scaled_object=None, region="us-west-1", action=OverrideAction.RELEASE),
    ]

    stated = [await overrides.add(request) for request in requests]

    assert [kept.override for kept in await overrides.listed(NOW)] == stated[::-1]
    for request, override in zip(requests, stated, strict=True):
        assert override.action is request.action
        assert (override.until, override.reason, override.by) == (FAR, request.reason, "maria")
        assert override.scaled_object == request.scaled_object
        assert override.workload_class == request.workload_class
        assert override.region == request.region
        assert abs(override.created_at - NOW) < HOUR
    assert stated[0].id < stated[1].id < stated[2].id


async def test_one_that_is_ended_is_over_and_says_who_ended_it(pool: Pool):
    overrides = PostgresOverrides(pool)
    stated, other = await overrides.add(a_request()), await overrides.add(about_class())

    assert await overrides.end(stated.id, "jonas") == stated

    assert [kept.override.id for kept in await overrides.listed(NOW)] == [other.id]
    former = (await overrides.listed(NOW, past=True))[1]
    assert (former.override, former.ended_by, former.state(NOW)) == (stated, "jonas", "ended")
    assert former.ended_at is not None


async def test_one_that_is_over_or_unknown_cannot_be_ended(pool: Pool):
    overrides = PostgresOverrides(pool)
    stated = await overrides.add(a_request())
    await overrides.end(stated.id, "jonas")

    assert await overrides.end(stated.id, "maria") is None
    assert await overrides.end(stated.id + 1, "maria") is None
    assert (await overrides.listed(NOW, past=True))[0].ended_by == "jonas"


async def test_one_expires_by_itself(pool: Pool):
    overrides = PostgresOverrides(pool)
    stated = await overrides.add(a_request())

    before, at = FAR - SECOND, FAR

    assert [kept.state(before) for kept in await overrides.listed(before)] == ["in force"]
    assert await overrides.listed(at) == []
    assert [
        (kept.override.id, kept.state(at)) for kept in await overrides.listed(at, past=True)
    ] == [(stated.id, "expired")]


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("namespace", "'batch'"),
        ("name", "'embeddings'"),
        ("namespace, name, region", "'batch', 'embeddings', 'us-west-1'"),
        ("workload_class, region", "'urgent', 'us-west-1'"),
        ("region", "NULL"),
    ],
)
async def test_a_typed_one_without_exactly_one_subject_is_refused(
    pool: Pool, columns: str, values: str
):
    with pytest.raises(asyncpg.CheckViolationError, match="operator_overrides_one_subject"):
        await pool.execute(INSERT.format(columns=columns, values=values))


async def test_one_that_would_end_before_it_begins_is_refused(pool: Pool):
    with pytest.raises(DatabaseRefusedError, match="operator_overrides_until_later"):
        await PostgresOverrides(pool).add(a_request(until=NOW - HOUR))


@pytest.mark.parametrize("change", ["reason = ' '", "stated_by = ''", "ended_by = 'jonas'"])
async def test_one_without_words_or_half_ended_is_refused(pool: Pool, change: str):
    await PostgresOverrides(pool).add(a_request())

    with pytest.raises(asyncpg.CheckViolationError):
        await pool.execute(f"UPDATE operator_overrides SET {change}")


async def test_serve_reads_overrides_and_writes_none(database_url: str, pool: Pool):
    await PostgresOverrides(pool).add(a_request())
    async with open_connection(database_url) as connection:
        for role in ("carbon_scaler_serve", "carbon_scaler_ingest", "carbon_scaler_read"):
            await connection.execute(f"SET ROLE {role}")
            assert await connection.fetchval("SELECT count(*) FROM operator_overrides") == 1
            for statement in (
                INSERT.format(columns="region", values="'us-west-1'"),
                "UPDATE operator_overrides SET until = now() + interval '1 day'",
                "DELETE FROM operator_overrides",
                "INSERT INTO budget_use VALUES ('ledger', '2026-03-01', 1)",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)


async def test_maintenance_may_delete_them(database_url: str, pool: Pool):
    await PostgresOverrides(pool).add(a_request())
    async with open_connection(database_url) as connection:
        await connection.execute("SET ROLE carbon_scaler_maintain")
        assert await connection.execute("DELETE FROM operator_overrides") == "DELETE 1"


async def test_the_newest_thousand_are_listed(pool: Pool):
    await pool.execute(
        "INSERT INTO operator_overrides (action, region, until, reason, stated_by)"
        " SELECT 'hold', 'region-' || n, $1, 'many', 'maria' FROM generate_series(1, 1001) AS n",
        NOW + timedelta(days=2),
    )

    listed = await PostgresOverrides(pool).listed(NOW)

    assert len(listed) == 1000
    assert listed[0].override.region == "region-1001"
