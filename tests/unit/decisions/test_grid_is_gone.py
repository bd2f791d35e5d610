"""What decides, hour by hour, when the sources of the grid fall silent at NOW."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Signal
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    a_backlog,
    a_plan,
    a_queue_plan,
    a_series,
    an_item,
)
from tests.grid_builders import an_average, an_outlook

MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
CLOSED_WHEN_BLIND = a_plan(
    workload_class="deferrable", max_delay=DAY, min_renewable_percent=None, threshold=400.0
)
# Dirty as observed, dirty as expected but for the fifth hour from now.
EXPECTED = an_outlook(900, 900, 900, 900, 900, 100, 900, 900, issued_at=NOW, source="neso")
GONE = replace(a_series(900, source="neso"), outlook=EXPECTED, average=an_average(50.0))


def kind_after(series: RegionSeries, waited: timedelta) -> str:
    return series.resolved_at(NOW + waited).kind.value


def test_a_provider_is_gone_and_the_next_of_the_chain_decides_labelled_as_such():
    chain = replace(a_series(900, 100), sources=("electricity_maps", "neso"))
    decision = decide(CLOSED_WHEN_BLIND, Inputs(series=chain), NOW)
    assert (decision.reason, decision.reading.source) == ("below_threshold", "neso")


def test_all_providers_are_gone_for_hours_and_what_is_known_is_used_up_in_order():
    stand_in = replace(a_series(700, since=NOW + HOUR, source="watttime"), basis=MARGINAL)
    series = replace(GONE, stand_ins=(stand_in,))
    told = [
        (kind_after(series, waited * HOUR), series.resolved_at(NOW + waited * HOUR).source)
        for waited in (0, 1, 2, 3, 7, 8, 30)
    ]
    assert told == [
        ("measured", "neso"),
        ("measured", "neso"),
        ("measured", "watttime"),
        ("forecast", "neso"),
        ("forecast", "neso"),
        ("static", "static"),
        ("static", "static"),
    ]


@pytest.mark.parametrize(
    ("waited", "reason", "kind"),
    [
        (HOUR, "above_threshold", Kind.MEASURED),
        (4 * HOUR, "above_threshold", Kind.FORECAST),
        (5 * HOUR, "below_threshold", Kind.FORECAST),
        (6 * HOUR, "above_threshold", Kind.FORECAST),
        (9 * HOUR, "blind_closed", Kind.STATIC),
    ],
    ids=str,
)
def test_all_providers_are_gone_for_hours_and_decisions_go_by_the_forecast_then_blind(
    waited: timedelta, reason: str, kind: Kind
):
    decision = decide(CLOSED_WHEN_BLIND, Inputs(series=GONE), NOW + waited)
    assert (decision.reason, decision.reading.kind) == (reason, kind)


def test_all_providers_are_gone_for_days_and_every_change_is_known_ahead():
    now, reasons = NOW, []
    while now < NOW + 12 * HOUR:
        decision = decide(CLOSED_WHEN_BLIND, Inputs(series=GONE), now)
        reasons.append((round((now - NOW) / HOUR), decision.reason))
        now = decision.changes_at
    assert reasons[:2] == [(0, "above_threshold"), (2, "above_threshold")]
    assert (5, "below_threshold") in reasons
    assert reasons[-1] == (8, "blind_closed")


@pytest.mark.parametrize("when_blind", [WhenBlind.CLOSED, WhenBlind.OPEN], ids=str)
@pytest.mark.parametrize("waited", [HOUR, 4 * HOUR, 9 * HOUR, 30 * HOUR], ids=str)
def test_all_providers_are_gone_and_deadlines_are_met(waited: timedelta, when_blind: WhenBlind):
    now = NOW + waited
    plan = a_queue_plan("deferrable", max_delay=DAY, when_blind=when_blind)
    due = replace(an_item(), enqueued_at=now - DAY)
    demand = a_backlog(due, read_at=now, max_age=MINUTE)
    decision = decide(plan, Inputs(series=GONE, demand=demand), now)
    assert decision.admitted == 1
    assert decision.verdict is Verdict.OPEN


def test_all_providers_are_gone_and_a_brake_still_opens_within_its_delay():
    plan = a_plan(Mode.BRAKE, "deferrable", max_delay=12 * HOUR, release=10 * MINUTE)
    now, opened = NOW, []
    while now < NOW + 4 * DAY:
        decision = decide(plan, Inputs(series=replace(GONE, outlook=None)), now)
        if decision.verdict is Verdict.OPEN:
            opened.append(now)
        now = decision.changes_at
    assert [later - former for former, later in pairwise(opened)] == [12 * HOUR] * (len(opened) - 1)
    assert len(opened) == 8
