from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.providers.answers import Answer
from carbon_scaler.providers.fields import FieldError
from carbon_scaler.providers.watttime.answers import (
    IMPUTED,
    parse_access,
    parse_forecast,
    parse_history,
    parse_index,
    parse_latest,
    parse_region,
    parse_token,
    refusal,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP = timedelta(minutes=5)


def _row(index: int, value: object, **more: object) -> dict[str, object]:
    return {"point_time": (NOON + index * STEP).isoformat(), "value": value, **more}


def _answer(*rows: dict[str, object], **meta: object) -> dict[str, Any]:
    stated = {
        "data_point_period_seconds": 300,
        "region": "PJM_DC",
        "signal_type": "co2_moer",
        "units": "lbs_co2_per_mwh",
        "model": {"date": "2026-01-15"},
        "generated_at": NOON.isoformat(),
    }
    return {"data": list(rows), "meta": stated | meta}


def test_pounds_per_megawatt_hour_become_grams_per_kilowatt_hour() -> None:
    (observation,) = parse_latest(_answer(_row(0, 1000)), "PJM_DC", NOON)

    assert observation.grams_per_kwh == pytest.approx(453.59237)
    assert (observation.starts_at, observation.lasts) == (NOON, STEP)
    assert (observation.zone, observation.kind) == ("PJM_DC", Kind.ESTIMATED)
    assert observation.method == "model 2026-01-15"
    assert observation.generated_at == NOON
    assert observation.renewable.known is None


def test_a_percentile_is_refused_where_grams_were_asked_for() -> None:
    with pytest.raises(SourceError, match="percentile, which orders the hours") as refused:
        parse_latest(_answer(_row(0, 96.0), units="percentile"), "PJM_DC", NOON)

    assert refused.value.kind is ErrorKind.UNIT


@pytest.mark.parametrize("units", ["g_per_kwh", "usd_per_mwh", "LBS_CO2_PER_MWH", None])
def test_a_unit_that_is_not_known_is_refused_and_named(units: str | None) -> None:
    with pytest.raises(SourceError, match=str(units)) as refused:
        parse_latest(_answer(_row(0, 96.0), units=units), "PJM_DC", NOON)

    assert refused.value.kind is ErrorKind.UNIT


@pytest.mark.parametrize("region", ["CAISO_NORTH", None])
def test_an_answer_for_another_region_is_refused(region: str | None) -> None:
    with pytest.raises(SourceError, match=f"PJM_DC and answered for {region}") as refused:
        parse_latest(_answer(_row(0, 1000), region=region), "PJM_DC", NOON)

    assert refused.value.kind is ErrorKind.ZONE


def test_a_point_of_the_future_is_no_present() -> None:
    with pytest.raises(SourceError, match="no value for the present") as refused:
        parse_latest(_answer(_row(1, 1000)), "PJM_DC", NOON)

    assert refused.value.kind is ErrorKind.NO_DATA


@pytest.mark.parametrize("value", [None, -1, -0.5])
def test_a_value_that_is_null_or_below_zero_is_missing(value: object) -> None:
    found = parse_history(_answer(_row(0, value), _row(1, 0)), "PJM_DC", NOON, NOON + 9 * STEP)

    assert [(one.starts_at, one.grams_per_kwh) for one in found] == [(NOON + STEP, 0.0)]


@pytest.mark.parametrize("value", ["1000", True, float("nan")])
def test_a_value_that_is_no_number_spoils_the_answer(value: object) -> None:
    with pytest.raises(FieldError, match="`value`"):
        parse_latest(_answer(_row(0, value)), "PJM_DC", NOON)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(FieldError, match="no time zone"):
        parse_latest(_answer({"point_time": "2026-03-01T12:00:00", "value": 1000}), "PJM_DC", NOON)


def test_history_is_half_open_ascending_and_marks_what_was_imputed() -> None:
    rows = (
        _row(2, 3, imputed_data_used=False),
        _row(0, 1, last_updated=NOON.isoformat()),
        _row(1, 2, imputed_data_used=True),
        _row(-1, 9),
    )

    found = parse_history(_answer(*rows, generated_at=None), "PJM_DC", NOON, NOON + 2 * STEP)

    assert [one.starts_at for one in found] == [NOON, NOON + STEP]
    assert [one.remarks for one in found] == [(), (IMPUTED,)]
    assert [one.updated_at for one in found] == [NOON, None]
    assert {one.generated_at for one in found} == {None}


def test_warnings_become_remarks() -> None:
    warnings = [{"type": "LATE_INPUT", "message": "some inputs are late"}]

    (observation,) = parse_latest(_answer(_row(0, 1), warnings=warnings), "PJM_DC", NOON)

    assert observation.remarks == ("LATE_INPUT: some inputs are late",)


def test_another_model_shows_in_the_method() -> None:
    (new,) = parse_latest(_answer(_row(0, 1), model={"date": "2026-02-20"}), "PJM_DC", NOON)
    (unknown,) = parse_latest(_answer(_row(0, 1), model=None), "PJM_DC", NOON)

    assert (new.method, unknown.method) == ("model 2026-02-20", None)


@pytest.mark.parametrize("seconds", [0, -300, 86400])
def test_an_interval_that_cannot_be_is_refused(seconds: int) -> None:
    with pytest.raises(FieldError, match="data_point_period_seconds"):
        parse_latest(_answer(_row(0, 1), data_point_period_seconds=seconds), "PJM_DC", NOON)


def test_a_forecast_says_when_it_was_issued_and_by_which_model() -> None:
    forecast = parse_forecast(_answer(_row(0, 1000), _row(1, 500)), "PJM_DC", NOON)

    assert (forecast.issued_at, forecast.model) == (NOON, "2026-01-15")
    assert [point.target_at for point in forecast.points] == [NOON, NOON + STEP]
    assert forecast.points[1].grams_per_kwh == pytest.approx(226.796185)


def test_a_forecast_without_points_is_no_data() -> None:
    with pytest.raises(SourceError) as refused:
        parse_forecast(_answer(), "PJM_DC", NOON)

    assert refused.value.kind is ErrorKind.NO_DATA


def test_a_signal_index_is_a_percentile_and_nothing_else() -> None:
    found = parse_index(_answer(_row(0, 96.0), units="percentile"), "PJM_DC")

    assert (found.percent, found.at, found.zone) == (96.0, NOON, "PJM_DC")
    assert not hasattr(found, "grams_per_kwh")


def test_a_signal_index_in_pounds_is_refused() -> None:
    with pytest.raises(SourceError) as refused:
        parse_index(_answer(_row(0, 96.0)), "PJM_DC")

    assert refused.value.kind is ErrorKind.UNIT


@pytest.mark.parametrize("value", [None, -1, 101])
def test_a_percentile_out_of_bounds_is_no_data(value: object) -> None:
    with pytest.raises(SourceError) as refused:
        parse_index(_answer(_row(0, value), units="percentile"), "PJM_DC")

    assert refused.value.kind is ErrorKind.NO_DATA


def test_access_counts_only_regions_with_forecasts_of_our_signal() -> None:
    def region(name: str, *endpoints: str) -> dict[str, object]:
        return {"region": name, "endpoints": [{"endpoint": one} for one in endpoints]}

    signals = [
        {
            "signal_type": "co2_moer",
            "regions": [region("A", "v3/forecast"), region("B", "v3/signal-index")],
        },
        {"signal_type": "health_damage", "regions": [region("C", "v3/forecast")]},
    ]

    assert parse_access({"signal_types": signals}) == {"A"}


def test_a_login_without_a_token_and_a_place_without_a_region_are_refused() -> None:
    assert parse_token({"token": "t"}) == "t"
    assert parse_region({"region": "PJM_DC"}) == "PJM_DC"
    with pytest.raises(FieldError, match="`token` is missing"):
        parse_token({"token": ""})
    with pytest.raises(FieldError, match="`region` is missing"):
        parse_region({})


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (401, '{"error": "expired"}', ErrorKind.KEY),
        (403, "<html>403 Forbidden</html>", ErrorKind.KEY),
        (403, '{"error": "Invalid scope"}', ErrorKind.PLAN),
        (404, '{"error": "No coverage available"}', ErrorKind.ZONE),
        (400, '{"error": "Invalid region"}', ErrorKind.ZONE),
    ],
)
def test_a_refusal_means_what_its_status_and_shape_say(
    status: int, text: str, kind: ErrorKind
) -> None:
    found = refusal(Answer(status=status, text=text, content_type=""))

    assert found is not None
    assert found[0] is kind


def test_other_statuses_are_left_to_the_transport() -> None:
    assert refusal(Answer(status=500, text="", content_type="")) is None
