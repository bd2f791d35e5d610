"""Jobs by one's own query, as `backtest` replays them."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from carbon_scaler.storage import job_history
from carbon_scaler.storage.job_history import JobQueryError, job_rows
from carbon_scaler.storage.pool import DatabaseUnreachableError, Pool

RUNS = """
CREATE TABLE runs (
  id int, queued timestamptz, local timestamp, took interval, kwh numeric, places text[]
);
INSERT INTO runs VALUES
  (1, '2026-03-02 13:00+01', '2026-03-02 13:00', '90 minutes', 1.5, '{us-west-1,eu-west-1}'),
  (2, '2026-03-02 14:00:00.25Z', '2026-03-02 14:00', NULL, NULL, NULL)
"""


@pytest.fixture
async def runs_url(pool: Pool, database_url: str) -> str:
    await pool.execute(RUNS)
    return database_url


async def rows(url: str, query: str) -> list[Mapping[str, str]]:
    return [row async for row in job_rows(url, query, file="jobs.sql")]


async def refusal(url: str, query: str) -> str:
    with pytest.raises(JobQueryError) as caught:
        await rows(url, query)
    assert str(caught.value).startswith("jobs.sql")
    assert "\n" not in str(caught.value)
    return str(caught.value)


async def test_jobs_come_as_the_cells_of_a_file(runs_url: str):
    found = await rows(
        runs_url,
        "SELECT id, queued AS submitted_at, took AS duration_minutes, kwh AS energy_kwh,"
        " places AS regions, 'standard' AS workload_class, 30 AS max_delay_minutes"
        " FROM runs ORDER BY id; -- all of them",
    )

    assert found == [
        {
            "id": "1",
            "submitted_at": "2026-03-02T12:00:00+00:00",
            "duration_minutes": "90.0",
            "energy_kwh": "1.5",
            "regions": "us-west-1|eu-west-1",
            "workload_class": "standard",
            "max_delay_minutes": "30",
        },
        {
            "id": "2",
            "submitted_at": "2026-03-02T14:00:00.250000+00:00",
            "duration_minutes": "",
            "energy_kwh": "",
            "regions": "",
            "workload_class": "standard",
            "max_delay_minutes": "30",
        },
    ]


async def test_more_rows_than_one_fetch_brings_come_all(
    runs_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(job_history, "FETCHED_AT_ONCE", 3)

    found = await rows(runs_url, "SELECT id, now() AS submitted_at FROM generate_series(1, 10) id")

    assert [row["id"] for row in found] == [str(number) for number in range(1, 11)]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT id, local AS submitted_at FROM runs", "submitted_at AT TIME ZONE 'UTC'"),
        ("SELECT id, queued::date AS submitted_at FROM runs", "of type date, not timestamptz"),
        ("SELECT queued AS submitted_at FROM runs", "yields no id (it yields submitted_at)"),
        ("SELECT id FROM runs", "yields no submitted_at"),
        ("SELECT id, id, queued AS submitted_at FROM runs", "yields id twice"),
        (
            "SELECT id, queued AS submitted_at, 1 AS energy_kw FROM runs",
            'did you mean "energy_kwh"?',
        ),
        (
            "SELECT id, queued AS submitted_at, '1 h' AS duration_minutes FROM runs",
            "a number of minutes or an interval",
        ),
        (
            "SELECT id,\n  quued AS submitted_at\nFROM runs",
            ": line 2, column 3: the server refused",
        ),
        ("SELECT FROM no_such_table", ': line 1, column 13: the server refused it: relation "no'),
        ("SELECT 1; SELECT 2", "cannot insert multiple commands"),
        ("", "yields no id (it yields no columns)"),
        (
            "SELECT id, now() + id / 0 * '1h'::interval AS submitted_at FROM runs",
            "division by zero",
        ),
    ],
)
async def test_a_query_that_yields_no_jobs_is_refused(runs_url: str, query: str, says: str):
    assert says in await refusal(runs_url, query)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM runs RETURNING id, queued AS submitted_at",
        "WITH gone AS (DELETE FROM runs RETURNING *) SELECT id, queued AS submitted_at FROM gone",
        "SELECT id, queued AS submitted_at FROM runs FOR UPDATE",
    ],
)
async def test_nothing_can_be_written(runs_url: str, pool: Pool, statement: str):
    assert "read-only transaction" in await refusal(runs_url, statement)
    assert await pool.fetchval("SELECT count(*) FROM runs") == 2


async def test_a_query_that_takes_too_long_is_given_up(
    runs_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(job_history, "QUERY_TIMEOUT", timedelta(milliseconds=200))

    says = await refusal(
        runs_url, "SELECT id, queued AS submitted_at FROM runs, pg_sleep(30) AS slept"
    )

    assert "narrow it" in says


async def test_a_server_that_is_gone_is_not_blamed_on_the_query(runs_url: str):
    nowhere = "postgresql://nobody@127.0.0.1:1/none"

    with pytest.raises(DatabaseUnreachableError, match="does not answer"):
        await rows(nowhere, "SELECT 1")


async def test_a_server_that_stops_on_the_way_is_not_blamed_on_the_query(
    runs_url: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(job_history, "FETCHED_AT_ONCE", 1)
    found = job_rows(
        runs_url, "SELECT id, queued AS submitted_at FROM runs, pg_sleep(0)", file="jobs.sql"
    )
    await anext(found)
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    with pytest.raises(DatabaseUnreachableError):
        await anext(found)
