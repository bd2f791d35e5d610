"""`carbon-scaler db cleanup`: old decisions go, and it says how many."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import finished

DECISION = """
INSERT INTO decisions
  (decided_at, answered_by, namespace, name, region, mode, workload_class, verdict, reason,
   level, admitted, metric_value, target, active, policy_version, trigger, document)
VALUES
  (now() - interval '{days} days', 'scaler-0:7', 'batch', 'embeddings', 'us-west-1', 'brake',
   'standard', 'closed', 'dirty', 0, 0, 0, 0, true, 'built-in', '{{"mode": "brake"}}', '{{}}')
"""
ISSUE = """
INSERT INTO forecast_issues
  (region, source, signal, factors, issued_at, kept_at, model, past_hours)
SELECT 'us-west-1', 'own', 'average', 'lifecycle', at, at, 'regression', 400
FROM (SELECT now() - interval '{days} days' AS at) AS issue
"""


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def url(postgres: Postgres) -> str:
    made = postgres.database()
    postgres.execute(made, *(DECISION.format(days=days) for days in (91, 89, 3)))
    return made


def ages(postgres: Postgres, url: str) -> list[int]:
    days = "extract(day FROM now() - decided_at)::int"
    found: list[int] = postgres.value(url, f"SELECT array_agg({days} ORDER BY id) FROM decisions")
    return found


def test_decisions_of_more_than_ninety_days_are_deleted(postgres: Postgres, url: str):
    done = finished("db", "cleanup", settings={"DATABASE_URL": url})

    assert (done.returncode, done.stdout) == (0, "deleted 1 decisions and 0 own forecasts\n")
    assert ages(postgres, url) == [89, 3]


def test_how_long_they_are_kept_may_be_said(postgres: Postgres, url: str):
    done = finished("db", "cleanup", "--keep", "7d", "--json", settings={"DATABASE_URL": url})

    assert json.loads(done.stdout) == {"deleted": {"decisions": 2, "forecasts": 0}}
    assert ages(postgres, url) == [3]


def test_own_forecasts_of_over_two_weeks_ago_are_deleted(postgres: Postgres, url: str):
    postgres.execute(url, *(ISSUE.format(days=days) for days in (30, 15, 13)))

    done = finished("db", "cleanup", settings={"DATABASE_URL": url})

    assert done.stdout == "deleted 1 decisions and 2 own forecasts\n"
    assert postgres.value(url, "SELECT count(*) FROM forecast_issues") == 1


@pytest.mark.parametrize("keep", ["soon", "23h", "0"])
def test_a_slip_does_not_delete_everything(postgres: Postgres, url: str, keep: str):
    done = finished("db", "cleanup", "--keep", keep, settings={"DATABASE_URL": url})

    assert done.returncode == 1
    assert "no duration from a day to a year" in done.stderr
    assert ages(postgres, url) == [91, 89, 3]
