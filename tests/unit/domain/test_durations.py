from datetime import timedelta

import pytest

from carbon_scaler.domain.durations import LONGEST_DURATION, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("12h", timedelta(hours=12)),
        ("90m", timedelta(minutes=90)),
        ("90min", timedelta(minutes=90)),
        ("45s", timedelta(seconds=45)),
        ("1d", timedelta(days=1)),
        ("12h30m", timedelta(hours=12, minutes=30)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("12H30M", timedelta(hours=12, minutes=30)),
        ("PT12H30M", timedelta(hours=12, minutes=30)),
        ("pt90m", timedelta(minutes=90)),
        ("P1D", timedelta(days=1)),
        ("P1W", timedelta(weeks=1)),
        ("P1DT6H", timedelta(days=1, hours=6)),
        ("PT0.5S", timedelta(milliseconds=500)),
        ("90", timedelta(minutes=90)),
        ("1.5", timedelta(seconds=90)),
        ("0", timedelta(0)),
        ("0s", timedelta(0)),
        ("PT0S", timedelta(0)),
        ("  12h\n", timedelta(hours=12)),
        ("366d", LONGEST_DURATION),
    ],
)
def test_a_duration_is_read_in_every_form_that_users_write(text: str, duration: timedelta):
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "tomorrow",
        "-1h",
        "+1h",
        "1h-30m",
        "30m12h",
        "12 h",
        "1,5",
        "1.",
        ".5",
        "1e3",
        "nan",
        "inf",
        "P",
        "PT",
        "P1DT",
        "PT5",
        "P1Y",
        "P1M",
        "1.5h",
        "12h!",
        "\u0661\u0662h",
        "12h\x00",
        "366d1s",
        "999999d",
        "99999999",
        "9" * 5000,
    ],
)
def test_what_states_no_duration_up_to_a_leap_year_is_not_read(text: str):
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=400), "0s"),
        (timedelta(seconds=59.6), "1m"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(hours=12, minutes=30), "12h30m"),
        (timedelta(hours=24), "1d"),
        (timedelta(days=1, seconds=1), "1d1s"),
        (timedelta(minutes=-90), "-1h30m"),
        (timedelta(milliseconds=-400), "0s"),
    ],
)
def test_a_duration_is_written_in_its_shortest_form(duration: timedelta, text: str):
    assert format_duration(duration) == text
