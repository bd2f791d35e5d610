from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.replicas import BRAKE_VALUE
from carbon_scaler.domain.backlog import BacklogUnknown
from carbon_scaler.domain.budget import BudgetAction, BudgetUse
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.policy import Strategy, WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOUR, NOW, a_series
from tests.keda_arithmetic import Polled, jobs_wanted
from tests.unit.laws.cases import (
    BRAKES,
    GATES,
    GRAMS,
    INPUTS,
    INSTANTS,
    SERIES,
    USES,
    budgeted,
    central_law,
    law,
    plans,
    windowed,
)

WORK = st.lists(
    st.builds(Polled, value=st.integers(1, 500), target=st.integers(1, 9), active=st.just(True)),
    max_size=4,
)


def next_opening(plan: Plan, inputs: Inputs, now: datetime, until: datetime) -> datetime | None:
    """The first instant at which starts are free, looked for from change to change."""
    while now <= until:
        decision = decide(plan, inputs, now)
        if decision.verdict is Verdict.OPEN:
            return now
        now = decision.changes_at
    return None


@central_law
@given(plan=BRAKES | GATES, series=SERIES, now=INSTANTS, budget_use=USES)
def test_from_any_instant_on_starts_are_free_within_the_delay_less_the_release(
    plan: Plan, series: RegionSeries | None, now: datetime, budget_use: BudgetUse | None
):
    latest = now + max(0 * HOUR, plan.settings.max_delay - plan.settings.release)
    inputs = Inputs(series=series, budget_use=budget_use)
    assert next_opening(plan, inputs, now, latest) is not None


# What the past can't tell: hours that were forbidden, deferred or not clean enough then.
UNTOLD = st.sampled_from([Mode.BRAKE, Mode.GATE]).flatmap(
    lambda mode: st.one_of(
        windowed(mode),
        budgeted(BudgetAction.DEFER, mode),
        plans(mode, strategy=Strategy.QUANTILE),
        plans(mode, strategy=Strategy.CURVE),
    )
)


@law
@given(
    plan=BRAKES | GATES | UNTOLD,
    hours=st.lists(st.sampled_from(GRAMS), min_size=30, max_size=72),
    budget_use=USES,
)
def test_over_days_of_values_that_arrive_one_by_one_no_gate_is_closed_for_longer(
    plan: Plan, hours: list[float], budget_use: BudgetUse | None
):
    longest = max(0 * HOUR, plan.settings.max_delay - plan.settings.release)
    # What ran before is not known, so that the first delay counts from here on.
    closed_since = None
    for known in range(1, len(hours) + 1):
        inputs = Inputs(series=a_series(*hours[:known], since=NOW), budget_use=budget_use)
        now, end = NOW + (known - 1) * HOUR, NOW + known * HOUR
        while now < end:
            decision = decide(plan, inputs, now)
            closed_since = None if decision.verdict is Verdict.OPEN else closed_since or now
            now = min(end, decision.changes_at or end)
            if closed_since is not None:
                assert now - closed_since <= longest


@law
@given(plan=BRAKES | GATES, series=SERIES, now=INSTANTS)
def test_a_pulse_stays_open_for_its_whole_release(
    plan: Plan, series: RegionSeries | None, now: datetime
):
    decision = decide(plan, Inputs(series=series), now)
    if decision.reason == "pulse" and plan.settings.release < plan.settings.max_delay:
        figures = decision.decisive.figures
        assert figures["closes_at"] - figures["opens_at"] == plan.settings.release
        assert figures["opens_at"] <= now < figures["closes_at"]


@law
@given(
    plan=BRAKES | plans(Mode.BRAKE, max_delay=3 * HOUR, when_blind=WhenBlind.ERROR),
    inputs=INPUTS,
    now=INSTANTS,
    unknown=st.sampled_from([None, BacklogUnknown(cause="down")]),
)
def test_a_brake_never_errs_and_only_its_activity_changes(
    plan: Plan, inputs: Inputs, now: datetime, unknown: BacklogUnknown | None
):
    decision = decide(plan, inputs, now)
    assert decide(plan, replace(inputs, demand=unknown), now).active == decision.active
    assert decision.verdict is not Verdict.ERROR
    assert (decision.target, decision.metric_value, decision.admitted) == (0.0, BRAKE_VALUE, 0)
    assert decision.active == (decision.verdict is Verdict.CLOSED)


@law
@given(plan=BRAKES, series=SERIES, now=INSTANTS, work=WORK, place=st.integers(0, 4))
def test_keda_starts_nothing_beside_a_closed_brake_and_everything_beside_an_open_one(
    *, plan: Plan, series: RegionSeries | None, now: datetime, work: list[Polled], place: int
):
    decision = decide(plan, Inputs(series=series), now)
    brake = Polled(value=decision.metric_value, target=decision.target, active=decision.active)
    together = jobs_wanted("min", [*work[:place], brake, *work[place:]])
    is_open = decision.verdict is Verdict.OPEN
    assert together == (jobs_wanted("min", work) if is_open else 0)
