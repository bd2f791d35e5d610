from dataclasses import replace

import pytest

from carbon_scaler.decisions import strategies
from carbon_scaler.domain.decision import Outcome
from carbon_scaler.domain.intensity import Basis, Signal
from carbon_scaler.domain.policy import Strategy
from carbon_scaler.domain.snapshot import RegionSeries
from tests.builders import a_case, a_plan, a_reading, a_series

# Within the fixed limit of 400, but not among its own cleanest hours, and the reverse.
DIRTY_FOR_ITSELF = a_series(*[100.0] * 50, 399.0)
CLEAN_FOR_ITSELF = a_series(*[900.0] * 50, 500.0)
SHORT = a_series(100.0)
LABELS = {
    Strategy.QUANTILE: (
        "; it stands in for strategy quantile: "
        "less than a day of the region's past is known on the same basis"
    ),
    Strategy.FORECAST: (
        "; it stands in for strategy forecast: no forecast of our own is there yet"
    ),
    Strategy.CURVE: "; it stands in for strategy curve: the intensity is not known",
}


@pytest.mark.parametrize(
    ("strategy", "series", "rule", "outcome"),
    [
        (Strategy.THRESHOLD, DIRTY_FOR_ITSELF, "threshold", Outcome.OPEN),
        (Strategy.THRESHOLD, CLEAN_FOR_ITSELF, "threshold", Outcome.CLOSED),
        (Strategy.QUANTILE, DIRTY_FOR_ITSELF, "quantile", Outcome.CLOSED),
        (Strategy.QUANTILE, CLEAN_FOR_ITSELF, "quantile", Outcome.OPEN),
        (Strategy.CURVE, DIRTY_FOR_ITSELF, "curve", Outcome.OPEN),
        (Strategy.CURVE, CLEAN_FOR_ITSELF, "curve", Outcome.CLOSED),
    ],
)
def test_the_strategy_that_is_asked_for_decides_and_stands_in_for_nobody(
    strategy: Strategy, series: RegionSeries, rule: str, outcome: Outcome
):
    ruling = strategies.rule(a_case(a_plan(strategy=strategy), series=series))
    assert (ruling.rule, ruling.outcome) == (rule, outcome)
    assert "stands in" not in ruling.text


@pytest.mark.parametrize(
    ("strategy", "series", "rule"),
    [
        (Strategy.QUANTILE, SHORT, "threshold"),
        (Strategy.FORECAST, SHORT, "threshold"),
        (Strategy.FORECAST, CLEAN_FOR_ITSELF, "quantile"),
        (Strategy.CURVE, None, "threshold"),
    ],
)
def test_what_stands_in_is_labelled(strategy: Strategy, series: RegionSeries | None, rule: str):
    ruling = strategies.rule(a_case(a_plan(strategy=strategy), series=series))
    assert ruling.rule == rule
    assert ruling.text.endswith(LABELS[strategy])
    assert ruling.figures["asked"] == strategy


def test_a_value_of_another_basis_is_not_compared_with_the_regions_past():
    reading = replace(a_reading(500.0), basis=Basis(signal=Signal.MARGINAL))
    plan = a_plan(strategy=Strategy.QUANTILE)
    ruling = strategies.rule(a_case(plan, series=CLEAN_FOR_ITSELF, reading=reading))
    assert (ruling.rule, ruling.outcome) == ("threshold", Outcome.CLOSED)


def test_every_strategy_has_its_chain_and_the_reason_why_another_would_stand_in():
    assert set(strategies.CHAINS) == set(Strategy)
    asked = set(strategies.WANTING) | {Strategy.AUTO, Strategy.FORECAST}
    assert asked == set(Strategy) - {Strategy.THRESHOLD}
