from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from carbon_scaler.decisions import deadlines
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.timeline import timeline
from carbon_scaler.domain.backlog import Item, Items
from carbon_scaler.domain.decision import Outcome, QueueCounts, Verdict
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_case,
    a_queue_plan,
    a_series,
    an_item,
    some_settings,
)

DIRTY = a_series(900)
# Twelve hours of delay, a lead of a minute, jobs of an hour.
SETTINGS = some_settings("deferrable")


def timeline_of(*items: Item, in_progress: int = 0, **settings: object):
    return timeline(
        Items.of(items, in_progress=in_progress), some_settings("deferrable", **settings)
    )


def released_at(now: datetime, *items: Item, **settings: object):
    return timeline_of(*items, **settings).counts_at(now).released


ITEMS = [
    # item, settings, its latest start from NOW
    pytest.param(an_item(), {}, 12 * HOUR, id="maxDelay after it was enqueued"),
    pytest.param(an_item(5 * HOUR), {}, 7 * HOUR, id="the time it waited counts"),
    pytest.param(
        an_item(due_in=4 * HOUR), {}, 3 * HOUR, id="its deadline less the class's duration"
    ),
    pytest.param(
        an_item(due_in=4 * HOUR, duration=2 * HOUR), {}, 2 * HOUR, id="its own duration comes first"
    ),
    pytest.param(
        an_item(due_in=4 * HOUR, duration=0 * HOUR), {}, 4 * HOUR, id="a duration of nothing counts"
    ),
    pytest.param(
        an_item(due_in=48 * HOUR), {}, 12 * HOUR, id="maxDelay is earlier than the deadline"
    ),
    pytest.param(
        an_item(due_in=13 * HOUR),
        {},
        12 * HOUR,
        id="maxDelay and the deadline are the same instant",
    ),
    pytest.param(
        an_item(duration=8 * HOUR),
        {},
        12 * HOUR,
        id="a duration without a deadline changes nothing",
    ),
    pytest.param(
        an_item(due_in=4 * HOUR), {"job_duration": 3 * HOUR}, HOUR, id="a longer class duration"
    ),
    pytest.param(an_item(), {"max_delay": 30 * MINUTE}, 30 * MINUTE, id="a shorter maxDelay"),
]


@pytest.mark.parametrize("lead", [0 * SECOND, 60 * SECOND, 10 * MINUTE], ids=str)
@pytest.mark.parametrize(("item", "settings", "latest_start"), ITEMS)
def test_an_item_is_released_exactly_a_lead_before_its_latest_start(
    item: Item, settings: Mapping[str, Any], latest_start: timedelta, lead: timedelta
):
    release = NOW + latest_start - lead
    assert released_at(release - SECOND, item, lead=lead, **settings) == 0
    assert released_at(release, item, lead=lead, **settings) == 1


@pytest.mark.parametrize(("item", "settings", "latest_start"), ITEMS)
def test_an_item_is_overdue_only_after_its_latest_start(
    item: Item, settings: Mapping[str, Any], latest_start: timedelta
):
    timeline = timeline_of(item, **settings)
    assert timeline.counts_at(NOW + latest_start).overdue == 0
    assert timeline.counts_at(NOW + latest_start + SECOND).overdue == 1


@pytest.mark.parametrize(
    "item",
    [
        an_item(due_in=-HOUR),
        an_item(due_in=30 * MINUTE),
        an_item(due_in=HOUR),
        an_item(due_in=HOUR + MINUTE),
    ],
    ids=["due before it came", "shorter than its duration", "due at once", "due within the lead"],
)
def test_an_item_that_came_too_late_is_released_when_it_comes(item: Item):
    assert released_at(NOW - SECOND, item) == 0
    assert released_at(NOW, item) == 1


@pytest.mark.parametrize("settings", [{"max_delay": 0 * HOUR}, {"lead": 13 * HOUR}], ids=str)
def test_without_any_slack_an_item_is_released_when_it_comes(settings: Mapping[str, Any]):
    assert released_at(NOW, an_item(), **settings) == 1
    assert released_at(NOW - SECOND, an_item(), **settings) == 0


def test_an_item_of_the_future_does_not_wait_yet():
    timeline = timeline_of(an_item(-HOUR, due_in=-24 * HOUR))
    assert timeline.counts_at(NOW).waiting == 0
    assert timeline.counts_at(NOW).released == 0
    assert timeline.counts_at(NOW).overdue == 0
    assert timeline.counts_at(NOW + HOUR).waiting == 1
    assert timeline.counts_at(NOW + HOUR).released == 1


MIXED = (
    an_item(13 * HOUR),  # an hour late
    an_item(12 * HOUR),  # at its latest start
    an_item(12 * HOUR - MINUTE),  # at its release
    an_item(12 * HOUR - MINUTE - SECOND),  # a second before it
    an_item(due_in=2 * HOUR, duration=2 * HOUR - MINUTE),  # at its latest start less the lead
    an_item(),
    an_item(-SECOND),  # comes in a second
)


def test_mixed_items_are_counted_each_by_its_own_instants():
    counts = timeline_of(*MIXED, in_progress=4).counts_at(NOW)
    assert counts == QueueCounts(waiting=6, in_progress=4, released=4, overdue=1)


