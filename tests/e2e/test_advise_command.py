"""`carbon-scaler advise` over what is stored, and over files."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.postgres import running_postgres
from tests.e2e.program import finished

REGION, CLEANER, SHORT = "us-west-1", "eu-north-1", "us-west-2"
HOUR = timedelta(hours=1)
# A clean noon each day with a gap of two hours and one of eight; a cleaner grid that stands still.
VALUES = f"""
INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, source)
SELECT region, hour, level + swing * cos(2 * pi() * extract(hour FROM hour AT TIME ZONE 'UTC') / 24),
  'manual'
FROM generate_series(
  date_trunc('hour', now(), 'UTC') - interval '20 days',
  date_trunc('hour', now(), 'UTC') - interval '1 hour', interval '1 hour'
) AS hours (hour)
CROSS JOIN (
  VALUES ('{REGION}', 450.0, 150.0), ('{CLEANER}', 50.0, 0.0), ('{SHORT}', 400.0, 100.0)
) AS grids (region, level, swing)
WHERE (region <> '{REGION}' OR (
    hour NOT BETWEEN now() - interval '12 days 2 hours' AND now() - interval '12 days'
    AND hour NOT BETWEEN now() - interval '15 days 8 hours' AND now() - interval '15 days'
  ))
  AND (region <> '{SHORT}' OR hour > now() - interval '3 days')
"""
POLICY = """\
classes:
  deferrable: {strategy: threshold, threshold: 100, max_delay: 12h}
"""
FEW = ("--per-month", "300", "--days", "20")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    policy: Path = tmp_path_factory.mktemp("policy")
    (policy / "workload-policies.yaml").write_text(POLICY)
    with running_postgres() as server:
        server.start()
        url = server.database()
        server.execute(url, VALUES)
        yield {"DATABASE_URL": url, "CARBON_SCALER_POLICY_DIR": str(policy)}


def told(settings: dict[str, str], *arguments: str) -> Any:
    done = finished("advise", *arguments, *FEW, "--json", settings=settings)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def advice(settings: dict[str, str]) -> Any:
    return told(settings, REGION)


def test_a_limit_that_is_never_met_is_found_and_a_better_setting_named(advice: Any):
    (deferrable,) = (each for each in advice["classes"] if each["workload_class"] == "deferrable")
    causes = {each["name"] for each in advice["causes"] if each["applies"]}

    assert deferrable["current"]["threshold"] == 100
    assert deferrable["best"]["judged_percent"] > deferrable["current"]["judged_percent"]
    assert deferrable["best"]["judged_percent"] <= deferrable["oracle_percent"]
    assert {"threshold_always_shut:deferrable", "cleaner_region_elsewhere"} <= causes
    assert "data_stale" not in causes


def test_jobs_that_a_long_gap_might_touch_are_left_out_and_counted(advice: Any):
    assert advice["jobs_left_out"] > 0
    assert advice["jobs"] > advice["jobs_that_wait"] > 0


def test_the_lines_can_be_pasted_into_the_policy(advice: Any, tmp_path: Path):
    (tmp_path / "workload-policies.yaml").write_text(advice["workload_policies"])
    checked = finished("policy", "check", str(tmp_path), settings={})

    assert "deferrable:" in advice["workload_policies"]
    assert checked.returncode == 0, checked.stderr


def test_files_stand_in_for_the_database_and_people_read_the_same(tmp_path: Path):
    begins = datetime(2022, 3, 1, tzinfo=UTC)
    rows = [
        f"{begins + number * HOUR:%Y-%m-%dT%H:%MZ},{300 if number % 24 < 6 else 500}"
        for number in range(20 * 24)
    ]
    file = tmp_path / "grid.csv"
    file.write_text("\n".join(["started_at,grams", *rows, ""]))

    (tmp_path / "workload-policies.yaml").write_text(POLICY)
    policy = {"CARBON_SCALER_POLICY_DIR": str(tmp_path)}

    done = finished("advise", "--intensity", f"{REGION}={file}", *FEW, settings=policy)

    assert done.returncode == 0, done.stderr
    assert "deferrable: " in done.stdout
    assert "# workload-policies.yaml" in done.stdout
    assert "settings are chosen on the first two thirds" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a region that is stored"),
        (("eu-west-1",), "nothing of the last 90 days is stored of eu-west-1"),
        (("us-wset-1",), 'did you mean "us-west-1"?'),
        ((SHORT,), "too few to choose on the first two thirds"),
    ],
)
def test_what_can_not_be_advised_on_is_said(
    settings: dict[str, str], arguments: tuple[str, ...], said: str
):
    done = finished("advise", *arguments, settings=settings)

    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_database_that_is_said(tmp_path: Path):
    done = finished("advise", REGION, settings={"CARBON_SCALER_DATA_DIR": str(tmp_path)})

    assert done.returncode == 3
