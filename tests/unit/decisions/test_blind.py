from dataclasses import replace
from datetime import timedelta

import pytest

from carbon_scaler.decisions import blind
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.intensity import Basis, Factors, Kind, Signal
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode
from tests.builders import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    a_backlog,
    a_case,
    a_plan,
    a_queue_plan,
    a_reading,
    a_series,
    an_item,
)
from tests.grid_builders import an_average, an_outlook


@pytest.mark.parametrize(
    ("usable_for", "age", "usable"),
    [
        (2 * HOUR, 0 * SECOND, True),
        (2 * HOUR, 2 * HOUR - SECOND, True),
        (2 * HOUR, 2 * HOUR, False),
        (3 * HOUR, 3 * HOUR - SECOND, True),
        (3 * HOUR, 3 * HOUR, False),
        (24 * HOUR, 3 * HOUR - SECOND, True),
        (24 * HOUR, 3 * HOUR, False),
    ],
)
def test_a_value_decides_for_what_its_source_allows_and_three_hours_at_most(
    usable_for: timedelta, age: timedelta, usable: bool
):
    reading = a_reading(observed_at=NOW - age, usable_for=usable_for)
    ruling = blind.rule(a_case(reading=reading))
    assert ruling.reason == ("data_usable" if usable else "blind_open")


def test_usable_data_leave_the_verdict_to_the_strategy_until_they_are_too_old():
    ruling = blind.rule(a_case(reading=a_reading(observed_at=NOW)))
    assert ruling.outcome is Outcome.PASSED
    assert ruling.until == NOW + 2 * HOUR
    assert ruling.text == (
        "the value of 2026-03-02T12:00:00Z from electricity_maps may decide "
        "until 2026-03-02T14:00:00Z"
    )


@pytest.mark.parametrize(
    ("when_blind", "outcome", "reason"),
    [
        (WhenBlind.OPEN, Outcome.OPEN, "blind_open"),
        (WhenBlind.CLOSED, Outcome.CLOSED, "blind_closed"),
        (WhenBlind.ERROR, Outcome.ERROR, "blind_error"),
    ],
)
def test_without_data_a_queue_does_what_when_blind_says(
    when_blind: WhenBlind, outcome: Outcome, reason: str
):
    ruling = blind.rule(a_case(a_queue_plan(when_blind=when_blind)))
    assert (ruling.outcome, ruling.reason, ruling.until) == (outcome, reason, None)
    assert ruling.text == f"no usable data for us-west-1: none stored; whenBlind is {when_blind}"


@pytest.mark.parametrize(
    ("when_blind", "outcome"),
    [
        (WhenBlind.OPEN, Outcome.OPEN),
        (WhenBlind.CLOSED, Outcome.CLOSED),
        (WhenBlind.ERROR, Outcome.CLOSED),
    ],
)
def test_a_brake_never_errs_because_keda_would_drop_it(when_blind: WhenBlind, outcome: Outcome):
    ruling = blind.rule(a_case(a_plan(Mode.BRAKE, when_blind=when_blind)))
    assert (ruling.outcome, ruling.reason) == (outcome, f"blind_{outcome}")


def test_a_brake_that_holds_in_place_of_an_error_says_so():
    ruling = blind.rule(a_case(a_plan(Mode.BRAKE, when_blind=WhenBlind.ERROR)))
    assert ruling.text.endswith("whenBlind is error, which a brake answers as closed")


def test_data_that_are_too_old_are_named_with_their_source_and_age():
    reading = a_reading(observed_at=NOW - 5 * HOUR - 30 * MINUTE, usable_for=2 * HOUR)
    ruling = blind.rule(a_case(a_queue_plan("deferrable"), reading=reading))
    assert ruling.text == (
        "no usable data for us-west-1: the newest value, from electricity_maps, "
        "is 5h30m old, at most 2h is usable; whenBlind is closed"
    )


@pytest.mark.parametrize(
    ("when_blind", "verdict", "admitted"),
    [
        (WhenBlind.OPEN, Verdict.OPEN, 3),
        (WhenBlind.CLOSED, Verdict.CLOSED, 0),
        (WhenBlind.ERROR, Verdict.ERROR, 0),
    ],
)
def test_a_blind_queue_admits_all_or_nothing(
    when_blind: WhenBlind, verdict: Verdict, admitted: int
):
    plan = a_queue_plan(when_blind=when_blind, max_delay=12 * HOUR)
    demand = a_backlog(an_item(), an_item(), an_item())
    decision = decide(plan, Inputs(series=None, demand=demand), NOW)
    assert (decision.verdict, decision.admitted) == (verdict, admitted)


