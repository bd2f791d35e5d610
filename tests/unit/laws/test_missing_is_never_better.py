from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.unit.laws.cases import A_SERIES, INPUTS, INSTANTS, law, plans

HOLDING = st.sampled_from([WhenBlind.CLOSED, WhenBlind.ERROR])


def blind_plans(mode: Mode | None = None):
    return HOLDING.flatmap(lambda stated: plans(mode, when_blind=stated))


@law
@given(plan=blind_plans(Mode.QUEUE), inputs=INPUTS, series=A_SERIES, now=INSTANTS)
def test_a_queue_that_knows_nothing_of_the_grid_admits_no_more_than_one_that_knows_anything(
    plan: Plan, inputs: Inputs, series: RegionSeries, now: datetime
):
    """Whatever the grid is: unknown it opens nothing, unless `whenBlind` is open."""
    missing = decide(plan, replace(inputs, series=None), now)
    present = decide(plan, replace(inputs, series=series), now)
    assert missing.admitted <= present.admitted


@law
@given(plan=blind_plans(), inputs=INPUTS, now=INSTANTS)
def test_without_the_grid_only_rules_that_never_look_at_it_open(
    plan: Plan, inputs: Inputs, now: datetime
):
    """A pulse counts from what is known, so it may come at another time; it is no better."""
    missing = decide(plan, replace(inputs, series=None), now)
    if missing.verdict is Verdict.OPEN:
        assert missing.reason in {"shadow", "urgent", "pulse", "deadline"}
