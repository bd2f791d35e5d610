from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from carbon_scaler.decisions import deadlines
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.budget import BudgetAction
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.policy import Strategy, WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_budget,
    a_case,
    a_plan,
    a_series,
    a_window,
    an_item,
)
from tests.grid_builders import an_outlook

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A delay of four hours, of which the last ten minutes are free.
PLAN = a_plan(workload_class="standard", max_delay=4 * HOUR, release=10 * MINUTE)


def ruling_at(now: datetime, series: RegionSeries | None, plan: Plan = PLAN):
    return deadlines.rule(a_case(plan, series=series, now=now))


def is_open_at(now: datetime, series: RegionSeries | None, plan: Plan = PLAN):
    return ruling_at(now, series, plan).outcome is Outcome.OPEN


SINCE = NOW - 20 * HOUR

# A region that is known, has a clean forecast and never had a value.
NEVER = replace(a_series(since=SINCE), first_at=None, outlook=an_outlook(100, since=SINCE))

ANCHORS = [
    # series, what the delay is counted from, in words
    pytest.param(
        a_series(100, 900, 900, since=SINCE),
        SINCE + HOUR,
        "the end of the last open hour",
        id="an open hour, then dirty ones",
    ),
    pytest.param(
        a_series(100, 900, 100, 900, since=SINCE),
        SINCE + 3 * HOUR,
        "the end of the last open hour",
        id="the last of several open hours",
    ),
    pytest.param(
        a_series(100, 900, since=SINCE, every=15 * MINUTE),
        SINCE + 15 * MINUTE,
        "the end of the last open hour",
        id="slots shorter than an hour",
    ),
    pytest.param(
        a_series(100, since=SINCE),
        SINCE + HOUR,
        "the end of the last open hour",
        id="an open hour, then nothing",
    ),
    pytest.param(
        a_series(900, 900, 900, since=SINCE),
        SINCE,
        "the first stored value",
        id="only dirty hours",
    ),
    pytest.param(
        a_series(900, since=SINCE, first_at=SINCE - 90 * MINUTE),
        SINCE - 90 * MINUTE,
        "the first stored value",
        id="only dirty hours, the first is no longer loaded",
    ),
    pytest.param(None, EPOCH, "no value is stored", id="nothing stored"),
    pytest.param(NEVER, EPOCH, "no value is stored", id="nothing but forecasts"),
]


@pytest.mark.parametrize(("series", "anchor", "words"), ANCHORS)
@pytest.mark.parametrize("periods", [1, 2])
def test_the_last_minutes_of_every_delay_since_the_anchor_are_free(
    series: RegionSeries | None, anchor: datetime, words: str, periods: int
):
    # The epoch's pulses are looked at in the present.
    past = 0 if series and series.first_at else (SINCE - anchor) // (4 * HOUR)
    closes_at = anchor + (past + periods) * 4 * HOUR
    opens_at = closes_at - 10 * MINUTE
    assert [
        is_open_at(opens_at - SECOND, series),
        is_open_at(opens_at, series),
        is_open_at(closes_at - SECOND, series),
        is_open_at(closes_at, series),
    ] == [False, True, True, False]


@pytest.mark.parametrize(("series", "anchor", "words"), ANCHORS)
def test_a_pulse_says_what_it_is_counted_from(
    series: RegionSeries | None, anchor: datetime, words: str
):
    figures = ruling_at(SINCE + 5 * HOUR, series).figures
    assert (figures["anchor"], figures["anchor_text"]) == (anchor, words)


@pytest.mark.parametrize(
    "stated",
    [
        {"strategy": Strategy.QUANTILE},
        {"strategy": Strategy.FORECAST},
        {"strategy": Strategy.CURVE},
        {"windows": (a_window(2, 6),)},
        {"budget": a_budget(action=BudgetAction.DEFER)},
    ],
    ids=["quantile", "forecast", "curve", "windows", "a deferring budget"],
)
@pytest.mark.parametrize("mode", [Mode.BRAKE, Mode.GATE])
def test_where_the_past_does_not_tell_what_was_open_pulses_count_from_a_fixed_instant(
    mode: Mode, stated: dict[str, Any]
):
    plan = a_plan(mode, max_delay=4 * HOUR, release=10 * MINUTE, **stated)
    ruling = ruling_at(NOW, a_series(100, 900, since=SINCE), plan)
    assert ruling.figures["anchor"] == EPOCH
    assert ruling.figures["anchor_text"] == "a fixed instant"
    assert ruling.until == NOW + 4 * HOUR - 10 * MINUTE


def test_a_budget_that_only_warns_or_throttles_moves_no_pulse():
    for action in (BudgetAction.WARN, BudgetAction.THROTTLE):
        plan = replace(PLAN, budget=a_budget(action=action))
        figures = ruling_at(NOW, a_series(100, 900, since=SINCE), plan).figures
        assert figures["anchor_text"] == "the end of the last open hour"


