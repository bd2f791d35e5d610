from datetime import datetime, timedelta

import numpy as np
import pytest

from carbon_scaler.domain.intensity import Basis, Kind, RenewableShare
from carbon_scaler.domain.snapshot import Snapshot
from tests.builders import HOME, HOUR, MINUTE, NOW, SECOND, a_series

# Slots at 10:00, 11:00 and 12:00 (NOW).
SERIES = a_series(300, 310, 320)


@pytest.mark.parametrize(
    ("now", "grams"),
    [
        (NOW - 2 * HOUR - SECOND, None),
        (NOW - 2 * HOUR, 300),
        (NOW - HOUR - SECOND, 300),
        (NOW - HOUR, 310),
        (NOW, 320),
        (NOW + 100 * HOUR, 320),
    ],
    ids=["before all", "first begins", "first ends", "second begins", "last begins", "long after"],
)
def test_the_newest_value_that_has_begun_is_read(now: datetime, grams: float | None):
    reading = SERIES.reading_at(now)
    assert (reading.grams_per_kwh if reading else None) == grams


@pytest.mark.parametrize(
    ("now", "start"),
    [
        (NOW - 3 * HOUR, NOW - 2 * HOUR),
        (NOW - 2 * HOUR, NOW - HOUR),
        (NOW - SECOND, NOW),
        (NOW, None),
        (NOW + HOUR, None),
    ],
    ids=["before all", "at a start", "just before one", "at the last", "after the last"],
)
def test_the_next_stored_value_takes_over_at_its_own_start(now: datetime, start: datetime | None):
    assert SERIES.next_start_after(now) == start


def test_a_row_becomes_a_reading_with_all_that_is_known_of_it():
    series = a_series(300, 310, renewable=[None, (20.0, 60.0)], usable_for=90 * MINUTE)
    reading = series.reading(1)
    assert reading.region == HOME
    assert reading.observed_at == NOW
    assert reading.fetched_at == NOW
    assert reading.grams_per_kwh == 310
    assert reading.renewable == RenewableShare(at_least=20.0, at_most=60.0)
    assert reading.source == "electricity_maps"
    assert reading.kind is Kind.MEASURED
    assert reading.basis == Basis()
    assert reading.usable_for == 90 * MINUTE


def test_a_reading_holds_plain_numbers():
    assert type(SERIES.reading(0).grams_per_kwh) is float
    assert not isinstance(SERIES.reading(0).renewable.at_least, np.generic)


@pytest.mark.parametrize(
    ("every", "index", "lasts"),
    [
        (HOUR, 0, HOUR),
        (HOUR, 2, HOUR),
        (15 * MINUTE, 0, 15 * MINUTE),
        (15 * MINUTE, 2, HOUR),
        (5 * HOUR, 0, HOUR),
    ],
    ids=["hourly", "hourly, last", "quarterly", "quarterly, last", "before a gap"],
)
def test_an_interval_ends_at_the_next_one_and_after_an_hour_at_the_latest(
    every: timedelta, index: int, lasts: timedelta
):
    series = a_series(300, 310, 320, every=every, since=NOW)
    assert series.end_of(index) == NOW + index * every + lasts


def test_a_series_without_rows_has_no_reading_and_nothing_to_come():
    series = a_series(first_at=NOW, since=NOW)
    assert series.reading_at(NOW) is None
    assert series.next_start_after(NOW) is None


def test_an_empty_view_knows_no_region():
    assert Snapshot(loaded_at=NOW).regions == {}
