from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.decisions.replicas import BRAKE_VALUE
from carbon_scaler.domain.backlog import BacklogUnknown
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOUR
from tests.keda_arithmetic import Polled, jobs_wanted
from tests.unit.laws.cases import BRAKES, INPUTS, INSTANTS, SERIES, central_law, law, plans

WORK = st.lists(
    st.builds(Polled, value=st.integers(1, 500), target=st.integers(1, 9), active=st.just(True)),
    max_size=4,
)


def next_opening(plan: Plan, series: RegionSeries | None, now: datetime, until: datetime) -> object:
    """The first instant at which starts are free, looked for from change to change."""
    while now <= until:
        decision = decide(plan, Inputs(series=series), now)
        if decision.verdict is Verdict.OPEN:
            return now
        now = decision.changes_at
    return None


@central_law
@given(plan=BRAKES, series=SERIES, now=INSTANTS)
def test_from_any_instant_on_starts_are_free_within_the_delay_less_the_release(
    plan: Plan, series: RegionSeries | None, now: datetime
):
    latest = now + max(0 * HOUR, plan.settings.max_delay - plan.settings.release)
    assert next_opening(plan, series, now, latest) is not None


@law
@given(plan=BRAKES, series=SERIES, now=INSTANTS)
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
