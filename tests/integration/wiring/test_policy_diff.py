"""`policy diff` on a real database: what two policies would have answered on stored values."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carbon_scaler.application.decision_journal import recorded
from carbon_scaler.cli.policy_output import diff_document
from carbon_scaler.config.settings import load_settings
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.resolve import resolve
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.observation import ForecastPoint, RegionForecast
from carbon_scaler.domain.policy import BUILT_IN_POLICY
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.keda.metadata import parse_trigger
from carbon_scaler.storage.decision_log import PostgresDecisionLog
from carbon_scaler.storage.forecasts import PostgresForecastStore
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.pool import Pool
from carbon_scaler.wiring.policy import DiffAsked, DiffFound, NothingStoredError, policy_diff
from tests.builders import DAY, HOME, HOUR, MINUTE, a_reading, some_surroundings
from tests.e2e.program import finished

OLD = "classes: {standard: {threshold: 400, max_delay: 60d}}\n"
NEW = "classes: {standard: {threshold: 250, max_delay: 60d}}\n"


@pytest.fixture
def policies(tmp_path: Path) -> tuple[Path, Path]:
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "workload-policies.yaml").write_text(text)
    return tmp_path / "old", tmp_path / "new"


async def store(pool: Pool, *grams: float, region: str = HOME) -> datetime:
    """One value an hour, the last of the present hour; the hour that the first begins."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    first = hour - (len(grams) - 1) * HOUR
    readings = [
        replace(
            a_reading(value),
            region=region,
            observed_at=first + index * HOUR,
            fetched_at=first + index * HOUR,
        )
        for index, value in enumerate(grams)
    ]
    await PostgresIntensityStore(pool).store(readings)
    return first


async def forecast(pool: Pool, *, issued_at: datetime, grams: float) -> None:
    """Half a day from the hour in which it is issued on, the same value throughout."""
    points = [
        ForecastPoint(target_at=issued_at + hour * HOUR, lasts=HOUR, grams_per_kwh=grams)
        for hour in range(12)
    ]
    issued = RegionForecast(
        region=HOME,
        source="electricity_maps",
        basis=Basis(),
        provider_zone="US-CAL-CISO",
        licence_class="restricted",
        model=None,
        issued_at=issued_at,
        fetched_at=issued_at,
        points=tuple(points),
    )
    await PostgresForecastStore(pool).store_forecasts([issued])


async def record(pool: Pool, name: str, **metadata: str) -> None:
    """As a server writes an answer down."""
    trigger = parse_trigger("batch", name, {"region": HOME, **metadata})
    plan = resolve(trigger, BUILT_IN_POLICY, some_surroundings())
    assert isinstance(plan, Plan)
    now = datetime.now(UTC) - HOUR
    decision = decide(plan, Inputs(series=None), now)
    await PostgresDecisionLog(pool).append([recorded(plan, decision, None, answered_by="scaler-0")])


async def diff(
    database_url: str,
    policies: tuple[Path, Path],
    *,
    since: timedelta = DAY,
    regions: tuple[str, ...] = (),
) -> DiffFound:
    settings = load_settings({"DATABASE_URL": database_url})
    asked = DiffAsked(old=policies[0], new=policies[1], since=since, regions=regions)
    return await policy_diff(settings, asked, lambda done, of: None)


