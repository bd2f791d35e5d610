"""Windows of a job's length on what is expected, against the same job started now."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from carbon_scaler.application.clean_windows import (
    CleanWindow,
    ExpectedHours,
    JobShape,
    WindowTooLongError,
    clean_windows,
    expected_hours,
    ranked,
)
from carbon_scaler.domain.intensity import Kind
from carbon_scaler.forecasting.forecast import PROFILE_OFFSET, STATIC_AVERAGE, Forecast
from carbon_scaler.forecasting.hours import HOUR_SECONDS, HourlyHistory, hour_of

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
AFTERNOON = datetime(2026, 2, 4, 13, 15, tzinfo=UTC)
FOUR = datetime(2026, 2, 4, 16, tzinfo=UTC)
# Of the older platform's example: 350 now, then from 14:00 on.
EXPECTED = (320.0, 250.0, 120.0, 180.0)


def a_past(*grams: float, until: datetime = AFTERNOON) -> HourlyHistory:
    """The last of the values is that of the hour that `until` lies in."""
    return HourlyHistory(first=hour_of(until) + 1 - len(grams), grams=np.array(grams))


def a_forecast(
    *grams: float, begins: datetime = AFTERNOON + HOUR, model: str = PROFILE_OFFSET
) -> Forecast:
    hours = hour_of(begins) + np.arange(len(grams), dtype=np.float64)
    expected = np.array(grams)
    return Forecast(
        starts=hours * HOUR_SECONDS,
        grams=expected,
        lower=expected - 10,
        upper=expected + 20,
        model=model,
        issued_at=AFTERNOON,
        known_until=None,
    )


def the_example() -> ExpectedHours:
    return expected_hours("eu-central-1", a_past(350.0), a_forecast(*EXPECTED), AFTERNOON)


def found(
    hours: ExpectedHours,
    duration: timedelta,
    *,
    energy_kwh: float = 1.0,
    within: timedelta = 24 * HOUR,
    below: float | None = None,
) -> list[CleanWindow]:
    job = JobShape(duration=duration, energy_kwh=energy_kwh)
    return list(ranked(clean_windows(hours, job, AFTERNOON, within), limit=20, below=below))


@pytest.mark.parametrize(("hours", "grams", "percent"), [(1, 120.0, 65.7), (2, 150.0, 57.1)])
def test_the_best_window_is_the_mean_over_the_whole_run(hours: int, grams: float, percent: float):
    best = found(the_example(), hours * HOUR)[0]

    assert best.starts_at == FOUR
    assert best.ends_at == FOUR + hours * HOUR
    assert best.delay == 165 * MINUTE
    assert best.grams_per_kwh == pytest.approx(grams)
    assert best.below_present_percent == pytest.approx(percent, abs=0.05)


def test_a_saving_is_against_the_same_run_started_now_and_not_against_one_value():
    best = found(the_example(), HOUR, energy_kwh=0.5)[0]

    at_once = (45 * 350 + 15 * 320) / 60
    assert best.saved_grams == pytest.approx((at_once - 120) * 0.5)
    assert best.saved_percent == pytest.approx(100 * (at_once - 120) / at_once)
    assert best.emissions_grams == pytest.approx(60)


def test_starting_now_is_one_of_the_windows_and_saves_nothing():
    (now,) = (each for each in found(the_example(), HOUR) if each.starts_at == AFTERNOON)

    assert (now.saved_grams, now.saved_percent, now.delay) == (0, 0, timedelta(0))


def test_no_window_reaches_beyond_what_is_expected_or_begins_after_the_time_asked_about():
    starts = {each.starts_at for each in found(the_example(), 2 * HOUR)}
    sooner = {each.starts_at for each in found(the_example(), HOUR, within=45 * MINUTE)}

    assert max(starts) == FOUR
    assert sooner == {AFTERNOON, datetime(2026, 2, 4, 14, tzinfo=UTC)}


def test_a_limit_keeps_what_is_below_it():
    windows = found(the_example(), HOUR, below=180.0)

    assert [each.grams_per_kwh for each in windows] == [120.0]


def test_of_equally_clean_windows_the_earliest_is_first():
    hours = expected_hours("r", a_past(100.0), a_forecast(100.0, 100.0, 100.0), AFTERNOON)

    assert found(hours, HOUR)[0].starts_at == AFTERNOON


def test_a_measured_hour_an_expected_one_and_a_yearly_average_are_told_apart():
    measured = {each.starts_at: each.kind for each in found(the_example(), 30 * MINUTE)}
    nothing = expected_hours(
        "r", a_past(), a_forecast(300.0, 300.0, begins=AFTERNOON, model=STATIC_AVERAGE), AFTERNOON
    )

    assert measured[AFTERNOON] is Kind.MEASURED
    assert measured[FOUR] is Kind.FORECAST
    assert (nothing.present_kind, found(nothing, HOUR)[0].kind) == (Kind.STATIC, Kind.STATIC)


def test_where_values_are_late_the_present_hour_is_an_expected_one():
    late = AFTERNOON - 2 * HOUR
    hours = expected_hours(
        "r",
        a_past(900.0, until=late),
        a_forecast(800.0, 350.0, 320.0, begins=late + HOUR),
        AFTERNOON,
    )

    assert hours.present_kind is Kind.FORECAST
    assert hours.grams.tolist() == [350.0, 320.0]


def test_bounds_are_the_means_of_the_hours_bounds():
    best = found(the_example(), 2 * HOUR)[0]

    assert (best.lower, best.upper) == (pytest.approx(140), pytest.approx(170))


def test_a_run_that_nothing_is_expected_for_is_refused_with_what_would_be_right():
    with pytest.raises(WindowTooLongError, match="up to 4h"):
        found(the_example(), 6 * HOUR)
