"""Forecasts of our own in a running program: soon there, seen by servers, ended with ingest."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import Program, finished, started

# Six regions with a year of history: seconds, but many where others want the CPU too.
pytestmark = pytest.mark.timeout(240)

WITHIN_SECONDS = 90.0
WORKER = "carbon_scaler.wiring.forecast_worker"
REGION = "us-west-1"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as running:
        running.start()
        yield running


def eventually(seen: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not (found := seen()):
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
    return found


def forecasts_of(program: Program) -> dict[str, Any]:
    regions = program.get("/status")["regions"]
    return {name: region["forecast"] for name, region in regions.items()}


def test_a_trial_run_has_forecasts_soon_after_it_is_ready(tmp_path: Path):
    settings = {"CARBON_SCALER_DATA_DIR": str(tmp_path), "CARBON_SCALER_SOURCES": "replay"}
    with started("run", settings=settings) as program:
        program.wait_ready()

        eventually(lambda: all(forecasts_of(program).values()), "a forecast of each region")

        forecast = forecasts_of(program)[REGION]
        shown = finished("forecast", "show", REGION, settings=settings)
        assert shown.stdout.startswith(f"{REGION}: model {forecast['model']}")
        assert forecast["model"] == "regression"
        assert 0 < forecast["error_percent"] < 100
        known_until = datetime.fromisoformat(forecast["known_until"])
        assert abs(known_until - datetime.now(UTC)) < timedelta(hours=2)
        metrics = program.text("/metrics")
        assert f'carbon_scaler_forecast_error_percent{{region="{REGION}"}}' in metrics
        assert f'carbon_scaler_forecast_age_seconds{{region="{REGION}",source="own"}}' in metrics


def test_a_single_cycle_forecasts_too_and_a_server_sees_it(postgres: Postgres):
    url = postgres.database()
    settings = {"DATABASE_URL": url, "CARBON_SCALER_SOURCES": "replay"}
    finished("migrate", settings=settings)

    done = finished("ingest", "--once", settings=settings)

    assert done.returncode == 0, done.stderr
    assert postgres.value(url, "SELECT count(DISTINCT region) FROM forecast_issues") == 6
    with started("serve", settings=settings) as program:
        program.wait_ready()
        eventually(lambda: forecasts_of(program).get(REGION), "the forecast")


def test_what_is_stored_is_what_the_command_shows(postgres: Postgres):
    url = postgres.database()
    settings = {"DATABASE_URL": url, "CARBON_SCALER_SOURCES": "replay"}
    finished("migrate", settings=settings)
    finished("ingest", "--once", settings=settings)
    newest = f"FROM carbon_intensity_forecasts WHERE source = 'own' AND region = '{REGION}'"
    issued_at = postgres.value(url, f"SELECT max(issued_at) {newest}")

    at = ("--at", issued_at.isoformat(), "--json")
    shown = json.loads(finished("forecast", "show", REGION, *at, settings=settings).stdout)

    grams = f"SELECT array_agg(gco2_per_kwh::float8 ORDER BY target_at) {newest}"
    assert [point["grams_per_kwh"] for point in shown["points"]] == pytest.approx(
        postgres.value(url, grams), abs=0.002
    )


def test_what_makes_forecasts_is_gone_when_ingest_was_killed(postgres: Postgres):
    url = postgres.database()
    settings = {"DATABASE_URL": url, "CARBON_SCALER_SOURCES": "replay"}
    finished("migrate", settings=settings)
    with started("ingest", settings=settings) as program:
        [worker] = eventually(lambda: workers_of(program.process.pid), "a worker")
        program.process.send_signal(signal.SIGKILL)

        eventually(lambda: not is_running(worker), "the worker's end")


def workers_of(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_text()
            stat = (path / "stat").read_text()
        except OSError:
            continue
        if WORKER in command and int(stat.rpartition(")")[2].split()[1]) == parent:
            found.append(int(path.name))
    return found


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