def test_a_blind_gate_goes_by_the_grid_again_when_the_next_value_begins():
    series = a_series(900, 100, every=6 * HOUR)
    blind_at = NOW - HOUR
    decision = decide(a_plan(workload_class="deferrable"), Inputs(series=series), blind_at)
    assert decision.reason == "blind_closed"
    assert decision.changes_at == NOW
    assert decide(a_plan(workload_class="deferrable"), Inputs(series=series), NOW).active is False


# What counts in place of an observed value

# Usable until two hours ago.
OLD = a_series(100, since=NOW - 4 * HOUR, source="neso")
DIRTY_FORECAST = an_outlook(900, 100, since=NOW - HOUR, lasts=2 * HOUR, source="neso")
MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)
DEFERRABLE = a_plan(workload_class="deferrable", max_delay=DAY)


def test_a_forecast_decides_within_its_interval_and_is_called_one():
    decision = decide(DEFERRABLE, Inputs(series=replace(OLD, outlook=DIRTY_FORECAST)), NOW)
    assert (decision.reason, decision.changes_at) == ("above_threshold", NOW + HOUR)
    assert decision.reading.kind is Kind.FORECAST
    assert decision.rulings[-2].text == (
        "the forecast for 2026-03-02T11:00:00Z from neso may decide until 2026-03-02T13:00:00Z"
    )


def test_a_forecast_has_no_renewable_share_so_a_required_mix_is_not_reached():
    plan = replace(
        DEFERRABLE,
        settings=replace(
            DEFERRABLE.settings, min_renewable_percent=30.0, require_mix=True, threshold=1000.0
        ),
    )
    decision = decide(plan, Inputs(series=replace(OLD, outlook=DIRTY_FORECAST)), NOW)
    assert decision.reason == "renewables_below_minimum"
    assert "the energy mix is unknown" in decision.decisive.text


def test_a_value_of_another_basis_says_that_it_stands_in():
    stand_in = replace(a_series(900, source="watttime"), basis=MARGINAL)
    decision = decide(DEFERRABLE, Inputs(series=replace(OLD, stand_ins=(stand_in,))), NOW)
    assert decision.reason == "above_threshold"
    assert decision.rulings[-2].text == (
        "the value of 2026-03-02T12:00:00Z from watttime, marginal and direct, stands in for "
        "average and lifecycle and may decide until 2026-03-02T14:00:00Z"
    )


@pytest.mark.parametrize(
    ("series", "cause"),
    [
        (OLD, "the newest value, from neso, is 4h old, at most 2h is usable"),
        (replace(a_series(since=NOW), first_at=None), "none stored"),
    ],
    ids=["too old", "never any"],
)
def test_an_average_of_a_year_is_told_and_never_decides(series: RegionSeries, cause: str):
    series = replace(series, average=an_average(10.0))
    decision = decide(DEFERRABLE, Inputs(series=series), NOW)
    assert decision.reason == "blind_closed"
    assert decision.reading.kind is Kind.STATIC
    assert decision.decisive.text == (
        f"no usable data for us-west-1: {cause}; the yearly average of 2025, "
        "10 g/kWh (static), does not decide; whenBlind is closed"
    )


def test_an_average_of_this_very_year_decides_no_more_than_another():
    reading = a_reading(observed_at=NOW, kind=Kind.STATIC)
    assert blind.rule(a_case(reading=reading)).reason == "blind_open"


def test_a_blind_gate_looks_again_when_a_forecast_begins():
    series = replace(OLD, outlook=an_outlook(100, since=NOW + MINUTE))
    plan = replace(DEFERRABLE, settings=replace(DEFERRABLE.settings, min_renewable_percent=None))
    decision = decide(plan, Inputs(series=series), NOW)
    assert (decision.reason, decision.changes_at) == ("blind_closed", NOW + MINUTE)
    assert decide(plan, Inputs(series=series), NOW + MINUTE).reason == "below_threshold"
