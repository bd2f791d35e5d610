"""A plan of requests that cannot be kept is refused, with one that can."""

from dataclasses import replace
from datetime import timedelta

import pytest

from carbon_scaler.application.ingest.call_plan import SourcePlan, check
from carbon_scaler.application.ingest.turns import Rhythm
from tests.unit.application.ingest_world import HOURLY

TRAITS = replace(HOURLY, name="electricity_maps", horizon=timedelta(days=1), calls_per_latest=2)


def plan_of(zones: int, **changes: object) -> SourcePlan:
    plan = SourcePlan(
        traits=TRAITS,
        zones={f"Z{n}": (f"region-{n}",) for n in range(zones)},
        rhythm=Rhythm(),
        without_mix=replace(TRAITS, calls_per_latest=1),
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def test_a_zone_costs_its_intervals_forecasts_and_corrections_and_a_few_retries():
    plan = plan_of(3)
    assert (plan.latest_per_day, plan.forecasts_per_day, plan.corrections_per_day) == (144, 72, 12)
    assert plan.per_day == 240  # 228 and 5 %


def test_a_source_with_shorter_intervals_is_read_more_often():
    five = replace(TRAITS, step=timedelta(minutes=5))
    assert plan_of(1, traits=five).latest_per_day == 288 * 2


def test_two_regions_of_one_zone_cost_as_much_as_one():
    assert replace(plan_of(1), zones={"Z": ("a", "b")}).per_day == plan_of(1).per_day


@pytest.mark.parametrize("quotas", [{}, {"electricity_maps": 240}, {"other": 1}])
def test_a_plan_within_the_quota_is_no_problem(quotas: dict[str, int]):
    assert check([plan_of(3)], quotas) is None


@pytest.mark.parametrize(
    ("quota", "way_out"),
    [
        (239, "CARBON_SCALER_FORECAST_EVERY=2h (202 a day)"),
        (171, "CARBON_SCALER_FORECAST_EVERY=12h (171 a day)"),
        (165, "CARBON_SCALER_FORECAST_EVERY=12h CARBON_SCALER_HISTORY_EVERY=12h (164 a day)"),
        (155, "CARBON_SCALER_FORECAST_EVERY=2h CARBON_SCALER_MIX=false (126 a day)"),
    ],
)
def test_a_plan_over_the_quota_is_refused_with_one_that_fits(quota: int, way_out: str):
    refusal = check([plan_of(3)], {"electricity_maps": quota})
    assert refusal is not None
    assert "3 zones need 240 requests a day" in refusal
    assert f"ELECTRICITY_MAPS_QUOTA_PER_DAY allows {quota}" in refusal
    assert f"this would fit: {way_out}" in refusal


def test_where_nothing_else_helps_fewer_regions_are_named():
    refusal = check([plan_of(5)], {"electricity_maps": 60})
    assert refusal is not None
    assert "CARBON_SCALER_MIX=false CARBON_SCALER_REGIONS=region-0,region-1 (55 a day)" in refusal


def test_a_quota_too_small_for_anything_says_what_one_zone_needs():
    refusal = check([plan_of(2)], {"electricity_maps": 10})
    assert refusal is not None
    assert "not even one zone fits, which needs 28 a day" in refusal


def test_more_in_a_minute_than_the_source_allows_is_refused():
    refusal = check([plan_of(100, traits=replace(TRAITS, calls_per_minute=10))], {})
    assert refusal is not None
    assert "100 zones need 14 requests in a minute and it allows 10" in refusal


def test_every_source_over_its_limit_is_named():
    other = plan_of(3, traits=replace(TRAITS, name="watttime"), without_mix=None)
    refusal = check([plan_of(3), other], {"electricity_maps": 100, "watttime": 100})
    assert refusal is not None
    assert "electricity_maps: " in refusal
    assert "; watttime: " in refusal


def test_a_source_that_asks_nobody_needs_nothing():
    free = replace(TRAITS, calls_per_latest=0, calls_per_history=0)
    assert plan_of(9, traits=free).per_day == 0
