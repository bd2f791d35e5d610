from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions import thresholds
from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Outcome, Verdict
from carbon_scaler.domain.intensity import RenewableShare
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode, Plan
from tests.builders import HOUR, NOW, Share, a_case, a_reading, a_series, a_share
from tests.unit.laws.cases import A_SERIES, GRAMS, INPUTS, PLANS, SHARES, law, plans, spans

LESS = st.floats(0, 1)


@law
@given(
    plan=PLANS,
    grams=st.sampled_from(GRAMS),
    share=st.sampled_from(SHARES),
    factor=LESS,
    lift=st.floats(0, 100),
)
def test_an_open_gate_stays_open_when_the_grid_is_cleaner(
    *, plan: Plan, grams: float, share: Share, factor: float, lift: float
):
    reading = replace(a_reading(grams), renewable=a_share(share))
    cleaner = replace(
        reading,
        grams_per_kwh=grams * factor,
        renewable=RenewableShare(
            at_least=min(100.0, reading.renewable.at_least + lift),
            at_most=min(100.0, reading.renewable.at_most + lift),
        ),
    )
    if thresholds.rule(a_case(plan, reading=reading)).outcome is Outcome.OPEN:
        assert thresholds.rule(a_case(plan, reading=cleaner)).outcome is Outcome.OPEN


def cleaner_now(series: RegionSeries, now: datetime, factor: float) -> RegionSeries:
    index = int(np.searchsorted(series.starts, now.timestamp(), side="right")) - 1
    grams = series.grams_per_kwh.copy()
    if index >= 0:
        grams[index] *= factor
    return replace(series, grams_per_kwh=grams)


@law
@given(
    plan=PLANS,
    inputs=INPUTS,
    series=A_SERIES,
    after=spans(0 * HOUR, HOUR) | spans(0 * HOUR, 20 * HOUR),
    factor=LESS,
)
def test_a_cleaner_present_never_closes_and_never_admits_less(
    *, plan: Plan, inputs: Inputs, series: RegionSeries, after: timedelta, factor: float
):
    now = datetime.fromtimestamp(series.starts[0], UTC) + after
    reading = series.reading_at(now)
    if now >= reading.too_old_at:
        return
    before = decide(plan, replace(inputs, series=series), now)
    cleaner = decide(plan, replace(inputs, series=cleaner_now(series, now, factor)), now)
    if before.verdict is Verdict.OPEN:
        assert cleaner.verdict is Verdict.OPEN
    assert cleaner.admitted >= before.admitted
    assert cleaner.level >= before.level


@law
@given(
    plan=plans(Mode.GATE, strategy=Strategy.CURVE, shadow=False, budget=None),
    grams=st.floats(0, 1500),
    factor=LESS,
)
def test_the_level_of_a_curve_never_falls_when_the_grid_is_cleaner(
    plan: Plan, grams: float, factor: float
):
    levels = [
        decide(plan, Inputs(series=a_series(value)), NOW).level for value in (grams, grams * factor)
    ]
    assert levels == sorted(levels)


@law
@given(plan=plans(windows=()), series=A_SERIES)
def test_past_slots_are_judged_as_they_were_when_they_were_present(
    plan: Plan, series: RegionSeries
):
    judged = [
        thresholds.rule(a_case(plan, reading=series.reading(index))).outcome is Outcome.OPEN
        for index in range(len(series.starts))
    ]
    assert thresholds.open_slots(series, plan.settings).tolist() == judged
