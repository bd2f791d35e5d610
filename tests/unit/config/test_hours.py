"""Hours of the day as users write them, and the names of time zones."""

from datetime import timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from carbon_scaler.config.hours import HoursText, span_of, time_zone, zone_meant

HOURS = TypeAdapter(HoursText)


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("02:00-06:00", 2.0, 6.0),
        ("22:00-06:00", 22.0, 30.0),
        ("22:30-24:00", 22.5, 24.0),
        ("00:00-24:00", 0.0, 24.0),
        ("23:59-00:00", 23 + 59 / 60, 24.0),
    ],
)
def test_hours_end_after_they_begin(text: str, begins: float, ends: float):
    assert HOURS.validate_python(text) == text
    assert span_of(text) == (timedelta(hours=begins), timedelta(hours=ends))


@pytest.mark.parametrize(
    "text",
    [
        *("06:00-06:00", "00:00-00:00", "00:00-25:00", "24:00-06:00", "24:00-24:00"),
        *("6:00-7:00", "06:00-07:60", "06:00-24:01", "06:00 - 07:00", "06:00", "", "06:00-07:00\n"),
        *("0٦:00-07:00", "06:00-07:00-08:00", "06:00/07:00"),
    ],
)
def test_what_is_no_span_of_hours_is_refused(text: str):
    with pytest.raises(ValidationError):
        HOURS.validate_python(text)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"])
def test_an_iana_zone_is_known_by_its_name(name: str):
    zone = time_zone(name)
    assert zone is not None
    assert zone.key == name


@pytest.mark.parametrize(
    "name", ["", "europe/berlin", "../etc/passwd", "/UTC", "localtime", "CEST"]
)
def test_what_is_no_iana_name_is_no_zone(name: str):
    assert time_zone(name) is None


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Europe/Berln", 'did you mean "Europe/Berlin"? '),
        ("europe/berlin", 'did you mean "Europe/Berlin"? '),
        ("Berlin", 'did you mean "Europe/Berlin"? '),
        ("xxxxxxxx", ""),
    ],
)
def test_the_zone_that_was_meant_is_guessed(name: str, meant: str):
    assert zone_meant(name) == meant
