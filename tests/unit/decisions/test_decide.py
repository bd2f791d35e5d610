from datetime import datetime, timedelta
from typing import Any

import pytest

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.timeline import timeline as timeline_of
from carbon_scaler.domain.backlog import BacklogReading, BacklogUnknown
from carbon_scaler.domain.budget import BudgetAction
from carbon_scaler.domain.decision import SETTLING, Decision, Verdict
from carbon_scaler.domain.override import Override
from carbon_scaler.domain.policy import Strategy, WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_budget,
    a_budget_use,
    a_plan,
    a_queue_plan,
    a_series,
    a_window,
    an_item,
    an_override,
)

CLEAN = a_series(100, renewable=80.0)
DIRTY = a_series(900, renewable=5.0)


def rules_of(decision: Decision):
    return [(ruling.rule, ruling.outcome.value) for ruling in decision.rulings]


@pytest.mark.parametrize(
    ("plan", "series", "rules"),
    [
        (
            a_queue_plan(),
            CLEAN,
            [
                ("class", "passed"),
                ("deadline", "passed"),
                ("blind", "passed"),
                ("threshold", "open"),
            ],
        ),
        (
            a_queue_plan(),
            DIRTY,
            [
                ("class", "passed"),
                ("deadline", "passed"),
                ("blind", "passed"),
                ("threshold", "closed"),
            ],
        ),
        (
            a_queue_plan(),
            None,
            [("class", "passed"), ("deadline", "passed"), ("blind", "open")],
        ),
        (a_queue_plan("urgent"), DIRTY, [("class", "open")]),
        (a_queue_plan("urgent", shadow=True), DIRTY, [("shadow", "open"), ("class", "open")]),
    ],
    ids=["clean", "dirty", "blind", "urgent", "urgent in shadow"],
)
def test_the_rules_are_asked_in_order_until_one_settles_the_verdict(
    plan: Plan, series: RegionSeries | None, rules: list[tuple[str, str]]
):
    decision = decide(plan, Inputs(series=series, demand=a_backlog(an_item())), NOW)
    assert rules_of(decision) == rules


def test_a_released_item_does_not_stop_the_later_rules():
    demand = a_backlog(an_item(2 * HOUR), an_item())
    decision = decide(a_queue_plan(), Inputs(series=DIRTY, demand=demand), NOW)
    assert rules_of(decision)[1:] == [
        ("deadline", "released"),
        ("blind", "passed"),
        ("threshold", "closed"),
    ]


@pytest.mark.parametrize(
    ("series", "waited", "verdict", "reason", "admitted", "value", "level"),
    [
        (CLEAN, 0 * HOUR, Verdict.OPEN, "below_threshold", 2, 5.0, 1.0),
        (CLEAN, 2 * HOUR, Verdict.OPEN, "below_threshold", 2, 5.0, 1.0),
        (DIRTY, 0 * HOUR, Verdict.CLOSED, "above_threshold", 0, 3.0, 0.0),
        (DIRTY, 2 * HOUR, Verdict.OPEN, "deadline", 1, 4.0, 0.5),
    ],
    ids=["clean", "clean and late", "dirty", "dirty and late"],
)
def test_a_queue_is_open_for_all_or_for_what_is_due(
    *,
    series: RegionSeries | None,
    waited: timedelta,
    verdict: Verdict,
    reason: str,
    admitted: int,
    value: float,
    level: float,
):
    demand = a_backlog(an_item(waited), an_item(), in_progress=3)
    decision = decide(a_queue_plan(), Inputs(series=series, demand=demand), NOW)
    assert (decision.verdict, decision.reason) == (verdict, reason)
    assert (decision.admitted, decision.metric_value, decision.level) == (admitted, value, level)
    assert decision.active


@pytest.mark.parametrize(
    ("series", "verdict", "active"),
    [(CLEAN, Verdict.OPEN, False), (DIRTY, Verdict.CLOSED, True)],
    ids=["clean", "dirty"],
)
def test_a_brake_is_active_while_the_grid_is_dirty(
    series: RegionSeries | None, verdict: Verdict, active: bool
):
    decision = decide(a_plan(), Inputs(series=series), NOW)
    assert (decision.verdict, decision.active) == (verdict, active)
    assert (decision.metric_value, decision.target, decision.admitted) == (0.001, 0.0, 0)
    assert decision.counts is None


@pytest.mark.parametrize(
    ("demand", "text"),
    [
        (None, 'backlog "orders" is unknown: not read yet'),
        (BacklogUnknown(cause="timeout"), 'backlog "orders" is unknown: timeout'),
    ],
    ids=["never read", "read in vain"],
)
@pytest.mark.parametrize(
    "plan",
    [a_queue_plan(), a_queue_plan("urgent"), a_queue_plan(when_blind=WhenBlind.OPEN)],
    ids=["standard", "urgent", "blind: open"],
)
def test_an_unknown_backlog_is_an_error_without_any_value(
    plan: Plan, demand: BacklogReading | BacklogUnknown | None, text: str
):
    decision = decide(plan, Inputs(series=CLEAN, demand=demand), NOW)
    assert (decision.verdict, decision.reason) == (Verdict.ERROR, "backlog_unknown")
    assert (decision.metric_value, decision.admitted, decision.active) == (0.0, 0, False)
    assert decision.level == 0.0
    assert rules_of(decision) == [("demand", "error")]
    assert decision.decisive.text == text


def test_a_brake_needs_no_backlog():
    decision = decide(a_plan(), Inputs(series=CLEAN, demand=BacklogUnknown(cause="down")), NOW)
    assert decision.verdict is Verdict.OPEN


