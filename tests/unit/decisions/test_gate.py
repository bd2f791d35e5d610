import pytest

from carbon_scaler.decisions.case import Inputs
from carbon_scaler.decisions.decide import decide
from carbon_scaler.domain.decision import Verdict
from carbon_scaler.domain.policy import WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Mode
from tests.builders import DAY, HOUR, MINUTE, NOW, SECOND, a_plan, a_series

CLEAN, DIRTY = a_series(100), a_series(900)


@pytest.mark.parametrize(
    ("series", "when_blind", "verdict", "level"),
    [
        (CLEAN, WhenBlind.CLOSED, Verdict.OPEN, 1.0),
        (DIRTY, WhenBlind.CLOSED, Verdict.CLOSED, 0.0),
        (None, WhenBlind.OPEN, Verdict.OPEN, 1.0),
        (None, WhenBlind.CLOSED, Verdict.CLOSED, 0.0),
        (None, WhenBlind.ERROR, Verdict.ERROR, 0.0),
    ],
    ids=["clean", "dirty", "blind: open", "blind: closed", "blind: error"],
)
def test_a_gate_shows_all_or_nothing_by_a_fixed_limit(
    series: RegionSeries | None, when_blind: WhenBlind, verdict: Verdict, level: float
):
    plan = a_plan(Mode.GATE, when_blind=when_blind, max_delay=DAY)
    decision = decide(plan, Inputs(series=series), NOW)
    assert (decision.verdict, decision.metric_value, decision.level) == (verdict, level, level)
    assert decision.active == (level > 0)
    assert (decision.target, decision.admitted, decision.counts) == (1.0, 0, None)


def test_a_gate_needs_no_backlog():
    assert decide(a_plan(Mode.GATE), Inputs(series=CLEAN), NOW).verdict is Verdict.OPEN


@pytest.mark.parametrize("when_blind", [WhenBlind.CLOSED, WhenBlind.ERROR])
@pytest.mark.parametrize("series", [DIRTY, None], ids=["dirty", "blind"])
def test_a_gate_opens_wholly_in_pulses(series: RegionSeries | None, when_blind: WhenBlind):
    plan = a_plan(Mode.GATE, max_delay=2 * HOUR, release=10 * MINUTE, when_blind=when_blind)
    values = [
        decide(plan, Inputs(series=series), NOW + at).metric_value
        for at in (109 * MINUTE, 110 * MINUTE, 2 * HOUR - SECOND, 2 * HOUR)
    ]
    assert values == [0.0, 1.0, 1.0, 0.0]


def test_an_urgent_gate_is_open():
    decision = decide(a_plan(Mode.GATE, "urgent"), Inputs(series=DIRTY), NOW)
    assert (decision.metric_value, decision.reason) == (1.0, "urgent")
