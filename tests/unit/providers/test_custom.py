"""What a source of the user's own asks, and what it makes of the answer."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbon_scaler.application.custom_sources import (
    CustomSourceSettings,
    JsonSeries,
    Stamp,
    Unit,
)
from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Basis, Kind, RenewableShare
from carbon_scaler.domain.observation import Observation
from carbon_scaler.providers.custom.answers import parse_forecast, parse_values
from carbon_scaler.providers.custom.source import request_of
from carbon_scaler.providers.fields import FieldError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
ROWS = JsonSeries(
    url="http://meter.local/{zone}?of={zone}&unit=g",
    rows="/data",
    value="/intensity",
    time="/from",
    renewable="/green",
)
ROOF = CustomSourceSettings(
    name="roof",
    zones={"eu-west-1": "roof"},
    values=ROWS,
    forecast=ROWS,
    horizon=timedelta(hours=24),
    unit=Unit.G_PER_KWH,
    basis=Basis(),
    interval=QUARTER,
    lag=timedelta(0),
    every=QUARTER,
)


def row(quarters: int, grams: object, **more: object) -> dict[str, object]:
    return {"from": (NOON + quarters * QUARTER).isoformat(), "intensity": grams, **more}


def values(*rows: Any, settings: CustomSourceSettings = ROOF) -> tuple[Observation, ...]:
    return parse_values(settings, {"data": list(rows)}, "roof")


def grams(*rows: Any, settings: CustomSourceSettings = ROOF) -> list[tuple[int, float]]:
    """Quarters after noon and values."""
    seen = values(*rows, settings=settings)
    return [((each.starts_at - NOON) // QUARTER, each.grams_per_kwh) for each in seen]


def test_the_zone_goes_into_path_and_query_and_cannot_break_out():
    request = request_of(ROOF, ROWS, "a/b?c&d")

    assert request.path == "/a%2Fb%3Fc%26d"
    assert request.query == {"of": "a/b?c&d", "unit": "g"}


def test_headers_are_sent_and_not_shown():
    request = request_of(replace(ROOF, headers={"Authorization": lambda: "Bearer x"}), ROWS, "roof")

    assert request.headers == {"Authorization": "Bearer x"}
    assert "Bearer" not in repr(request)


def test_a_row_becomes_an_observation():
    (seen,) = values(row(0, 41.5, green=80))

    assert seen == Observation(
        zone="roof",
        starts_at=NOON,
        lasts=QUARTER,
        grams_per_kwh=41.5,
        kind=Kind.MEASURED,
        renewable=RenewableShare(at_least=80.0, at_most=80.0),
    )


def test_without_rows_the_pointers_begin_at_the_document():
    series = JsonSeries(url="http://meter.local/", value="/data/0/i", time="/at")
    document = {"data": [{"i": 7}], "at": "2026-03-01T13:00+01:00"}

    (seen,) = parse_values(replace(ROOF, values=series), document, "roof")

    assert (seen.starts_at, seen.grams_per_kwh) == (NOON, 7.0)


def test_rows_are_put_in_order_and_a_repeated_one_counts_once():
    assert grams(row(1, 20), row(0, 10), row(1, 20)) == [(0, 10.0), (1, 20.0)]


def test_null_and_absent_are_missing_and_never_zero():
    absent = {"from": NOON.isoformat()}

    assert grams(row(0, 10), row(1, None), absent) == [(0, 10.0)]
    assert grams(row(0, None), row(1, None)) == []
    assert grams() == []


@pytest.mark.parametrize(
    ("unit", "expected"),
    [(Unit.G_PER_KWH, 1000.0), (Unit.KG_PER_MWH, 1000.0), (Unit.LBS_CO2_PER_MWH, 453.59237)],
)
def test_units_become_grams_per_kilowatt_hour(unit: Unit, expected: float):
    ((_, value),) = grams(row(0, 1000), settings=replace(ROOF, unit=unit))

    assert value == pytest.approx(expected)


def test_a_time_that_names_the_end_is_brought_back_to_the_start():
    assert grams(row(4, 10), settings=replace(ROOF, stamp=Stamp.END)) == [(3, 10.0)]


@pytest.mark.parametrize("green", [None, "absent"])
def test_a_share_that_is_not_there_is_unknown(green: object):
    (seen,) = values(row(0, 10) if green == "absent" else row(0, 10, green=green))

    assert seen.renewable == UNKNOWN_SHARE


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"data": [row(0, "10")]}, "`/intensity` is str, not a number"),
        ({"data": [row(0, True)]}, "`/intensity` is bool, not a number"),
        ({"data": [{"from": "2026-03-01T12:00:00", "intensity": 1}]}, "says no time zone"),
        ({"data": [{"from": 1772366400, "intensity": 1}]}, "`/from` is int, not a text"),
        ({"data": [{"intensity": 1}]}, "nothing is at /from"),
        ({"data": [{"from": None, "intensity": 1}]}, "`/from` is missing"),
        ({"data": [{"from": NOON.isoformat(), "gco2": 1}]}, "nothing is at /intensity"),
        ({"data": {}}, "/data is not a list"),
        ({"rows": []}, "nothing is at /data"),
        ({"data": [row(0, 1, green=101)]}, "`/green` is 101, not a percentage from 0 to 100"),
        ({"data": [row(0, 1), row(0, 2)]}, "two different values for 2026-03-01T12:00Z"),
        ([], "nothing is at /data"),
        ("nothing here", "nothing is at /data"),
    ],
)
def test_an_answer_that_is_not_as_described_is_refused(document: object, said: str):
    with pytest.raises(FieldError, match=said):
        parse_values(ROOF, document, "roof")


def test_a_forecast_begins_with_the_present_interval():
    document = {"data": [row(-1, 9), row(0, 10), row(1, 20), row(1, 20), row(2, None), row(3, 30)]}

    forecast = parse_forecast(ROOF, document, "roof", NOON + timedelta(minutes=10))

    assert forecast is not None
    assert forecast.issued_at is None
    assert [(point.target_at - NOON) // QUARTER for point in forecast.points] == [0, 1, 3]
    assert [point.grams_per_kwh for point in forecast.points] == [10.0, 20.0, 30.0]


def test_a_forecast_of_the_past_is_none():
    assert parse_forecast(ROOF, {"data": [row(-2, 9)]}, "roof", NOON) is None


def test_a_source_without_forecasts_has_none():
    assert parse_forecast(replace(ROOF, forecast=None), {"data": []}, "roof", NOON) is None
