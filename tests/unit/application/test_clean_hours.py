"""The clean hours of a region's day, learned from its past by its own clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from carbon_scaler.application.clean_hours import LearnedHours, learned_hours, ranked_hours
from carbon_scaler.application.clean_windows import JobShape
from carbon_scaler.forecasting.hours import HourlyHistory, hour_of, instant_of

HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")
JOB = JobShape(duration=HOUR, energy_kwh=2.0)
# The week in which Berlin's clocks went forward.
SPRING = datetime(2026, 3, 26, tzinfo=UTC)


def clean_at(local_hour: int, days: int, begins: datetime = SPRING) -> HourlyHistory:
    """100 g/kWh in one hour of the local day, 400 in the others."""
    first = hour_of(begins)
    local = [instant_of(first + place).astimezone(BERLIN).hour for place in range(24 * days)]
    return HourlyHistory(
        first=first, grams=np.array([100.0 if hour == local_hour else 400.0 for hour in local])
    )


def learned(past: HourlyHistory, job: JobShape = JOB) -> LearnedHours:
    found = learned_hours("eu-central-1", past, job, BERLIN)
    assert found is not None
    return found


def test_a_clean_hour_of_the_local_day_stays_one_when_clocks_change():
    found = learned(clean_at(13, 6))

    best, *others = ranked_hours(found.hours, limit=24)
    assert (best.local_time, best.grams_per_kwh, best.starts) == ("13:00", 100.0, 6)
    assert {each.grams_per_kwh for each in others} == {400.0}
    assert best.below_mean_percent == 100


def test_the_hour_that_the_change_of_clocks_leaves_out_is_known_one_day_less():
    starts = {each.local_time: each.starts for each in learned(clean_at(13, 6)).hours}

    assert (starts["02:00"], starts["04:00"]) == (5, 6)


def test_a_saving_is_against_the_mean_of_all_starts():
    found = learned(clean_at(13, 2, datetime(2026, 6, 1, tzinfo=UTC)))
    best = ranked_hours(found.hours, limit=1)[0]

    mean = (100 + 23 * 400) / 24
    assert found.mean_grams_per_kwh == pytest.approx(mean)
    assert best.saved_percent == pytest.approx(100 * (mean - 100) / mean)
    assert best.saved_grams == pytest.approx(2 * (mean - 100))


def test_what_counts_is_the_mean_over_the_run_and_not_its_first_hour():
    past = clean_at(13, 4, datetime(2026, 6, 1, tzinfo=UTC))
    found = learned(past, JobShape(duration=1.5 * HOUR, energy_kwh=1.0))
    grams = {each.local_time: each.grams_per_kwh for each in found.hours}

    assert grams["13:00"] == pytest.approx((100 + 0.5 * 400) / 1.5)
    assert grams["12:00"] == pytest.approx((400 + 0.5 * 100) / 1.5)


def test_runs_with_an_unknown_hour_do_not_count():
    past = clean_at(13, 2, datetime(2026, 6, 1, tzinfo=UTC))
    past.grams[11] = np.nan
    starts = {each.local_time: each.starts for each in learned(past).hours}

    assert (starts["13:00"], starts["14:00"]) == (1, 2)


def test_half_hours_of_a_zone_are_told():
    past = HourlyHistory(first=hour_of(SPRING), grams=np.full(24, 50.0))
    found = learned_hours("ap-south-1", past, JOB, ZoneInfo("Asia/Kolkata"))

    assert found is not None
    assert {each.local_time[2:] for each in found.hours} == {":30"}


def test_hours_that_are_not_below_the_limit_are_left_out():
    hours = learned(clean_at(13, 6)).hours

    assert [each.local_time for each in ranked_hours(hours, limit=24, below=400)] == ["13:00"]


def test_of_a_past_shorter_than_the_run_nothing_is_learned():
    past = HourlyHistory(first=0, grams=np.array([1.0]))

    assert learned_hours("r", past, JobShape(duration=2 * HOUR, energy_kwh=1.0), UTC) is None