def test_a_decision_carries_what_it_was_made_from():
    demand = a_backlog(an_item(), in_progress=2)
    plan = a_queue_plan(items_per_job=3)
    decision = decide(plan, Inputs(series=CLEAN, demand=demand), NOW + MINUTE)
    assert decision.decided_at == NOW + MINUTE
    assert decision.reading == CLEAN.reading_at(NOW)
    assert (decision.counts.waiting, decision.counts.in_progress) == (1, 2)
    assert decision.target == 3.0


def test_a_region_without_values_leaves_the_decision_without_a_reading():
    assert decide(a_plan(), Inputs(series=None), NOW).reading is None


def test_a_given_timeline_is_used_in_place_of_sorting_again():
    plan = a_queue_plan()
    demand = a_backlog(an_item())
    other = timeline_of(a_backlog(an_item(), an_item()).items, plan.settings)
    decision = decide(plan, Inputs(series=DIRTY, demand=demand), NOW, timeline=other)
    assert decision.counts.waiting == 2


CHANGES = [
    pytest.param(a_plan(), a_series(900), None, NOW + 55 * MINUTE, id="the next pulse opens"),
    pytest.param(
        a_plan(max_delay=12 * HOUR), a_series(100), None, NOW + 2 * HOUR, id="the value is too old"
    ),
    pytest.param(
        a_plan(max_delay=12 * HOUR),
        a_series(100, 900, since=NOW),
        None,
        NOW + HOUR,
        id="the next value begins",
    ),
    pytest.param(
        a_plan(workload_class="urgent"), None, None, None, id="nothing that time could change"
    ),
    pytest.param(
        a_queue_plan(max_delay=90 * MINUTE),
        a_series(900),
        a_backlog(an_item(), max_age=9 * HOUR),
        NOW + 89 * MINUTE,
        id="an item is released",
    ),
    pytest.param(
        a_queue_plan(max_delay=90 * MINUTE),
        a_series(100),
        a_backlog(an_item(-20 * MINUTE), max_age=9 * HOUR),
        NOW + 20 * MINUTE,
        id="an item comes",
    ),
    pytest.param(
        a_queue_plan(max_delay=12 * HOUR),
        a_series(100),
        a_backlog(an_item(), max_age=30 * SECOND),
        NOW + 30 * SECOND,
        id="the reading of the backlog is too old",
    ),
    pytest.param(
        a_queue_plan(),
        None,
        BacklogUnknown(cause="down"),
        None,
        id="an unknown backlog waits for news",
    ),
]


@pytest.mark.parametrize(("plan", "series", "demand", "changes_at"), CHANGES)
def test_a_decision_says_until_when_it_holds(
    plan: Plan,
    series: RegionSeries | None,
    demand: BacklogReading | BacklogUnknown | None,
    changes_at: datetime | None,
):
    decision = decide(plan, Inputs(series=series, demand=demand), NOW)
    assert decision.changes_at == changes_at


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_decides(strategy: Strategy):
    for series, verdict in ((CLEAN, Verdict.OPEN), (DIRTY, Verdict.CLOSED)):
        plan = a_plan(strategy=strategy, max_delay=12 * HOUR)
        assert decide(plan, Inputs(series=series), NOW).verdict is verdict


EVERYTHING = {
    "windows": (a_window(10, 14),),
    "budget": a_budget(action=BudgetAction.THROTTLE),
    "max_delay": 12 * HOUR,
}


@pytest.mark.parametrize(
    ("stated", "overrides", "rules"),
    [
        ({}, (), ["class", "deadline", "blind", "budget", "windows"]),
        ({"shadow": True}, (), ["shadow", "class", "deadline", "blind", "budget", "windows"]),
        ({"enabled": False, "shadow": True}, (), ["off"]),
        ({"enabled": False}, (an_override(),), ["override"]),
        ({}, (an_override(until=NOW),), ["class", "deadline", "blind", "budget", "windows"]),
    ],
    ids=["all", "in shadow", "switched off", "held though switched off", "held until now"],
)
def test_the_order_of_the_rules_is_the_documented_one(
    stated: dict[str, Any], overrides: tuple[Override, ...], rules: list[str]
):
    inputs = Inputs(series=CLEAN, overrides=overrides, budget_use=a_budget_use(100))
    decision = decide(a_plan(Mode.GATE, **{**EVERYTHING, **stated}), inputs, NOW)
    assert [ruling.rule for ruling in decision.rulings] == rules


def test_the_least_share_of_all_rules_counts():
    plan = a_plan(
        Mode.GATE,
        budget=a_budget(action=BudgetAction.THROTTLE, throttle_percent=40.0),
        strategy=Strategy.CURVE,
    )
    shares = [
        decide(plan, Inputs(series=a_series(grams), budget_use=a_budget_use(100)), NOW).share
        for grams in (100, 300, 360, 500)
    ]
    assert shares == [0.4, 0.4, pytest.approx(0.2), 0.0]


def test_what_is_decided_only_for_the_record_in_shadow_limits_nothing():
    plan = a_plan(Mode.GATE, shadow=True, budget=a_budget(action=BudgetAction.THROTTLE))
    decision = decide(plan, Inputs(series=DIRTY, budget_use=a_budget_use(100)), NOW)
    assert (decision.metric_value, decision.reason) == (1.0, "shadow")


@pytest.mark.parametrize("series", [CLEAN, DIRTY, None], ids=["clean", "dirty", "blind"])
@pytest.mark.parametrize("workload_class", ["urgent", "standard", "deferrable"])
def test_the_last_rule_that_is_asked_settles_the_verdict(
    workload_class: str, series: RegionSeries | None
):
    decision = decide(a_plan(workload_class=workload_class), Inputs(series=series), NOW)
    settled = [ruling.outcome in SETTLING for ruling in decision.rulings]
    assert settled == [False] * (len(settled) - 1) + [True]
