"""What Prometheus reads of the grids and of their ingest."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.core import Metric

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_state import GridState, Leader
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.web.grid_metrics import grid_metrics, ingest_metrics
from tests.builders import HOME, HOUR, MINUTE, NOW, a_series
from tests.fakes import FakeChanges, FakeClock, FakeIntensityStore
from tests.grid_builders import a_path, an_average, an_outlook

NESO = FeedRecord(
    source="neso", zone="GB", regions=("eu-west-2", "uksouth"), results={"ok": 12, "timeout": 1}
)


def sampled(metrics: Iterable[Metric]) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for metric in metrics
        for sample in metric.samples
    }


async def of_grid(*states: RegionSeries) -> dict[tuple[str, ...], float]:
    """One refresh per state of the region."""
    store = FakeIntensityStore()
    snapshots = Snapshots(store=store, changes=FakeChanges(), clock=FakeClock(NOW))
    for series in states:
        store.series = {HOME: series}
        await snapshots.refresh(None)
    return sampled(grid_metrics(snapshots, NOW))


# The grid


async def test_an_injected_hole_is_found():
    starts = [NOW - age * HOUR for age in range(100, -1, -1) if age != 42]

    scraped = await of_grid(a_series(*[300.0] * 100, starts=starts))

    assert scraped["carbon_scaler_missing_hours", HOME] == 1


async def test_the_age_of_a_forecast_is_counted_from_its_issue():
    series = replace(a_series(300), outlook=an_outlook(50, issued_at=NOW - 90 * MINUTE))

    scraped = await of_grid(series)

    name = "carbon_scaler_forecast_age_seconds"
    assert scraped[name, HOME, "electricity_maps"] == 5400
    assert (name, HOME, "electricity_maps") not in await of_grid(a_series(300))


async def test_own_forecasts_tell_their_age_their_error_and_what_is_not_used():
    path = replace(a_path(300, 320, issued_at=NOW - HOUR), rejected=("regression",))

    scraped = await of_grid(replace(a_series(300), expected=path))

    assert scraped["carbon_scaler_forecast_age_seconds", HOME, "own"] == 3600
    assert scraped["carbon_scaler_forecast_error_percent", HOME] == 9.0
    assert scraped["carbon_scaler_forecast_rejected", HOME, "regression"] == 1


async def test_where_nothing_was_compared_yet_no_error_is_told():
    path = replace(a_path(300, 320), error=None)

    scraped = await of_grid(replace(a_series(300), expected=path))

    assert ("carbon_scaler_forecast_error_percent", HOME) not in scraped
    assert scraped["carbon_scaler_forecast_age_seconds", HOME, "own"] == 0


async def test_changes_of_source_are_counted_from_zero_on():
    other = a_series(300, source="neso")
    name = "carbon_scaler_source_changes_total"

    assert (await of_grid(other))[name, HOME] == 0
    assert (await of_grid(a_series(300), other))[name, HOME] == 1


async def test_the_age_is_that_of_the_newest_observed_value_though_another_one_counts():
    series = replace(
        a_series(300, since=NOW - 5 * HOUR), outlook=an_outlook(50), average=an_average()
    )

    scraped = await of_grid(series)

    assert scraped["carbon_scaler_data_age_seconds", HOME] == 5 * 3600
    name = "carbon_scaler_intensity_grams_per_kwh"
    assert scraped[name, HOME, "electricity_maps"] == 300


async def test_a_region_without_any_value_has_no_age():
    scraped = await of_grid(replace(a_series(since=NOW), first_at=None, average=an_average()))

    assert ("carbon_scaler_data_age_seconds", HOME) not in scraped


# Ingest


def test_a_result_counts_for_each_region_of_its_zone():
    scraped = sampled(ingest_metrics(GridState(feeds=(NESO,))))

    name = "carbon_scaler_ingest_results_total"
    assert {key[1:]: value for key, value in scraped.items() if key[0] == name} == {
        ("neso", "eu-west-2", "ok"): 12,
        ("neso", "eu-west-2", "timeout"): 1,
        ("neso", "uksouth", "ok"): 12,
        ("neso", "uksouth", "timeout"): 1,
    }


def test_two_zones_of_a_source_that_feed_one_region_are_summed():
    london = replace(NESO, zone="13", regions=("eu-west-2",))

    scraped = sampled(ingest_metrics(GridState(feeds=(NESO, london))))

    assert scraped["carbon_scaler_ingest_results_total", "neso", "eu-west-2", "ok"] == 24


@pytest.mark.parametrize("failures", [0, 3])
def test_failures_in_a_row_are_shown_by_zone(failures: int):
    scraped = sampled(ingest_metrics(GridState(feeds=(replace(NESO, failures=failures),))))

    assert scraped["carbon_scaler_ingest_failures", "neso", "GB"] == failures


def test_the_leader_and_the_calls_of_the_day_are_shown():
    leader = Leader(holder="ingest-0", since=NOW, token=7)

    scraped = sampled(ingest_metrics(GridState(leader=leader, calls_today={"neso": 48})))

    assert scraped == {
        ("carbon_scaler_ingest_leader", "ingest-0"): 1,
        ("carbon_scaler_ingest_calls_today", "neso"): 48,
    }


def test_where_nobody_leads_and_nothing_was_asked_nothing_is_shown():
    assert sampled(ingest_metrics(GridState())) == {}


def test_the_difference_of_clocks_is_measured_once_it_is_known():
    (sample,) = sampled(ingest_metrics(GridState(database_ahead=timedelta(seconds=-3)))).items()

    assert sample[0][0] == "carbon_scaler_database_clock_offset_seconds"
    assert sample[1] == -3
