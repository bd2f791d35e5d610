from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from carbon_scaler.domain.intensity import (
    UNKNOWN_SHARE,
    Basis,
    Factors,
    Kind,
    RenewableShare,
    Signal,
)
from carbon_scaler.domain.snapshot import Outlook, RegionSeries, Snapshot
from tests.builders import DAY, HOME, HOUR, MINUTE, NOW, SECOND, a_series
from tests.grid_builders import an_average, an_outlook

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


# The one value that counts


MARGINAL = Basis(signal=Signal.MARGINAL, factors=Factors.DIRECT)


def marginal(series: RegionSeries) -> RegionSeries:
    return replace(series, basis=MARGINAL)


# Values at 08:00 and 09:00, usable until 11:00; it is 12:00.
OLD = a_series(300, 310, since=NOW - 4 * HOUR)
FRESH_STAND_IN = marginal(a_series(620, source="watttime"))
OLD_STAND_IN = marginal(a_series(640, since=NOW - 3 * HOUR, source="watttime"))


@pytest.mark.parametrize(
    ("series", "told"),
    [
        (
            replace(
                SERIES, outlook=an_outlook(50), average=an_average(), stand_ins=(FRESH_STAND_IN,)
            ),
            (320, "electricity_maps", Kind.MEASURED, NOW),
        ),
        (
            replace(OLD, outlook=an_outlook(50), average=an_average(), stand_ins=(FRESH_STAND_IN,)),
            (620, "watttime", Kind.MEASURED, NOW),
        ),
        (
            replace(OLD, stand_ins=(OLD_STAND_IN, FRESH_STAND_IN)),
            (620, "watttime", Kind.MEASURED, NOW),
        ),
        (
            replace(OLD, outlook=an_outlook(50), average=an_average(), stand_ins=(OLD_STAND_IN,)),
            (50, "electricity_maps", Kind.FORECAST, NOW),
        ),
        (
            replace(OLD, outlook=an_outlook(50, since=NOW + SECOND), average=an_average()),
            (176, "static", Kind.STATIC, datetime(2025, 1, 1, tzinfo=UTC)),
        ),
        (
            replace(OLD, stand_ins=(OLD_STAND_IN,)),
            (310, "electricity_maps", Kind.MEASURED, NOW - 3 * HOUR),
        ),
        (
            replace(a_series(since=NOW), average=an_average()),
            (176, "static", Kind.STATIC, datetime(2025, 1, 1, tzinfo=UTC)),
        ),
    ],
    ids=[
        "an observed value before all",
        "then a value of another basis",
        "the first that is usable",
        "then a forecast",
        "then the average of a year",
        "then what is too old",
        "an average alone",
    ],
)
def test_the_best_value_that_is_there_counts(
    series: RegionSeries, told: tuple[float, str, Kind, datetime]
):
    reading = series.resolved_at(NOW)
    assert (reading.grams_per_kwh, reading.source, reading.kind, reading.observed_at) == told
    assert (reading.too_old_at > NOW) == (told[0] in (320, 620, 50)), "the others never decide"


def test_where_nothing_is_known_nothing_counts():
    assert a_series(since=NOW, first_at=NOW).resolved_at(NOW) is None


def test_a_value_of_another_basis_keeps_its_own():
    assert replace(OLD, stand_ins=(FRESH_STAND_IN,)).resolved_at(NOW).basis == MARGINAL


def test_an_older_value_counts_again_when_a_younger_one_ended_before_it():
    slow, quick = a_series(300, since=NOW - HOUR), a_series(310, usable_for=20 * MINUTE)
    series = replace(
        slow,
        **{
            column: np.concatenate([getattr(slow, column), getattr(quick, column)])
            for column in (
                "starts", "grams_per_kwh", "renewable_at_least", "renewable_at_most", "fetched",
                "usable_for",
            )
        },
        sources=slow.sources + quick.sources,
        kinds=slow.kinds + quick.kinds,
    )  # fmt: skip
    grams = [
        reading.grams_per_kwh if (reading := series.usable_at(NOW + after)) else None
        for after in (0 * SECOND, 20 * MINUTE - SECOND, 20 * MINUTE, HOUR - SECOND, HOUR)
    ]
    assert grams == [310, 310, 300, 300, None]