async def test_where_nothing_is_recorded_every_class_is_tried(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    begins_at = await store(pool, *[500.0] * 20, 300.0, 300.0, *[500.0] * 8)

    found = await diff(database_url, policies)

    assert not found.recorded
    (standard,) = found.compared
    assert standard.pair.label == f"class standard in {HOME}"
    (change,) = standard.changes
    assert (change.begins_at, change.ends_at) == (begins_at + 20 * HOUR, begins_at + 22 * HOUR)
    assert (str(change.old), str(change.new)) == (
        "open (below_threshold)",
        "closed (above_threshold)",
    )
    assert (standard.open_before, standard.open_after) == (2 * HOUR, timedelta(0))
    assert [pair.label for pair in found.alike] == [
        f"class {name} in {HOME}" for name in ("deferrable", "urgent")
    ]


async def test_a_change_over_several_days_is_one(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    await store(pool, *[300.0] * 100)

    found = await diff(database_url, policies, since=3 * DAY)

    (standard,) = found.compared
    (change,) = standard.changes
    assert (change.begins_at, change.ends_at) == (found.since, found.until)
    assert standard.open_before == 3 * DAY


async def test_a_relative_limit_sees_the_week_before_each_day(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    (policies[1] / "workload-policies.yaml").write_text(
        "classes: {standard: {strategy: quantile, quantile_percent: 20, max_delay: 60d}}\n"
    )
    await store(pool, *[200.0 if hour % 4 == 0 else 350.0 for hour in range(15 * 24)])

    found = await diff(database_url, policies, since=6 * DAY)

    (standard,) = found.compared
    assert {str(each.new) for each in standard.changes} == {"closed (above_quantile)"}
    assert timedelta(days=4) < standard.open_before - standard.open_after < timedelta(days=5)


async def test_recorded_triggers_are_compared_as_they_were(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    await store(pool, *[300.0] * 30)
    await record(pool, "reports", mode="brake")
    await record(pool, "embeddings", mode="queue", backlog="orders")
    await record(pool, "backfill", mode="gate", workloadClass="deferrable")

    found = await diff(database_url, policies)

    assert found.recorded
    assert {each.pair.label: each.pair.notes for each in found.compared} == {
        "batch/embeddings": ("compared as a gate: the past of its backlog is not known",),
        "batch/reports": (),
    }
    assert [pair.label for pair in found.alike] == ["batch/backfill"]
    assert all(len(each.changes) == 1 for each in found.compared)


async def test_objects_of_one_kind_are_stepped_through_once(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    await store(pool, *[300.0] * 30)
    for name in ("one", "two", "three"):
        await record(pool, name, mode="gate")
    settings = load_settings({"DATABASE_URL": database_url})
    asked = DiffAsked(old=policies[0], new=policies[1], since=2 * DAY)
    steps: list[tuple[int, int]] = []

    found = await policy_diff(settings, asked, lambda done, of: steps.append((done, of)))

    assert steps == [(1, 2), (2, 2)]
    assert {each.pair.label for each in found.compared} == {"batch/one", "batch/two", "batch/three"}
    assert len({each.changes for each in found.compared}) == 1


async def test_hours_without_a_value_are_judged_by_the_forecast_that_the_day_began_with(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    begins_at = await store(pool, 300.0)
    await pool.execute(
        "INSERT INTO grid_regions (region, signal, factors, chain) "
        "VALUES ($1, 'average', 'lifecycle', '{electricity_maps}')",
        HOME,
    )
    await forecast(pool, issued_at=begins_at - 7 * HOUR, grams=300.0)
    # Nobody could know it before.
    await forecast(pool, issued_at=begins_at, grams=100.0)

    found = await diff(database_url, policies, since=6 * HOUR)

    (standard,) = found.compared
    # A pulse, counted back from the first value, opens both for five minutes.
    before, after = standard.changes
    assert (before.begins_at, before.ends_at) == (found.since, begins_at - 5 * MINUTE)
    assert (after.begins_at, after.ends_at) == (begins_at, found.until)
    assert str(before.new) == str(after.new) == "closed (above_threshold)"


async def test_tenants_that_are_too_many_to_try_are_counted(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    await store(pool, *[200.0] * 3)
    tenants = "".join(f"  t{n}: {{level: US_ONLY}}\n" for n in range(60))
    (policies[1] / "gdpr-residency-overrides.yaml").write_text(f"tenants:\n{tenants}")

    found = await diff(database_url, policies, since=HOUR)

    assert found.tenants_left_out == 10
    assert "10 more tenants differ and were not tried" in diff_document(found)["notes"]
    denied = [each for each in found.compared if each.pair.label.startswith("tenant")]
    assert {str(each.changes[0].old) for each in denied} == {"closed (tenant_unknown)"}


async def test_only_the_regions_that_are_asked_for_are_compared(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    await store(pool, *[300.0] * 30)
    await store(pool, *[300.0] * 30, region="eu-west-1")

    found = await diff(database_url, policies, regions=("aws:eu-west-1",))

    assert {pair.pair.region for pair in found.compared} == {"eu-west-1"}
    assert {pair.region for pair in found.alike} == {"eu-west-1"}


async def test_without_a_past_there_is_nothing_to_compare(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    with pytest.raises(NothingStoredError, match="no values are stored; let `ingest`"):
        await diff(database_url, policies)
    await store(pool, 300.0)
    with pytest.raises(NothingStoredError, match="us-west-2: no values are stored of it"):
        await diff(database_url, policies, regions=("us-west-2",))


async def test_people_and_machines_are_told(
    pool: Pool, database_url: str, policies: tuple[Path, Path]
):
    await store(pool, *[300.0] * 30)
    arguments = ("policy", "diff", *map(str, policies), "--since", "1d")
    settings = {"DATABASE_URL": database_url}

    told = await asyncio.to_thread(finished, *arguments, settings=settings)
    document = await asyncio.to_thread(finished, *arguments, "--json", settings=settings)

    assert told.returncode == document.returncode == 0, told.stderr + document.stderr
    assert "open (below_threshold)" in told.stdout
    assert "2 objects mean the same under both" in told.stdout
    found = json.loads(document.stdout)
    assert found["compared"] == "classes and regions"
    (change,) = found["changes"]
    assert change["object"] == f"class standard in {HOME}"
    assert change["old"] == {"verdict": "open", "reason": "below_threshold", "level": 1.0}
    (summed,) = found["objects"]
    assert (summed["hours_open_before"], summed["hours_open_after"]) == (24.0, 0.0)
    assert found["unchanged"] == [f"class {name} in {HOME}" for name in ("deferrable", "urgent")]
