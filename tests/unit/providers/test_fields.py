from datetime import UTC, datetime
from typing import Any

import pytest

from carbon_scaler.providers.fields import FieldError, flag, instant, mapping, number, objects, text

NOON = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "written",
    [
        "2026-10-01T12:00Z",
        "2026-10-01T12:00:00Z",
        "2026-10-01T12:00:00.000Z",
        "2026-10-01T14:00+02:00",
        "2026-10-01 12:00:00+00:00",
    ],
)
def test_an_instant_is_read_with_or_without_seconds(written: str):
    assert instant({"at": written}, "at") == NOON


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("2026-10-01T12:00:00", "says no time zone"),
        ("2026-10-01", "says no time zone"),
        ("yesterday", "is no instant"),
        ("0001-01-01T00:00+14:00", "is no instant"),
        (None, "is missing"),
        (1_790_856_000, "is int, not a text"),
    ],
)
def test_what_is_no_instant_with_its_zone_is_refused(written: object, wrong: str):
    with pytest.raises(FieldError, match=wrong):
        instant({"at": written}, "at")


@pytest.mark.parametrize(("value", "read"), [(3, 3.0), (3.5, 3.5), (0, 0.0), (-1, -1.0)])
def test_a_number_is_read_as_it_is(value: float, read: float):
    assert number({"n": value}, "n") == read


@pytest.mark.parametrize("row", [{}, {"n": None}])
def test_a_number_that_is_not_there_is_none_and_never_zero(row: dict[str, Any]):
    assert number(row, "n") is None


@pytest.mark.parametrize(
    "value",
    ["302", True, [302], float("nan"), float("inf"), 10**400],
    ids=type,
)
def test_what_is_no_finite_number_is_refused(value: object):
    with pytest.raises(FieldError, match="`n` is "):
        number({"n": value}, "n")


def test_a_text_and_a_flag_are_what_they_are_or_none():
    row = {"text": "DE", "flag": False}

    assert (text(row, "text"), text(row, "other")) == ("DE", None)
    assert (flag(row, "flag"), flag(row, "other")) == (False, None)


@pytest.mark.parametrize("value", ["false", 0, []])
def test_what_is_neither_true_nor_false_is_refused(value: object):
    with pytest.raises(FieldError, match="not true or false"):
        flag({"flag": value}, "flag")


@pytest.mark.parametrize("document", [None, [], "text", {}, {"rows": {}}, {"rows": [1]}])
def test_rows_are_a_list_of_objects(document: object):
    with pytest.raises(FieldError):
        objects(document, "rows")


def test_objects_are_returned_as_they_are():
    assert objects({"rows": [{"a": 1}]}, "rows") == [{"a": 1}]
    assert mapping({"a": 1}, "it") == {"a": 1}
