from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Kind, RenewableShare
from carbon_scaler.providers.answers import Answer
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.neso.answers import (
    parse_actual,
    parse_forecast,
    parse_mixes,
    parse_regional,
    refusal,
)
from carbon_scaler.providers.neso.mix import parse_mix, renewable_share
from carbon_scaler.providers.neso.requests import forecast_request, range_request

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=30)
DAY = timedelta(days=1)


def _row(index: int, **intensity: object) -> dict[str, Any]:
    start = NOON + index * STEP
    return {
        "from": start.strftime("%Y-%m-%dT%H:%MZ"),
        "to": (start + STEP).strftime("%Y-%m-%dT%H:%MZ"),
        "intensity": {"index": "moderate", **intensity},
    }


def _actuals(*rows: dict[str, Any]) -> list[tuple[datetime, float]]:
    found = parse_actual({"data": list(rows)}, NOON - DAY, NOON + DAY, {})
    return [(one.starts_at, one.grams_per_kwh) for one in found]


def test_an_actual_value_is_measured() -> None:
    (found,) = parse_actual(
        {"data": [_row(0, forecast=266, actual=263)]}, NOON, NOON + DAY, {NOON: {"wind": 40.0}}
    )

    assert (found.zone, found.kind, found.method) == ("GB", Kind.MEASURED, "actual")
    assert (found.starts_at, found.lasts, found.grams_per_kwh) == (NOON, STEP, 263)
    assert found.mix == {"wind": 40.0}


@pytest.mark.parametrize("actual", [None, -1])
def test_an_actual_that_is_null_or_below_zero_is_missing_and_the_forecast_is_no_stand_in(
    actual: object,
) -> None:
    rows = [_row(0, forecast=266, actual=263), _row(1, forecast=266, actual=actual)]

    assert _actuals(*rows) == [(NOON, 263)]


def test_zero_is_a_value() -> None:
    assert _actuals(_row(0, actual=0)) == [(NOON, 0)]


def test_rows_come_ascending_and_once_and_the_last_word_counts() -> None:
    rows = [_row(1, actual=2), _row(0, actual=1), _row(1, actual=20)]

    assert _actuals(*rows) == [(NOON, 1), (NOON + STEP, 20)]


def test_the_range_is_half_open() -> None:
    rows = [_row(index, actual=index) for index in range(-1, 3)]

    found = parse_actual({"data": rows}, NOON, NOON + 2 * STEP, {})

    assert [one.starts_at for one in found] == [NOON, NOON + STEP]


@pytest.mark.parametrize("actual", ["263", True, float("nan")])
def test_a_value_that_is_no_number_spoils_the_answer(actual: object) -> None:
    with pytest.raises(FieldError, match="`actual`"):
        _actuals(_row(0, actual=actual))


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(FieldError, match="no time zone"):
        _actuals({**_row(0, actual=1), "from": "2026-03-01T12:00"})


def test_an_interval_that_is_no_half_hour_is_refused() -> None:
    with pytest.raises(FieldError, match="2026-03-01T12:00Z is no half hour"):
        _actuals({**_row(0, actual=1), "to": "2026-03-01T13:00Z"})


@pytest.mark.parametrize("document", [{}, {"data": []}, {"data": {}}, {"error": {"code": "x"}}])
@pytest.mark.parametrize("zone", ["GB", "13"])
def test_an_empty_answer_is_no_data(document: dict[str, Any], zone: str) -> None:
    with pytest.raises(SourceError) as refused:
        parse_forecast(document, zone, NOON)

    assert refused.value.kind is ErrorKind.NO_DATA


def test_a_region_comes_as_an_object_or_as_a_list_of_one() -> None:
    mix = [{"fuel": "wind", "perc": 60}, {"fuel": "imports", "perc": 40}]
    region = {"regionid": 13, "data": [{**_row(0, forecast=90), "generationmix": mix}]}

    as_object = parse_regional({"data": region}, "13", NOON, NOON + STEP)
    as_list = parse_regional({"data": [region]}, "13", NOON, NOON + STEP)

    assert as_object == as_list
    (found,) = as_object
    assert (found.zone, found.kind, found.method) == ("13", Kind.ESTIMATED, "forecast")
    assert found.mix == {"wind": 60.0, "other": 40.0}