@pytest.mark.parametrize(
    ("fetched_after", "anchor_text"),
    [
        ([0 * HOUR, HOUR], "the end of the last open hour"),
        ([1.5 * HOUR, 2 * HOUR], "the end of the last open hour"),
        ([1.5 * HOUR, 1.5 * HOUR], "the first stored value"),
        ([2 * HOUR, 3 * HOUR], "the first stored value"),
    ],
    ids=["at once", "late", "together with the next", "when it was too old"],
)
def test_a_clean_hour_that_was_not_known_while_it_counted_opened_nothing(
    fetched_after: list[timedelta], anchor_text: str
):
    fetched = np.array([(SINCE + after).timestamp() for after in fetched_after])
    series = replace(a_series(100, 900, since=SINCE), fetched=fetched)
    assert ruling_at(SINCE + 4 * HOUR, series).figures["anchor_text"] == anchor_text


def test_a_later_open_hour_that_has_not_begun_does_not_count():
    series = a_series(900, 100, since=NOW, every=3 * HOUR)
    figures = ruling_at(NOW + HOUR, series).figures
    assert figures["anchor_text"] == "the first stored value"


def test_while_an_open_hour_lasts_there_is_no_pulse_because_none_is_needed():
    series = a_series(900, 100)
    assert [is_open_at(NOW + minutes * MINUTE, series) for minutes in (0, 30, 55, 59)] == [
        False
    ] * 4
    assert decide(PLAN, Inputs(series=series), NOW + 55 * MINUTE).reason == "below_threshold"


@pytest.mark.parametrize("ahead", [HOUR, 4 * HOUR, 30 * HOUR], ids=str)
def test_pulses_come_before_the_first_value_too_and_its_arrival_moves_none(ahead: timedelta):
    series = a_series(900, since=NOW + ahead)
    assert is_open_at(NOW + ahead - 10 * MINUTE, series)
    assert is_open_at(NOW + ahead - 10 * MINUTE - 4 * HOUR, series)
    assert not is_open_at(NOW + ahead - 10 * MINUTE - SECOND, series)
    assert not is_open_at(NOW + ahead, series)
    assert is_open_at(NOW + ahead + 4 * HOUR - 10 * MINUTE, series)


@pytest.mark.parametrize(
    ("max_delay", "release"),
    [
        (0 * HOUR, 5 * MINUTE),
        (5 * MINUTE, 5 * MINUTE),
        (4 * HOUR, 5 * HOUR),
        (0 * HOUR, 0 * HOUR),
    ],
    ids=["no delay", "all of it is free", "more than all of it is free", "neither"],
)
@pytest.mark.parametrize("series", [None, a_series(900)], ids=["blind", "dirty"])
def test_a_delay_that_the_release_fills_is_always_open(
    series: RegionSeries | None, max_delay: timedelta, release: timedelta
):
    plan = a_plan(workload_class="deferrable", max_delay=max_delay, release=release)
    decision = decide(plan, Inputs(series=series), NOW)
    assert (decision.verdict, decision.reason, decision.active) == (Verdict.OPEN, "pulse", False)
    assert decision.changes_at is None


def test_a_delay_that_the_release_fills_says_so():
    ruling = ruling_at(NOW, None, a_plan(max_delay=0 * HOUR, release=5 * MINUTE))
    assert ruling.text == "starts are always free: a release of 5m fills the maxDelay of 0s"
    assert ruling.until is None


@pytest.mark.parametrize(
    ("now", "reason", "outcome", "until"),
    [
        (SINCE + 2 * HOUR, "between_pulses", Outcome.PASSED, SINCE + 4 * HOUR - 10 * MINUTE),
        (SINCE + 4 * HOUR - 10 * MINUTE, "pulse", Outcome.OPEN, SINCE + 4 * HOUR),
        (SINCE + 4 * HOUR, "between_pulses", Outcome.PASSED, SINCE + 8 * HOUR - 10 * MINUTE),
    ],
    ids=["before", "during", "after"],
)
def test_a_pulse_holds_until_its_next_edge(
    now: datetime, reason: str, outcome: Outcome, until: datetime
):
    ruling = ruling_at(now, a_series(900, since=SINCE))
    assert (ruling.reason, ruling.outcome, ruling.until) == (reason, outcome, until)


def test_a_pulse_is_explained_with_its_instants():
    assert ruling_at(NOW, a_series(900, since=NOW - HOUR)).text == (
        "a dirty grid delays starts by 4h at most: counted from 2026-03-02T11:00:00Z "
        "(the first stored value), starts are free from 2026-03-02T14:50:00Z "
        "to 2026-03-02T15:00:00Z"
    )


@pytest.mark.parametrize("when_blind", [WhenBlind.CLOSED, WhenBlind.ERROR])
def test_a_blind_brake_still_opens_in_pulses(when_blind: WhenBlind):
    plan = a_plan(max_delay=DAY, release=10 * MINUTE, when_blind=when_blind)
    midnight = NOW.replace(hour=0)
    held = decide(plan, Inputs(series=None), NOW)
    assert (held.verdict, held.active, held.changes_at) == (
        Verdict.CLOSED,
        True,
        midnight + DAY - 10 * MINUTE,
    )
    free = decide(plan, Inputs(series=None), held.changes_at)
    assert (free.verdict, free.reason, free.active) == (Verdict.OPEN, "pulse", False)
    assert free.changes_at == midnight + DAY


def test_a_brake_goes_by_pulses_even_where_items_are_given():
    late = a_backlog(an_item(100 * HOUR))
    decision = decide(PLAN, Inputs(series=a_series(900), demand=late), NOW)
    assert (decision.verdict, decision.admitted, decision.metric_value) == (
        Verdict.CLOSED,
        0,
        0.001,
    )
