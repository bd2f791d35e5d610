"""Invented series of a demonstration's regions: a daily shape, weather by chance, a stated mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.simulation.history import History

DAY_HOURS = 24
# Hours of the day in UTC, half-open, and how deep the intensity dips in them.
SOLAR_PEAK, SOLAR_DIP = (11, 15), 0.7
WIND_PEAK, WIND_DIP = (18, 22), 0.55
# Together with the dips below one, so that no value has to be cut off at the range.
DAY_WEATHER, HOUR_WEATHER = 0.3, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedGrid:
    """What is said of a region's grid, in g/kWh."""

    region: str
    average: float
    least: float
    most: float

    @property
    def swing(self) -> float:
        """How far values may be from the average on both sides."""
        return min(self.average - self.least, self.most - self.average)


SEED_GRIDS = (
    StatedGrid(region="us-east-1", average=450.0, least=350.0, most=550.0),
    StatedGrid(region="us-west-2", average=280.0, least=180.0, most=380.0),
    StatedGrid(region="eu-central-1", average=320.0, least=200.0, most=450.0),
)


def synthetic(
    grids: Sequence[StatedGrid], *, begins: float, days: int, seed: int
) -> dict[str, History]:
    """Hourly series from `begins`, a midnight in Unix seconds; each region has its own weather."""
    shape = np.tile(_daily_shape(), days)
    made = {}
    for number, grid in enumerate(grids):
        random = np.random.default_rng([seed, 2, number])
        by_day = np.repeat(random.uniform(-DAY_WEATHER, DAY_WEATHER, days), DAY_HOURS)
        by_hour = random.uniform(-HOUR_WEATHER, HOUR_WEATHER, days * DAY_HOURS)
        made[grid.region] = History(
            region=grid.region,
            begins=begins,
            step=HOUR_SECONDS,
            grams_per_kwh=grid.average + grid.swing * (shape + by_day + by_hour),
            basis=Basis(),
        )
    return made


def _daily_shape() -> Column:
    """Around nothing, so that the average is the stated one."""
    shape = np.zeros(DAY_HOURS)
    shape[slice(*SOLAR_PEAK)] -= SOLAR_DIP
    shape[slice(*WIND_PEAK)] -= WIND_DIP
    centred: Column = shape - shape.mean()
    return centred