@pytest.mark.parametrize("regionid", [12, None])
def test_another_region_is_refused(regionid: int | None) -> None:
    document = {"data": {"regionid": regionid, "data": [_row(0, forecast=90)]}}

    with pytest.raises(SourceError, match=f"13 and answered for {regionid}") as refused:
        parse_regional(document, "13", NOON, NOON + STEP)

    assert refused.value.kind is ErrorKind.ZONE


def test_a_forecast_begins_with_the_present_half_hour_and_has_no_issue_time() -> None:
    rows = [_row(index, forecast=100 + index, actual=None) for index in range(-2, 3)]

    forecast = parse_forecast({"data": rows}, "GB", NOON + STEP / 2)

    assert [point.grams_per_kwh for point in forecast.points] == [100, 101, 102]
    assert (forecast.issued_at, forecast.model) == (None, None)


def test_a_null_in_a_forecast_stays_a_gap() -> None:
    rows = [_row(0, forecast=1), _row(1, forecast=None), _row(2, forecast=3)]

    first, third = parse_forecast({"data": rows}, "GB", NOON).points

    assert (first.lasts, third.target_at) == (STEP, NOON + 2 * STEP)


def test_a_forecast_of_the_past_alone_is_no_data() -> None:
    with pytest.raises(SourceError) as refused:
        parse_forecast({"data": [_row(-3, forecast=1)]}, "GB", NOON)

    assert refused.value.kind is ErrorKind.NO_DATA


@pytest.mark.parametrize(("day", "slots"), [("2026-03-29", 46), ("2026-10-25", 50)])
def test_a_local_day_of_another_length_is_plain_utc(day: str, slots: int) -> None:
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(
        hours=1 if slots == 50 else 0
    )
    offset = (midnight - NOON) // STEP
    rows = [_row(offset + index, actual=100 + index) for index in range(slots)]

    found = parse_actual({"data": rows}, midnight, midnight + slots * STEP, {})

    assert [one.starts_at for one in found] == [midnight + i * STEP for i in range(slots)]


def test_mixes_are_found_by_their_half_hour() -> None:
    row = {**_row(0), "generationmix": [{"fuel": "gas", "perc": 100}]}

    assert parse_mixes({"data": [row, _row(1)]}) == {NOON: {"gas": 100.0}}


def test_imports_and_what_has_no_kind_of_its_own_are_other() -> None:
    parts = [("imports", 10), ("other", 1.5), ("tidal", 0.5), ("biomass", 5), ("coal", None)]
    row = {"generationmix": [{"fuel": fuel, "perc": percent} for fuel, percent in parts]}

    assert parse_mix(row) == {"other": 12.0, "biomass": 5.0}


@pytest.mark.parametrize("percent", [-1, 101, "5"])
def test_a_mix_that_cannot_be_is_no_mix(percent: object) -> None:
    assert parse_mix({"generationmix": [{"fuel": "gas", "perc": percent}]}) is None


def test_the_renewable_share_counts_biomass_and_no_imports() -> None:
    mix = {"solar": 10.0, "wind": 20.0, "hydro": 2.0, "biomass": 5.0, "other": 13.0, "gas": 50.0}

    assert renewable_share(mix).known == 37.0


def test_a_part_that_is_not_known_leaves_bounds() -> None:
    mix = {"wind": 20.0, "hydro": 2.0, "biomass": 5.0, "gas": 50.0}

    assert renewable_share(mix) == RenewableShare(at_least=27.0, at_most=50.0)
    assert renewable_share(None) == UNKNOWN_SHARE


def test_addresses_are_rounded_to_the_half_hour() -> None:
    late = NOON + timedelta(minutes=29, seconds=59)

    assert forecast_request("GB", late).path == "/intensity/2026-03-01T12:00Z/fw48h"
    assert (
        range_request("13", late, late + DAY).path
        == "/regional/intensity/2026-03-01T12:00Z/2026-03-02T12:30Z/regionid/13"
    )


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (400, "{}", ErrorKind.ZONE),
        (403, "{}", ErrorKind.PLAN),
        (403, "<html>blocked</html>", ErrorKind.SERVER),
        (500, "{}", None),
    ],
)
def test_a_refusal_means_what_its_status_and_shape_say(
    status: int, text: str, kind: ErrorKind | None
) -> None:
    found = refusal(Answer(status=status, text=text, content_type=""))

    assert (found and found[0]) == kind
