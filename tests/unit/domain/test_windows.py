from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from carbon_scaler.domain.windows import first_reached, occurrences
from tests.builders import HOUR, MINUTE, a_window

BERLIN = ZoneInfo("Europe/Berlin")
# The clock leaps from 02:00 to 03:00, or shows 02:00 to 03:00 twice.
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def utc(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "after_midnight", "reached"),
    [
        (date(2026, 1, 15), 11 * HOUR, utc(date(2026, 1, 15), 10)),
        (date(2026, 7, 15), 11 * HOUR, utc(date(2026, 7, 15), 9)),
        (date(2026, 7, 14), 35 * HOUR, utc(date(2026, 7, 15), 9)),
        (SPRING, 90 * MINUTE, utc(SPRING, 0, 30)),
        (SPRING, 2 * HOUR, utc(SPRING, 1)),
        (SPRING, 150 * MINUTE, utc(SPRING, 1)),
        (SPRING, 3 * HOUR, utc(SPRING, 1)),
        (SPRING, 4 * HOUR, utc(SPRING, 2)),
        (AUTUMN, 2 * HOUR, utc(AUTUMN, 0)),
        (AUTUMN, 150 * MINUTE, utc(AUTUMN, 0, 30)),
        (AUTUMN, 3 * HOUR, utc(AUTUMN, 2)),
    ],
    ids=[
        "winter",
        "summer",
        "after the next midnight",
        "before the leap",
        "the leap itself",
        "left out by the leap",
        "the end of the leap",
        "after the leap",
        "shown twice, at its first",
        "shown twice, in its midst",
        "after what is shown twice",
    ],
)
def test_a_time_of_day_comes_when_the_clock_first_shows_it_or_a_later_one(
    day: date, after_midnight: timedelta, reached: datetime
):
    assert first_reached(day, after_midnight, BERLIN) == reached


def test_a_day_that_a_zone_left_out_altogether_is_over_at_once():
    apia = ZoneInfo("Pacific/Apia")  # had no 30 December 2011
    leap = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert first_reached(date(2011, 12, 30), 5 * HOUR, apia) == leap


def test_a_window_is_on_once_a_local_day():
    days = [begin.date() for begin, _ in occurrences(a_window(11, 15, timezone=BERLIN), AUTUMN)]
    assert days == [AUTUMN + timedelta(days=ahead) for ahead in range(-2, 5)]


def test_a_window_that_the_clock_leaps_over_is_not_on_that_day():
    window = a_window(2, 3, timezone=BERLIN)
    assert SPRING not in {begin.date() for begin, _ in occurrences(window, SPRING)}


def test_a_window_over_hours_that_are_shown_twice_lasts_through_both():
    window = a_window(2, 3, timezone=BERLIN)
    assert (utc(AUTUMN, 0), utc(AUTUMN, 2)) in occurrences(window, AUTUMN)


@pytest.mark.parametrize(
    ("begins", "ends", "text"),
    [(2, 6, "02:00-06:00"), (22, 30, "22:00-06:00"), (17.5, 24, "17:30-24:00")],
)
def test_a_window_is_written_as_people_write_it(begins: float, ends: float, text: str):
    assert a_window(begins, ends).hours == text


def test_a_window_without_a_time_zone_goes_by_utc():
    window = a_window(2, 6, timezone=None)
    assert (utc(AUTUMN, 2), utc(AUTUMN, 6)) in occurrences(window, AUTUMN)
