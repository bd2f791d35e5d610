from datetime import timedelta

import numpy as np

from carbon_scaler.forecasting.forecast import Forecast
from carbon_scaler.forecasting.hours import HourlyHistory, instant_of
from carbon_scaler.forecasting.provider import ProviderIssue, blended, corrected
from carbon_scaler.forecasting.zone import ZoneForecaster
from tests.unit.forecasting.grids import FIRST, some_grams, some_priors

FADING = 0.5 ** np.arange(1, 49)
NAN = np.nan


def test_a_provider_that_was_too_low_is_raised_and_less_so_further_on():
    path = corrected(np.full(48, 200.0), np.full(6, 40.0), FADING)
    assert path[:3].tolist() == [220.0, 210.0, 205.0]


def test_the_newest_error_counts_most():
    newest, oldest = np.zeros(6), np.zeros(6)
    newest[0], oldest[5] = 40.0, 40.0
    base = np.full(48, 200.0)
    assert corrected(base, newest, FADING)[0] > corrected(base, oldest, FADING)[0] > 200.0


def test_hours_the_provider_said_nothing_of_leave_their_weight_to_the_others():
    errors = np.array([NAN, 40.0, NAN, 40.0])
    assert corrected(np.full(48, 200.0), errors, FADING)[0] == 220.0


def test_without_any_error_the_path_stays():
    path = np.full(48, 200.0)
    assert corrected(path, np.full(6, NAN), FADING) is path
    assert corrected(path, np.empty(0), FADING) is path


def test_beyond_what_fades_nothing_is_corrected():
    path = corrected(np.full(60, 200.0), np.full(6, 40.0), FADING)
    np.testing.assert_array_equal(path[48:], 200.0)


def test_a_correction_never_goes_below_zero():
    assert corrected(np.full(48, 10.0), np.full(6, -100.0), FADING)[0] == 0.0


def test_models_count_by_how_little_they_erred_at_that_horizon():
    paths = {"own": np.full(48, 100.0), "provider": np.full(48, 200.0)}
    squares = {"own": (1.0, 3.0, 1.0), "provider": (1.0, 1.0, 4.0)}
    path = blended(paths, squares)
    assert path[0] == 150.0
    assert path[10] == 175.0
    assert path[30] == 120.0


def test_beyond_the_last_horizon_its_figures_count():
    paths = {"own": np.full(51, 100.0), "provider": np.full(51, 200.0)}
    path = blended(paths, {"own": (1.0, 1.0, 1.0), "provider": (1.0, 1.0, 4.0)})
    assert path[50] == 120.0


def test_what_is_not_scored_counts_less_than_what_is():
    paths = {"own": np.full(48, 100.0), "provider": np.full(48, 200.0)}
    path = blended(paths, {"own": (1.0, None, 1.0)})
    assert path[0] == 120.0
    assert path[10] == 150.0


def test_a_shorter_path_leaves_its_missing_hours_to_the_other():
    short = np.full(48, 200.0)
    short[20:] = NAN
    path = blended({"own": np.full(48, 100.0), "provider": short}, {})
    assert path[19] == 150.0
    assert path[20] == 100.0


def test_where_none_says_anything_nothing_is_said():
    unknown = np.full(48, NAN)
    assert np.isnan(blended({"own": unknown, "provider": unknown}, {})).all()


def test_a_model_without_any_error_takes_the_weight():
    paths = {"own": np.full(48, 100.0), "provider": np.full(48, 200.0)}
    path = blended(paths, {"own": (0.0,) * 3, "provider": (1.0,) * 3})
    np.testing.assert_allclose(path, 100.0)


TRUTH = some_grams(1000)


def issues_of(since: int, until: int, *, ahead: int = 48, factor: float = 1.0):
    """Each six hours the truth times a factor."""
    return [
        ProviderIssue(
            issued=FIRST + hour, first=FIRST + hour, grams=TRUTH[hour : hour + ahead] * factor
        )
        for hour in range(since, until, 6)
    ]


def issued(hours: int, issues: list[ProviderIssue], late: int = 0) -> Forecast:
    forecaster = ZoneForecaster(some_priors())
    forecaster.learn(HourlyHistory(first=FIRST, grams=TRUTH[:hours]))
    now = instant_of(FIRST + hours - 0.5) + timedelta(hours=late)
    forecast = forecaster.issue(now, issues)
    assert forecast is not None
    return forecast


def test_a_provider_that_knows_takes_most_of_the_weight():
    forecast = issued(800, issues_of(300, 800))
    assert forecast.model == "blended"
    np.testing.assert_allclose(forecast.grams[:40], TRUTH[800:840], rtol=1e-3)
    assert forecast.accuracy is not None
    assert forecast.accuracy.model == "blended"
    assert forecast.accuracy.percent < 0.1


def test_a_provider_that_is_far_off_takes_little():
    own, mixed = issued(800, []), issued(800, issues_of(300, 800, factor=5.0))
    assert mixed.model == "blended"
    np.testing.assert_allclose(mixed.grams, own.grams, rtol=0.05)


def test_what_a_provider_issues_later_is_not_known_yet():
    now, foresight = (issued(800, issues_of(300, until)) for until in (800, 900))
    np.testing.assert_array_equal(foresight.grams, now.grams)


def test_where_values_are_late_the_issue_of_now_counts():
    newest = ProviderIssue(issued=FIRST + 801, first=FIRST + 801, grams=np.full(48, 77.0))
    before = issues_of(300, 800)
    known, unknown = issued(800, [*before, newest], late=2), issued(800, [*before, newest])
    assert abs(known.grams[20] - 77.0) < abs(unknown.grams[20] - 77.0)


def test_before_it_is_scored_a_provider_stands_in_for_what_has_no_past():
    young, older = issued(10, issues_of(0, 10)), issued(300, issues_of(294, 300))
    assert young.model == "provider"
    np.testing.assert_allclose(young.grams[:40], TRUTH[10:50])
    assert np.isfinite(young.grams).all()
    assert older.model == "regression"


def test_a_provider_that_ended_is_not_asked():
    assert issued(800, issues_of(300, 700, ahead=24)).model == "regression"
