import numpy as np
import pytest

from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.forecasting.forecast import BLENDED, PROVIDER, Forecast
from carbon_scaler.forecasting.hindcast import hindcast
from carbon_scaler.forecasting.hours import Column, HourlyHistory, instant_of
from carbon_scaler.forecasting.provider import ProviderIssue, ProviderIssues
from carbon_scaler.forecasting.zone import ZoneForecaster
from tests.unit.forecasting.grids import FIRST, some_grams

Issued = list[ProviderIssue]
GRAMS = some_grams(900)


def some_issues(every: int, reach: int) -> Issued:
    """Of what came, a little wrong; nothing is issued in the first hours."""
    random = np.random.default_rng(5)
    came = np.concatenate([GRAMS, some_grams(900 + reach)[900:]])
    return [
        ProviderIssue(
            issued=FIRST + hour,
            first=FIRST + hour,
            grams=came[hour : hour + reach] * random.uniform(0.9, 1.1, reach),
        )
        for hour in range(4, len(GRAMS), every)
    ]


def issued(issues: Issued, grams: Column, late: int, ahead: int) -> Forecast:
    forecaster = ZoneForecaster(load_priors().up_to(ahead))
    forecaster.learn(HourlyHistory(first=FIRST, grams=grams))
    forecast = forecaster.issue(instant_of(FIRST + len(grams) - 1 + late), issues)
    assert forecast is not None
    return forecast


@pytest.mark.parametrize("late", [0, 2])
@pytest.mark.parametrize(("every", "reach", "ahead"), [(24, 60, 24), (6, 12, 24), (24, 72, 51)])
def test_each_row_is_what_was_issued_at_its_hour_with_a_provider(
    every: int, reach: int, ahead: int, late: int
):
    issues = some_issues(every, reach)
    known = ProviderIssues(issues=issues, late=late)
    history = HourlyHistory(first=FIRST, grams=GRAMS)
    rows = hindcast(history, load_priors().up_to(ahead), provider=known).paths

    models = set()
    for hour in (3, 20, 47, 60, 130, 195, 300, 500, 899):
        live = issued(issues, GRAMS[: hour + 1], late, ahead)
        models.add(live.model)
        np.testing.assert_allclose(rows[hour], live.grams, rtol=1e-9)
    assert {PROVIDER, BLENDED} <= models