def test_an_average_that_was_stored_as_a_value_is_passed_over():
    series = replace(a_series(300, 310), kinds=(Kind.MEASURED, Kind.STATIC))
    assert series.usable_at(NOW).grams_per_kwh == 300


def test_a_value_that_says_it_may_decide_for_a_day_counts_for_three_hours():
    series = a_series(300, usable_for=DAY)
    assert series.usable_at(NOW + 3 * HOUR - SECOND) is not None
    assert series.usable_at(NOW + 3 * HOUR) is None


@pytest.mark.parametrize(
    ("outlook", "now", "grams"),
    [
        (an_outlook(50, 60), NOW - SECOND, None),
        (an_outlook(50, 60), NOW, 50),
        (an_outlook(50, 60), NOW + HOUR - SECOND, 50),
        (an_outlook(50, 60), NOW + HOUR, 60),
        (an_outlook(50, 60), NOW + 2 * HOUR, None),
        (an_outlook(50, 60, starts=[NOW, NOW + 2 * HOUR]), NOW + HOUR, None),
        (an_outlook(50, issued_at=NOW - 23 * HOUR), NOW + HOUR - SECOND, 50),
        (an_outlook(50, issued_at=NOW - DAY + MINUTE), NOW + MINUTE - SECOND, 50),
        (an_outlook(50, issued_at=NOW - DAY + MINUTE), NOW + MINUTE, None),
        (an_outlook(50, issued_at=NOW - DAY), NOW, None),
        (an_outlook(50, lasts=6 * HOUR), NOW + 3 * HOUR, None),
        (an_outlook(), NOW, None),
    ],
    ids=[
        "before all",
        "first begins",
        "first ends",
        "second begins",
        "after all",
        "in a gap",
        "issued 23 h ago",
        "issued nearly a day ago",
        "issued a day ago since then",
        "issued a day ago",
        "a long interval",
        "no points",
    ],
)
def test_a_forecast_counts_within_its_own_interval_and_a_day_from_its_issue(
    outlook: Outlook, now: datetime, grams: float | None
):
    reading = outlook.reading_at(now, HOME, Basis())
    assert (reading.grams_per_kwh if reading else None) == grams


def test_a_forecast_knows_no_renewable_share():
    reading = an_outlook(50).reading_at(NOW, HOME, Basis())
    assert reading.renewable == UNKNOWN_SHARE
    assert (reading.region, reading.basis, reading.fetched_at) == (HOME, Basis(), NOW - HOUR)
    assert reading.too_old_at == NOW + HOUR


@pytest.mark.parametrize(
    ("series", "change"),
    [
        (replace(SERIES, outlook=an_outlook(50, since=NOW + MINUTE)), None),
        (replace(a_series(300, 310, since=NOW), outlook=an_outlook(50)), NOW + HOUR),
        (replace(OLD, outlook=an_outlook(50, since=NOW + MINUTE)), NOW + MINUTE),
        (replace(OLD, outlook=an_outlook(50, 60)), NOW + HOUR),
        (
            replace(OLD, stand_ins=(OLD_STAND_IN, marginal(a_series(9, since=NOW + MINUTE)))),
            NOW + MINUTE,
        ),
        (OLD, None),
    ],
    ids=[
        "usable: a forecast changes nothing",
        "usable: the next stored value does",
        "a forecast begins",
        "the next of a forecast",
        "a value of another basis begins",
        "nothing to come",
    ],
)
def test_what_may_take_over_is_known_ahead(series: RegionSeries, change: datetime | None):
    assert series.next_change_after(NOW) == change
