"""What starting by a forecast cost beyond the best start."""

import numpy as np
import pytest

from carbon_scaler.simulation.regret import RUN_NOW, regret

HOURS = 10 * 24
AHEAD = 51
MEASURED = 300 + 100 * np.cos(np.arange(HOURS) * 2 * np.pi / 24) + np.arange(HOURS) % 7


def perfect(measured: np.ndarray = MEASURED) -> np.ndarray:
    later = np.append(measured, np.full(AHEAD, np.nan))
    return np.array([later[hour + 1 : hour + 1 + AHEAD] for hour in range(len(measured))]).reshape(
        -1, AHEAD
    )


FLAT = np.repeat(MEASURED[:, None], AHEAD, axis=1)


def test_whoever_knew_the_future_regrets_nothing():
    found = regret(MEASURED, {"forecast": perfect()}, slack=12, duration=2, last=120)

    assert found is not None
    assert found.decisions == 120
    assert found.beyond["forecast"] == 0
    assert found.beyond[RUN_NOW] > 10


def test_a_flat_forecast_starts_at_once():
    found = regret(MEASURED, {"persistence": FLAT}, slack=12, duration=3, last=120)

    assert found is not None
    assert found.beyond["persistence"] == found.beyond[RUN_NOW]


def test_one_decision_by_hand():
    measured = np.array([500.0, 300.0, 200.0, 100.0, 400.0])
    wrong = np.tile([3.0, 1.0, 2.0, 9.0], (5, 1))

    found = regret(measured, {"forecast": wrong}, slack=2, duration=1, last=1)

    assert found is not None
    assert (found.decisions, found.best) == (1, 100.0)  # work that came as hour 2 began
    assert found.beyond == {"forecast": 0.0, RUN_NOW: 100.0}


@pytest.mark.parametrize("hours", [0, 3, 13])
def test_of_too_short_a_past_nothing_is_said(hours: int):
    measured = MEASURED[:hours]

    assert regret(measured, {"forecast": perfect(measured)}, slack=12, duration=1, last=100) is None


def test_decisions_around_a_gap_are_not_judged():
    gap = MEASURED.copy()
    gap[100] = np.nan

    whole = regret(MEASURED, {"forecast": perfect()}, slack=12, duration=1, last=HOURS)
    holed = regret(gap, {"forecast": perfect(gap)}, slack=12, duration=1, last=HOURS)

    assert whole is not None
    assert holed is not None
    assert whole.decisions - holed.decisions == 13
