"""When to ask is computed, and the same in every process."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_scaler.application.grid_sources import ErrorKind
from carbon_scaler.application.ingest.due import (
    Asking,
    every_due_at,
    interval_start,
    latest_due_at,
    newest_expected,
    next_interval_due,
    offset_of,
    pause_after,
)
from tests.unit.application.ingest_world import HOURLY, START

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
SPREAD = replace(HOURLY, spread=timedelta(minutes=10))
NONE = timedelta(0)


def test_zones_are_spread_over_the_sources_minutes_and_each_keeps_its_place():
    offsets = [offset_of(f"Z{n}", SPREAD) for n in range(400)]
    assert offsets == [offset_of(f"Z{n}", SPREAD) for n in range(400)]
    assert all(NONE <= offset < SPREAD.spread for offset in offsets)
    in_each_minute = [sum(1 for each in offsets if each // MINUTE == n) for n in range(10)]
    assert min(in_each_minute) > 20
    assert offset_of("Z", replace(SPREAD, name="a")) != offset_of("Z", replace(SPREAD, name="b"))


def test_intervals_are_counted_from_the_sources_anchor():
    shifted = replace(HOURLY, anchor=START.replace(minute=15, second=0))
    assert interval_start(START, shifted) == START.replace(hour=4, minute=15, second=0)


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    st.sampled_from([timedelta(seconds=1), 5 * MINUTE, 30 * MINUTE, HOUR]),
    st.integers(0, 7200),
)
def test_the_next_interval_is_due_after_now_and_within_one_step(
    at: datetime, step: timedelta, offset: int
):
    traits = replace(HOURLY, step=step)
    due = next_interval_due(at, traits, timedelta(seconds=offset))
    assert at < due <= at + step
    later = due - traits.reads_after - timedelta(seconds=offset)
    assert interval_start(later, traits) == later


def test_a_source_that_lags_is_not_expected_to_have_the_present_interval():
    assert newest_expected(START, HOURLY).hour == 5
    assert newest_expected(START, replace(HOURLY, lag=90 * MINUTE)).hour == 3
    assert newest_expected(START, replace(HOURLY, lag=-HOUR)).hour == 5


@pytest.mark.parametrize(
    ("kind", "failures", "pause"),
    [
        (ErrorKind.TIMEOUT, 1, MINUTE),
        (ErrorKind.SERVER, 3, 4 * MINUTE),
        (ErrorKind.UNREACHABLE, 5, 10 * MINUTE),
        (None, 10_000, 10 * MINUTE),
        (ErrorKind.RATE_LIMITED, 1, 5 * MINUTE),
        (ErrorKind.KEY, 1, HOUR),
        (ErrorKind.PLAN, 7, HOUR),
    ],
)
def test_how_long_a_failure_is_left_alone(kind: ErrorKind | None, failures: int, pause: timedelta):
    assert pause_after(kind, failures, START) == pause


def test_a_quota_comes_back_with_the_next_day_in_utc():
    evening = START.replace(hour=23, minute=59, second=0)
    assert pause_after(ErrorKind.QUOTA, 1, evening) == MINUTE


def test_a_clock_that_is_set_back_makes_everything_due():
    asking = Asking(asked_at=START + HOUR)
    assert latest_due_at(asking, HOURLY, NONE, START) == START
    assert every_due_at(asking, HOUR, START) == START


def test_what_failed_is_due_by_its_failure_and_not_by_the_clock():
    asking = Asking(asked_at=START, failures=1, kind=ErrorKind.KEY)
    assert latest_due_at(asking, HOURLY, NONE, START + MINUTE) == START + HOUR
    assert every_due_at(asking, 6 * HOUR, START + MINUTE) == START + HOUR
