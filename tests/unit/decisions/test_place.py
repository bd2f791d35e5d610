"""Shared work starts in one region; the others start what is left before it is too late."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbon_scaler.decisions import place
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.decision import Decision, Outcome, Verdict
from carbon_scaler.domain.override import Override, OverrideAction
from carbon_scaler.domain.place import HANDOVER, MoveReason, Whereabouts
from carbon_scaler.domain.residency import Level
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_plan,
    a_series,
    an_item,
    an_override,
)
from tests.unit.decisions.place_world import (
    EAST,
    EU,
    REGIONS,
    WEST,
    a_shared_plan,
    some_shared_work,
    somewhere,
)
from tests.unit.decisions.residency_world import a_tenant

CLEAN = a_series(100, usable_for=DAY)
DIRTY = a_series(900, usable_for=DAY)
# `standard` waits an hour at most.
FRESH = a_backlog(an_item(), an_item(), max_age=DAY)


def decided(
    plan: Plan,
    whereabouts: Whereabouts,
    *,
    series: RegionSeries = CLEAN,
    demand: BacklogReading | BacklogUnknown | None = FRESH,
    overrides: tuple[Override, ...] = (),
    now: datetime = NOW,
) -> Decision:
    inputs = Inputs(
        series=series,
        demand=demand if plan.mode is Mode.QUEUE else None,
        overrides=overrides,
        whereabouts=whereabouts,
    )
    return decide(plan, inputs, now)


# Where


@pytest.mark.parametrize("chosen", REGIONS)
def test_only_the_chosen_region_starts_what_may_wait(chosen: str):
    admitted = {
        region: decided(a_shared_plan(region), somewhere(chosen)).admitted for region in REGIONS
    }

    assert admitted == {region: 2 if region == chosen else 0 for region in REGIONS}


@pytest.mark.parametrize(
    "stated",
    [
        {"workload_class": "urgent"},
        {"shadow": True},
        {"enabled": False},
    ],
    ids=["urgent", "shadow", "off"],
)
def test_what_opens_always_opens_in_the_chosen_region_alone(stated: dict[str, Any]):
    here = decided(a_shared_plan(EAST, **stated), somewhere(EAST), series=DIRTY)
    there = decided(a_shared_plan(WEST, max_delay=HOUR, **stated), somewhere(EAST), series=DIRTY)

    assert (here.verdict, here.admitted) == (Verdict.OPEN, 2)
    assert (there.verdict, there.reason, there.admitted) == (Verdict.CLOSED, "place_elsewhere", 0)


def test_until_somebody_has_chosen_it_is_the_first_listed_that_is_permitted():
    nothing = Whereabouts()
    european = a_tenant(Level.EU_STRICT)

    assert decided(a_shared_plan(EAST), nothing).admitted == 2
    assert decided(a_shared_plan(WEST), nothing).admitted == 0
    assert decided(a_shared_plan(EU, tenant=european), nothing).admitted == 2


def test_a_place_that_is_not_permitted_or_not_listed_counts_as_none():
    european = a_tenant(Level.EU_STRICT)
    listed = some_shared_work([WEST, EU])

    assert decided(a_shared_plan(EU, tenant=european), somewhere(EAST)).admitted == 2
    assert decided(a_shared_plan(WEST, shared=listed), somewhere(EAST)).admitted == 2
    assert decided(a_shared_plan(EU, shared=listed), somewhere(EAST)).admitted == 0


def test_residency_comes_first_and_what_it_denies_no_place_allows():
    plan = a_shared_plan(EAST, tenant=a_tenant(Level.EU_STRICT))
    due = a_backlog(an_item(2 * HOUR))

    decision = decided(plan, somewhere(EAST), demand=due)

    assert decision.decisive.rule == "residency"
    assert (decision.verdict, decision.admitted) == (Verdict.CLOSED, 0)
    assert decision.ruling_of("place") is None


def test_without_other_regions_there_is_no_place():
    plan = a_plan(Mode.QUEUE)

    assert place.standing(plan, somewhere(EAST), NOW) is None
    assert place.as_here(plan, somewhere(EAST), NOW) is plan
    assert decided(plan, somewhere(EAST)).ruling_of("place") is None


# The ladder


def leads(region: str, live: tuple[str, ...], chosen: str = EAST) -> timedelta:
    plan = a_shared_plan(region, lead=12 * MINUTE)
    return place.as_here(plan, somewhere(chosen, live), NOW).settings.lead


def test_those_behind_the_chosen_region_have_shorter_leads_one_after_the_other():
    assert [leads(each, REGIONS) for each in REGIONS] == [12 * MINUTE, 8 * MINUTE, 4 * MINUTE]
    assert [leads(each, REGIONS, chosen=EU) for each in REGIONS] == [
        8 * MINUTE,
        4 * MINUTE,
        12 * MINUTE,
    ]


def test_a_silent_region_leaves_its_step_to_the_next_and_nobody_is_silent_to_itself():
    assert leads(EU, (EAST, EU)) == 6 * MINUTE
    assert leads(EU, ()) == 6 * MINUTE
    assert leads(WEST, (EAST, EU)) == 8 * MINUTE


def test_an_item_is_released_at_each_step_of_the_ladder_and_not_before():
    latest = NOW + HOUR
    for region, lead in ((EAST, 12), (WEST, 8), (EU, 4)):
        plan = a_shared_plan(region, lead=12 * MINUTE)
        step = latest - lead * MINUTE
        before = decided(plan, somewhere(EAST), series=DIRTY, now=step - SECOND)
        then = decided(plan, somewhere(EAST), series=DIRTY, now=step)

        assert (before.verdict, before.admitted) == (Verdict.CLOSED, 0)
        assert (then.verdict, then.reason, then.admitted) == (Verdict.OPEN, "deadline", 2)


def test_an_answer_elsewhere_holds_until_the_next_step_of_the_ladder():
    plan = a_shared_plan(EU, lead=12 * MINUTE)

    decision = decided(plan, somewhere(EAST), series=a_series(900, usable_for=DAY, since=NOW - DAY))

    assert decision.changes_at == NOW + HOUR - 4 * MINUTE


def test_elsewhere_what_is_in_progress_is_told_only_with_what_must_start():
    plan = a_shared_plan(WEST, lead=12 * MINUTE)
    busy = a_backlog(an_item(), in_progress=5, max_age=DAY)

    waiting = decided(plan, somewhere(EAST), demand=busy)
    due = decided(plan, somewhere(EAST), demand=busy, now=NOW + HOUR)

    assert (waiting.metric_value, waiting.active) == (0.0, False)
    assert (due.metric_value, due.admitted) == (6.0, 1)


@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.GATE])
def test_only_the_chosen_place_pulses(mode: Mode):
    def verdict(region: str) -> Verdict:
        plan = a_shared_plan(region, mode, max_delay=HOUR, release=HOUR)
        return decided(plan, somewhere(EAST), series=DIRTY).verdict

    assert verdict(EAST) is Verdict.OPEN
    assert verdict(WEST) is Verdict.CLOSED


def test_elsewhere_an_unknown_backlog_starts_nothing():
    decision = decided(
        a_shared_plan(WEST), somewhere(EAST), demand=BacklogUnknown(cause="it is away")
    )

    assert (decision.verdict, decision.metric_value) == (Verdict.CLOSED, 0.0)


# The handover


def test_a_place_that_moved_starts_what_may_wait_once_the_former_starts_are_told():
    begins_at = NOW + HANDOVER
    moving = somewhere(WEST, ago=timedelta(0), begins_at=begins_at)
    plan = a_shared_plan(WEST)

    before = decided(plan, moving)

    assert (before.verdict, before.reason, before.admitted) == (Verdict.CLOSED, "place_begins", 0)
    assert before.changes_at == begins_at
    assert decided(plan, moving, now=begins_at).admitted == 2
    assert decided(a_shared_plan(EAST), moving).admitted == 0


def test_a_handover_withholds_nothing_that_is_due():
    moving = somewhere(WEST, ago=timedelta(0), begins_at=NOW + HANDOVER)
    due = a_backlog(an_item(HOUR), an_item())

    decision = decided(a_shared_plan(WEST), moving, demand=due)

    assert (decision.verdict, decision.reason, decision.admitted) == (Verdict.OPEN, "deadline", 1)


# Operators


def test_a_hold_holds_everywhere_even_what_is_due():
    due = a_backlog(an_item(2 * HOUR))
    for region in REGIONS:
        hold = an_override(region=region)
        decision = decided(a_shared_plan(region), somewhere(EAST), demand=due, overrides=(hold,))

        assert (decision.reason, decision.admitted) == ("held", 0)


def test_a_release_releases_in_the_chosen_place_only():
    def admitted(region: str) -> int:
        release = an_override(OverrideAction.RELEASE, region=region)
        return decided(
            a_shared_plan(region), somewhere(EAST), series=DIRTY, overrides=(release,)
        ).admitted

    assert {region: admitted(region) for region in REGIONS} == {EAST: 2, WEST: 0, EU: 0}


# What is told


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        (MoveReason.FIRST, "it was the best when one was chosen first"),
        (MoveReason.SILENT, "nobody asked in the former place any more"),
        (MoveReason.FORBIDDEN, "the work may no longer run in the former place"),
        (MoveReason.BETTER, "it was better than the former place by more than a move is worth"),
    ],
)
def test_a_ruling_says_where_the_work_runs_and_why(reason: MoveReason, why: str):
    ruling = decided(a_shared_plan(EAST), somewhere(EAST, reason=reason)).rulings[0]

    assert ruling.outcome is Outcome.PASSED
    assert ruling.text == f"the work runs here, in us-east-1: {why}"


def test_a_ruling_elsewhere_says_when_what_is_left_starts_and_what_would_move_the_work():
    plan = a_shared_plan(EU, lead=15 * MINUTE)

    ruling = decided(plan, Whereabouts(live=frozenset(REGIONS))).rulings[0]

    assert ruling.text == (
        "the work runs in us-east-1: no permitted place is chosen, and it is the first listed "
        "that is permitted; eu-central-1 is number 2 behind it and starts what is left 5m before its "
        "latest start"
    )
    assert ruling.remedy == (
        "nobody asks in us-east-1 for 1m30s, or eu-central-1 is better by more than a move is worth"
    )
    assert ruling.figures["ladder"] == [EAST, WEST, EU]


def test_a_brake_elsewhere_says_that_nothing_starts():
    ruling = decided(a_shared_plan(EU, Mode.BRAKE), somewhere(WEST)).rulings[0]

    assert ruling.text.endswith("a brake counts no items, so nothing starts in eu-central-1")


def test_a_permission_that_ends_changes_the_answer_then():
    tenant = a_tenant(Level.EU_ADEQUATE)
    plan = a_shared_plan(EU, tenant=tenant, shared=some_shared_work([EU, "eu-west-2"]))
    ends = datetime(2031, 12, 27, tzinfo=UTC)

    before = place.standing(plan, somewhere("eu-west-2"), ends - SECOND)
    after = place.standing(plan, somewhere("eu-west-2"), ends)

    assert before is not None
    assert after is not None
    assert (before.chosen, before.until) == ("eu-west-2", ends)
    assert (after.chosen, after.until) == (EU, None)


def test_where_residency_keeps_work_from_running_nothing_is_placed():
    plan = replace(a_shared_plan(EAST, tenant=a_tenant(Level.EU_STRICT)))

    assert place.standing(plan, somewhere(EAST), NOW) is None
