from datetime import timedelta

import pytest

from carbon_scaler.domain.intensity import (
    DEFAULT_USABLE_FOR,
    LONGEST_USABLE_FOR,
    Basis,
    Factors,
    Signal,
)
from tests.builders import HOUR, MINUTE, NOW, Share, a_reading, a_share


@pytest.mark.parametrize(
    ("share", "known"),
    [(42.0, 42.0), (0.0, 0.0), (100.0, 100.0), (None, None), ((20.0, 60.0), None)],
)
def test_a_renewable_share_is_known_only_when_its_bounds_meet(share: Share, known: float | None):
    assert a_share(share).known == known


def test_a_basis_is_told_as_its_signal_and_its_factors():
    assert str(Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)) == "marginal/direct"


def test_a_source_that_says_nothing_is_usable_for_two_hours_and_none_for_over_three():
    assert DEFAULT_USABLE_FOR == 2 * HOUR
    assert LONGEST_USABLE_FOR == 3 * HOUR


@pytest.mark.parametrize(
    ("usable_for", "hours"),
    [(2 * HOUR, 2), (HOUR + 30 * MINUTE, 1.5), (3 * HOUR, 3), (8 * HOUR, 3)],
    ids=["two hours", "a fraction", "the most", "capped"],
)
def test_a_value_is_too_old_after_what_its_source_allows_but_three_hours_at_most(
    usable_for: timedelta, hours: float
):
    assert a_reading(usable_for=usable_for).too_old_at == NOW + hours * HOUR
