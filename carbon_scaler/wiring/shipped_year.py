"""The replayed year that is shipped, as the past of its regions."""

from collections.abc import Iterable
from datetime import UTC, datetime

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.providers.replay.file import shipped_year
from carbon_scaler.simulation.history import History

BEGINS = datetime(2022, 1, 1, tzinfo=UTC).timestamp()
ZONES = {
    "us-east-1": "US-MIDA-PJM",
    "us-west-1": "US-CAL-CISO",
    "eu-central-1": "DE",
    "eu-west-1": "IE",
    "eu-west-2": "GB",
    "eu-south-2": "ES",
}
# A replayed year has a leap day, which 2022 has not.
_LEAP_DAY = slice(59 * 24, 60 * 24)


def shipped_histories(regions: Iterable[str]) -> dict[str, History]:
    """2022 hour by hour, up to the first hour that is missing."""
    year = shipped_year().regions
    return {
        region: History(
            region=region,
            begins=BEGINS,
            step=HOUR_SECONDS,
            grams_per_kwh=_hours(year[region].grams_per_kwh),
            basis=Basis(),
        )
        for region in regions
    }


def _hours(values: Iterable[float]) -> Column:
    hours = np.delete(np.fromiter(values, np.float64), _LEAP_DAY)
    missing = np.flatnonzero(np.isnan(hours))
    return hours[: missing[0]] if len(missing) else hours
