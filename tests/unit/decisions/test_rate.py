"""A backlog that lets only so many start in a minute."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.backlog import BacklogReading
from carbon_scaler.domain.decision import Decision, Verdict
from carbon_scaler.domain.policy import Strategy
from tests.builders import HOUR, MINUTE, NOW, SECOND, a_backlog, a_queue_plan, a_series, an_item

PLAN = a_queue_plan(strategy=Strategy.THRESHOLD)


def a_limited_backlog(
    waiting: int, *started: timedelta, most: int | None = 10, due: int = 0
) -> BacklogReading:
    """Started so long before NOW."""
    items = [an_item(HOUR) for _ in range(due)] + [an_item() for _ in range(waiting - due)]
    reading = a_backlog(*items, in_progress=len(started), max_age=HOUR)
    instants = np.sort(np.array([(NOW - each).timestamp() for each in started]))
    limited = replace(reading.items, starts_per_minute=most, started=instants)
    return replace(reading, items=limited)


def decided(reading: BacklogReading, grams: float = 100.0, at: datetime = NOW) -> Decision:
    return decide(PLAN, Inputs(series=a_series(grams), demand=reading), at)


@pytest.mark.parametrize(
    ("started", "admitted"),
    [((), 10), ((SECOND, 59 * SECOND), 8), ((60 * SECOND, 61 * SECOND), 10), ((SECOND,) * 30, 0)],
)
def test_what_started_in_the_last_minute_counts(started: tuple[timedelta, ...], admitted: int):
    decision = decided(a_limited_backlog(50, *started))
    assert decision.admitted == admitted
    assert decision.metric_value == admitted + len(started)


def test_it_opens_again_when_the_oldest_start_is_a_minute_old():
    full = a_limited_backlog(50, *[20 * SECOND] * 10)
    held = decided(full)

    assert (held.verdict, held.reason) == (Verdict.CLOSED, "rate")
    assert held.changes_at == NOW + 40 * SECOND
    assert decided(full, at=NOW + 40 * SECOND).admitted == 10
    assert "10 were started in the last minute" in held.decisive.text


def test_what_is_due_starts_in_any_case():
    assert decided(a_limited_backlog(50, *[SECOND] * 30, due=25)).admitted == 25


def test_few_items_a_closed_gate_and_other_backlogs_are_not_limited():
    assert decided(a_limited_backlog(5)).admitted == 5
    assert decided(a_limited_backlog(50, most=None)).admitted == 50
    closed = decided(a_limited_backlog(50), grams=900.0)
    assert closed.reason == "above_threshold"
    assert closed.ruling_of("rate") is None


def test_a_spread_and_a_rate_both_hold():
    plan = a_queue_plan("deferrable", strategy=Strategy.THRESHOLD, spread=20 * MINUTE)
    waited = [an_item(2 * HOUR) for _ in range(100)]
    reading = a_backlog(*waited, max_age=HOUR)
    limited = replace(reading, items=replace(reading.items, starts_per_minute=5))
    opens = a_series(900.0, 900.0, 100.0, renewable=50.0)

    early, later = (
        decide(plan, Inputs(series=opens, demand=limited), NOW + after).admitted
        for after in (timedelta(0), 15 * MINUTE)
    )
    assert early <= 2
    assert later == 5
