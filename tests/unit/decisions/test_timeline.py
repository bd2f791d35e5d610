"""Items by the length of their runs."""

from datetime import timedelta

import pytest

from carbon_scaler.decisions.timeline import MOST_LOTS, timeline
from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.policy import Strategy
from tests.builders import HOUR, MINUTE, an_item, some_settings

PLANNING = some_settings("deferrable", strategy=Strategy.FORECAST)


def lengths(*durations: timedelta) -> list[float]:
    """In minutes, of the lots that these make."""
    items = Items.of(an_item(duration=each) for each in durations)
    return [lot.duration / 60 for lot in timeline(items, PLANNING).lots]


def test_each_length_has_a_lot_of_its_own_while_they_are_few():
    assert lengths(HOUR, 90 * MINUTE, HOUR) == [60.0, 90.0]
    assert lengths(*[number * MINUTE for number in range(1, MOST_LOTS + 1)])[-1] == MOST_LOTS


@pytest.mark.parametrize(
    ("step", "rounded_to"), [(timedelta(seconds=7), 1), (MINUTE, 5), (7 * MINUTE, 15), (HOUR, 240)]
)
def test_more_lengths_than_that_are_rounded_up_as_far_as_it_takes(step: timedelta, rounded_to: int):
    found = lengths(*[number * step for number in range(1, 2 * MOST_LOTS + 1)])
    assert len(found) <= MOST_LOTS
    assert all(minutes % rounded_to == 0 for minutes in found)
    assert found[-1] >= 2 * MOST_LOTS * step / MINUTE


def test_lengths_that_stay_many_however_they_are_rounded_are_one():
    found = lengths(*[timedelta(days=number) for number in range(1, 100)])
    assert found == [50 * 24 * 60.0]


def test_who_plans_nothing_sorts_nothing_by_length():
    by_limit = some_settings("deferrable", strategy=Strategy.THRESHOLD)
    assert timeline(Items.of([an_item()]), by_limit).lots == ()
