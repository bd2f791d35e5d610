from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
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
from tests.builders import DAY, HOUR, NOW, a_series
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


LAGS = st.sampled_from([0 * HOUR, HOUR / 2, HOUR, 1.5 * HOUR, 2 * HOUR, 4 * HOUR])


@law
@given(
    plan=plans(Mode.BRAKE, windows=(), budget=None, strategy=Strategy.THRESHOLD, shadow=False),
    hours=st.lists(st.tuples(st.sampled_from((100.0, 900.0, 900.0)), LAGS), min_size=40),
)
def test_values_that_arrive_late_or_several_at_once_close_nothing_for_longer(
    plan: Plan, hours: list[tuple[float, timedelta]]
):
    longest = max(0 * HOUR, plan.settings.max_delay - plan.settings.release)
    late = [(NOW + hour * HOUR + lag).timestamp() for hour, (_, lag) in enumerate(hours)]
    arrivals = np.maximum.accumulate(np.array(late))
    everything = a_series(*[grams for grams, _ in hours], since=NOW)
    closed_since, now = None, datetime.fromtimestamp(arrivals[0], UTC)
    while now < NOW + len(hours) * HOUR:
        known = int(np.searchsorted(arrivals, now.timestamp(), side="right"))
        series = first_of(replace(everything, fetched=arrivals), known)
        decision = decide(plan, Inputs(series=series), now)
        closed_since = None if decision.verdict is Verdict.OPEN else closed_since or now
        coming = [datetime.fromtimestamp(each, UTC) for each in arrivals[known : known + 1]]
        now = min(filter(None, [decision.changes_at, *coming, now + DAY]))
        assert closed_since is None or now - closed_since <= longest


def first_of(series: RegionSeries, count: int) -> RegionSeries:
    columns = ("starts", "grams_per_kwh", "renewable_at_least", "renewable_at_most", "fetched")
    cut = {name: getattr(series, name)[:count] for name in (*columns, "usable_for")}
    return replace(series, **cut, sources=series.sources[:count], kinds=series.kinds[:count])


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
