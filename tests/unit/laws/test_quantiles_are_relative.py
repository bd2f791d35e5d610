from datetime import timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from tests.builders import DAY, HOUR, NOW, a_backlog, a_series, an_item
from tests.unit.laws.cases import STEP, law, plans, spans

EIGHT_DAYS = 8 * DAY // HOUR
HOURLY = st.lists(
    st.integers(0, 1500).map(float) | st.floats(1, 1500), min_size=EIGHT_DAYS, max_size=EIGHT_DAYS
)
QUANTILES = st.builds(
    lambda percent, window: {"quantile_percent": percent, "quantile_window": window},
    st.integers(1, 99).map(float),
    spans(DAY, 8 * DAY, HOUR),
)
PLANS = st.deferred(
    lambda: st.one_of(
        plans(strategy=Strategy.QUANTILE),
        plans(strategy=Strategy.FORECAST),
        QUANTILES.flatmap(lambda stated: plans(strategy=Strategy.QUANTILE, **stated)),
    )
)


def multiplied(series: RegionSeries, factor: float) -> RegionSeries:
    return a_series(*(np.asarray(series.grams_per_kwh) * factor))


@law
@given(
    plan=PLANS,
    hours=HOURLY,
    factor=st.floats(0.01, 100) | st.integers(1, 50).map(float),
    after=spans(0 * HOUR, 3 * HOUR, STEP),
)
def test_multiplying_all_intensities_by_a_constant_changes_no_decision_by_quantile(
    plan: Plan, hours: list[float], factor: float, after: timedelta
):
    demand = a_backlog(an_item(), an_item(), max_age=DAY)
    series = a_series(*hours)
    before, multiple = (
        decide(plan, Inputs(series=each, demand=demand), NOW + after)
        for each in (series, multiplied(series, factor))
    )
    assert (multiple.verdict, multiple.reason) == (before.verdict, before.reason)
    assert (multiple.admitted, multiple.level) == (before.admitted, before.level)
    assert multiple.changes_at == before.changes_at
    assert "threshold" not in {ruling.rule for ruling in before.rulings}
