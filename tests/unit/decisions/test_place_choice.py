"""The place is the permitted, live region that costs the least; it moves only where that pays."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from carbon_scaler.decisions.place_choice import compared, move
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.intensity import Basis, Kind, Signal
from carbon_scaler.domain.place import HANDOVER, Move, MoveReason, Whereabouts
from carbon_scaler.domain.policy import Weights
from carbon_scaler.domain.residency import Level
from carbon_scaler.domain.snapshot import RegionSeries, YearlyAverage
from carbon_scaler.domain.trigger import Plan
from tests.builders import HOUR, MINUTE, NOW, SECOND, a_plan, a_series
from tests.unit.decisions.place_world import (
    ALL_LIVE,
    EAST,
    EU,
    REGIONS,
    WEST,
    a_shared_plan,
    some_shared_work,
    somewhere,
)
from tests.unit.decisions.residency_world import a_tenant


def some_series(east: float = 400, west: float = 400, eu: float = 400) -> dict[str, RegionSeries]:
    grams = zip(REGIONS, (east, west, eu), strict=True)
    return {region: replace(a_series(value), region=region) for region, value in grams}


def expecting(series: RegionSeries, *grams: float, basis: Basis | None = None) -> RegionSeries:
    """From NOW on, hour by hour."""
    path = np.array(grams)
    expected = ExpectedPath(
        model="regression",
        issued_at=NOW,
        begins=NOW.timestamp(),
        measured=0,
        grams=path,
        lower=path,
        upper=path,
        past_hours=500,
        basis=basis or series.basis,
    )
    return replace(series, expected=expected)


def moved(plan: Plan, whereabouts: Whereabouts, series: dict[str, RegionSeries]) -> Move | None:
    return move(plan, whereabouts, series, NOW)


def chosen(plan: Plan, series: dict[str, RegionSeries], **stated: Any) -> str:
    found = moved(plan, somewhere(None, **stated), series)
    assert found is not None
    return found.region


# Which


def test_the_first_place_is_the_cleanest_live_region():
    series = some_series(400, 300, 100)

    first = moved(a_shared_plan(), somewhere(None), series)

    assert first is not None
    assert (first.key, first.former, first.region) == ("orders", None, EU)
    assert (first.reason, first.score, first.handover) == (MoveReason.FIRST, 0.25, timedelta(0))
    assert chosen(a_shared_plan(), series, live=(EAST, WEST)) == WEST


def test_the_region_that_asks_is_alive_whatever_was_heard():
    assert chosen(a_shared_plan(EU), some_series(100, 200, 300), live=()) == EU


def test_a_region_that_is_not_permitted_is_never_chosen():
    plan = a_shared_plan(EU, tenant=a_tenant(Level.EU_STRICT))

    assert chosen(plan, some_series(10, 20, 900)) == EU


def test_where_no_listed_region_is_permitted_and_live_nothing_is_chosen():
    plan = a_shared_plan(EAST, tenant=a_tenant(Level.EU_STRICT))

    assert moved(plan, somewhere(None, live=(EAST, WEST)), some_series()) is None


@pytest.mark.parametrize(
    ("weights", "region"),
    [
        (Weights(carbon=1.0, cost=0.0), EU),
        (Weights(carbon=0.5, cost=0.5), WEST),
        (Weights(carbon=0.0, cost=1.0), EAST),
    ],
)
def test_carbon_and_cost_count_by_their_weights(weights: Weights, region: str):
    shared = some_shared_work(weights=weights, costs={EAST: 1.0, WEST: 1.2, EU: 2.0})

    assert chosen(a_shared_plan(shared=shared), some_series(400, 120, 100)) == region


def test_of_equally_good_regions_a_preferred_one_is_chosen_and_else_the_first_listed():
    assert chosen(a_shared_plan(), some_series()) == EAST
    shared = some_shared_work(preferred=("eu-west-3", EU, WEST))
    assert chosen(a_shared_plan(shared=shared), some_series()) == EU


def test_a_region_without_a_usable_value_is_not_chosen_while_another_has_one():
    series = {WEST: some_series()[WEST], EU: replace(a_series(), region=EU)}

    assert chosen(a_shared_plan(), series) == WEST
    assert chosen(a_shared_plan(), {}) == EAST


def test_an_average_of_a_year_chooses_nothing():
    average = YearlyAverage(grams_per_kwh=10, year=2025, source="static", basis=Basis())
    series = some_series()
    series[EU] = replace(a_series(), region=EU, average=average)

    assert chosen(a_shared_plan(), series) == EAST


def test_values_of_different_bases_are_never_compared():
    series = some_series(400, 300, 10)
    series[EU] = replace(series[EU], basis=Basis(signal=Signal.MARGINAL))

    by_region = {each.region: each for each in compared(a_shared_plan(), series, NOW)}

    assert chosen(a_shared_plan(), series) == WEST
    assert by_region[EU].score is None
    assert by_region[EU].left_out == (
        "its values are marginal/lifecycle, those of us-east-1 average/lifecycle"
    )
    assert (by_region[WEST].score, by_region[WEST].left_out) == (0.75, None)


def test_what_has_no_value_says_so():
    assert [each.left_out for each in compared(a_shared_plan(), {}, NOW)] == [
        "it has no usable value"
    ] * 3
    lacking = compared(a_shared_plan(), {WEST: some_series()[WEST]}, NOW)
    assert [each.left_out for each in lacking] == [
        "it has no usable value",
        None,
        "it has no usable value",
    ]


def test_a_grid_that_emits_nothing_is_the_best_and_no_grid_is_better():
    assert chosen(a_shared_plan(), some_series(0, 100, 100)) == EAST
    assert chosen(a_shared_plan(), some_series(100, 0, 100)) == WEST
    assert chosen(a_shared_plan(), some_series(0, 0, 0)) == EAST
    assert moved(a_shared_plan(), somewhere(WEST), some_series(0, 0, 0)) is None


def test_without_other_regions_nothing_is_chosen_or_compared():
    assert move(a_plan(), Whereabouts(), some_series(), NOW) is None
    assert compared(a_plan(), some_series(), NOW) == ()


# What is expected


def test_where_all_regions_have_an_expectation_the_best_start_within_the_slack_counts():
    series = some_series(400, 300, 350)
    paths = {EAST: (400, 400, 100, 400), WEST: (300, 300, 300, 300), EU: (350, 350, 350, 350)}
    foreseen = {region: expecting(series[region], *paths[region]) for region in REGIONS}

    patient, hasty = a_shared_plan(max_delay=3 * HOUR), a_shared_plan(max_delay=30 * MINUTE)

    assert chosen(patient, foreseen) == EAST
    assert [each.grams_per_kwh for each in compared(patient, foreseen, NOW)] == [100, 300, 350]
    assert chosen(hasty, foreseen) == WEST


@pytest.mark.parametrize(
    "unforeseen",
    [
        some_series()[WEST],
        expecting(some_series()[WEST], *[np.nan] * 4),
        expecting(some_series()[WEST], *[10.0] * 4, basis=Basis(signal=Signal.MARGINAL)),
    ],
    ids=["nothing expected", "nothing known", "of another basis"],
)
def test_where_one_region_has_no_expectation_the_present_counts_for_all(unforeseen: RegionSeries):
    series = some_series()
    mixed = {
        EAST: expecting(series[EAST], 400, 1, 1, 1),
        WEST: unforeseen,
        EU: expecting(series[EU], 400, 2, 2, 2),
    }

    assert [each.grams_per_kwh for each in compared(a_shared_plan(), mixed, NOW)] == [400] * 3


def test_a_value_that_is_expected_now_may_be_compared():
    nothing = replace(a_series(), region=WEST)
    series = {**some_series(), WEST: expecting(nothing, 100, 100, 100)}

    found = compared(a_shared_plan(), series, NOW)

    assert series[WEST].resolved_at(NOW).kind is Kind.FORECAST  # type: ignore[union-attr]
    assert found[1].score == 0.25


# Whether


def test_a_place_stays_where_nothing_is_better_by_a_tenth():
    assert moved(a_shared_plan(), somewhere(EAST), some_series(400, 361, 400)) is None

    better = moved(a_shared_plan(), somewhere(EAST), some_series(400, 360, 400))

    assert better is not None
    assert (better.region, better.reason, better.handover) == (WEST, MoveReason.BETTER, HANDOVER)
    assert better.former == somewhere(EAST).place


def test_the_policys_least_saving_counts_where_it_is_more():
    plan = a_shared_plan(min_savings_percent=50.0)

    assert moved(plan, somewhere(EAST), some_series(400, 201, 400)) is None
    assert moved(plan, somewhere(EAST), some_series(400, 200, 400)) is not None


def test_a_place_stays_for_an_hour_while_it_is_live_and_permitted():
    series = some_series(400, 10, 400)

    assert moved(a_shared_plan(), somewhere(EAST, ago=HOUR - SECOND), series) is None
    assert moved(a_shared_plan(), somewhere(EAST, ago=HOUR), series) is not None


def test_a_silent_place_is_left_at_once_for_the_best_that_is_live():
    silent = somewhere(EAST, live=(WEST, EU), ago=SECOND)

    found = moved(a_shared_plan(WEST), silent, some_series(10, 400, 300))

    assert found is not None
    assert (found.region, found.reason, found.handover) == (EU, MoveReason.SILENT, timedelta(0))


def test_a_place_that_is_no_longer_permitted_is_left_at_once():
    plan = a_shared_plan(EU, tenant=a_tenant(Level.EU_STRICT))

    found = moved(plan, somewhere(EAST, ago=SECOND), some_series(10, 10, 900))

    assert found is not None
    assert (found.region, found.reason) == (EU, MoveReason.FORBIDDEN)


def test_a_place_whose_grid_is_unknown_is_left_for_one_that_is_known_and_not_the_other_way():
    series = some_series()
    del series[EAST]

    found = moved(a_shared_plan(), somewhere(EAST), series)

    assert found is not None
    assert (found.region, found.reason) == (WEST, MoveReason.BETTER)
    assert moved(a_shared_plan(), somewhere(WEST), series) is None
    assert moved(a_shared_plan(), somewhere(EU), {}) is None


def test_two_lists_of_regions_do_not_move_work_to_and_fro():
    plan = a_shared_plan(WEST, shared=some_shared_work([WEST, EU]))

    assert moved(plan, somewhere(EAST, live=ALL_LIVE), some_series()) is None
    gone = moved(plan, somewhere(EAST, live=(WEST, EU)), some_series())
    assert gone is not None
    assert gone.region == WEST