def test_the_order_of_the_items_does_not_matter():
    forwards, backwards = timeline_of(*MIXED), timeline_of(*reversed(MIXED))
    assert forwards.counts_at(NOW) == backwards.counts_at(NOW)
    assert forwards.next_change_after(NOW) == backwards.next_change_after(NOW)


def test_a_queue_without_items_counts_only_what_runs():
    timeline = timeline_of(in_progress=2)
    assert timeline.counts_at(NOW) == QueueCounts(waiting=0, in_progress=2, released=0, overdue=0)
    assert timeline.next_change_after(NOW) is None


@pytest.mark.parametrize(
    ("now", "change"),
    [
        (NOW - HOUR, NOW),
        (NOW - SECOND, NOW),
        (NOW, NOW + 12 * HOUR - MINUTE),
        (NOW + 12 * HOUR - MINUTE - SECOND, NOW + 12 * HOUR - MINUTE),
        (NOW + 12 * HOUR - MINUTE, None),
    ],
    ids=["before it comes", "just before", "when it comes", "just before its release", "released"],
)
def test_time_changes_the_counts_when_an_item_comes_and_when_it_is_released(
    now: datetime, change: datetime | None
):
    assert timeline_of(an_item()).next_change_after(now) == change


def test_of_several_changes_the_first_one_counts():
    assert timeline_of(*MIXED).next_change_after(NOW) == NOW + SECOND
    assert timeline_of(*MIXED).next_change_after(NOW + SECOND) == NOW + 12 * HOUR - MINUTE


END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@pytest.mark.parametrize("waited", [NOW - END_OF_TIME, NOW - END_OF_TIME.replace(month=1)], ids=str)
def test_an_item_at_the_end_of_time_never_comes_and_breaks_nothing(waited: timedelta):
    timeline = timeline_of(an_item(waited))
    assert timeline.counts_at(NOW).waiting == 0
    assert timeline.next_change_after(NOW) is None


def test_an_item_that_is_enqueued_at_infinity_never_comes():
    items = Items(
        enqueued=np.array([np.inf]),
        deadline=np.array([np.inf]),
        duration=np.array([np.nan]),
        phases=np.array([0.0]),
        in_progress=0,
    )
    assert timeline(items, SETTINGS).next_change_after(NOW) is None


def test_a_deadline_at_the_end_of_time_leaves_max_delay_to_decide():
    item = an_item(due_in=END_OF_TIME - NOW)
    assert timeline_of(item).next_change_after(NOW) == NOW + 12 * HOUR - MINUTE


def test_a_case_without_counts_has_no_deadlines_to_judge():
    assert deadlines.rule(a_case(a_queue_plan())) is None


def test_due_items_are_released_and_the_rest_is_left_to_the_later_rules():
    demand = a_backlog(an_item(13 * HOUR), an_item(12 * HOUR), an_item())
    ruling = deadlines.rule(a_case(a_queue_plan("deferrable"), demand=demand))
    assert (ruling.outcome, ruling.reason) == (Outcome.RELEASED, "deadline")
    assert ruling.text == (
        "2 of 3 waiting items reached their latest start less the lead of 1m; 1 are past it"
    )


def test_while_nothing_is_due_the_rule_passes():
    ruling = deadlines.rule(a_case(a_queue_plan("deferrable"), demand=a_backlog(an_item())))
    assert (ruling.outcome, ruling.reason) == (Outcome.PASSED, "no_deadline_near")
    assert ruling.text == (
        "0 of 1 waiting items reached their latest start less the lead of 1m; 0 are past it"
    )


@pytest.mark.parametrize("when_blind", list(WhenBlind))
@pytest.mark.parametrize("series", [DIRTY, None], ids=["dirty", "blind"])
def test_due_items_start_whatever_is_known_of_the_grid(
    series: RegionSeries | None, when_blind: WhenBlind
):
    plan = a_queue_plan("deferrable", when_blind=when_blind)
    demand = a_backlog(an_item(13 * HOUR), in_progress=2)
    decision = decide(plan, Inputs(series=series, demand=demand), NOW)
    assert decision.verdict is Verdict.OPEN
    assert (decision.admitted, decision.metric_value, decision.active) == (1, 3.0, True)


@pytest.mark.parametrize("when_blind", [WhenBlind.CLOSED, WhenBlind.ERROR])
def test_of_a_withheld_queue_only_the_due_items_start(when_blind: WhenBlind):
    plan = a_queue_plan("deferrable", when_blind=when_blind)
    demand = a_backlog(an_item(13 * HOUR), an_item(), an_item())
    decision = decide(plan, Inputs(series=None, demand=demand), NOW)
    assert (decision.verdict, decision.reason) == (Verdict.OPEN, "deadline")
    assert decision.admitted == 1
    assert decision.level == pytest.approx(1 / 3)


def test_even_deadlines_stop_at_the_ceiling():
    plan = a_queue_plan("deferrable", max_jobs=3)
    demand = a_backlog(*[an_item(13 * HOUR)] * 9, in_progress=1)
    decision = decide(plan, Inputs(series=DIRTY, demand=demand), NOW)
    assert (decision.admitted, decision.metric_value) == (2, 3.0)
    assert decision.counts.overdue == 9
