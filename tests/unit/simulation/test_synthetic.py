import numpy as np
import pytest

from carbon_scaler.simulation.synthetic import SEED_GRIDS, StatedGrid, synthetic
from tests.unit.simulation.worlds import HOUR

MIDNIGHT = 1_759_276_800.0  # 2025-10-01T00:00Z
DAYS = 60


@pytest.mark.parametrize("grid", SEED_GRIDS, ids=lambda grid: grid.region)
def test_a_series_keeps_the_stated_average_and_range(grid: StatedGrid):
    for seed in range(5):
        made = synthetic(SEED_GRIDS, begins=MIDNIGHT, days=DAYS, seed=seed)[grid.region]

        grams = made.grams_per_kwh
        assert (len(grams), made.begins, made.step) == (DAYS * 24, MIDNIGHT, HOUR)
        assert grid.least <= grams.min() < grams.max() <= grid.most
        assert grams.mean() == pytest.approx(grid.average, rel=0.06)


def test_the_solar_and_wind_hours_are_the_cleanest_of_a_day():
    made = synthetic(SEED_GRIDS, begins=MIDNIGHT, days=DAYS, seed=3)

    for history in made.values():
        by_hour = history.grams_per_kwh.reshape(DAYS, 24).mean(axis=0)
        assert set(np.argsort(by_hour)[:8]) == {11, 12, 13, 14, 18, 19, 20, 21}


def test_a_seed_gives_one_series_and_another_seed_another():
    one, same, other = (
        synthetic(SEED_GRIDS, begins=MIDNIGHT, days=2, seed=seed)["us-east-1"].grams_per_kwh
        for seed in (1, 1, 2)
    )

    assert (one == same).all()
    assert (one != other).any()


def test_regions_have_weather_of_their_own():
    twins = [StatedGrid(region=name, average=300, least=200, most=400) for name in ("a", "b")]

    made = synthetic(twins, begins=MIDNIGHT, days=2, seed=1)

    assert (made["a"].grams_per_kwh != made["b"].grams_per_kwh).any()
