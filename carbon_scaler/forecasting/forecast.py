"""What is expected of a grid, by which model, and how sure that is."""

from dataclasses import dataclass
from datetime import datetime

from carbon_scaler.forecasting.accuracy import Accuracy
from carbon_scaler.forecasting.hours import HOUR_SECONDS, Column

REGRESSION = "regression"
PROFILE_OFFSET = "profile_offset"
YESTERDAY = "yesterday"
STATIC_AVERAGE = "static_average"
PERSISTENCE = "persistence"
PROVIDER = "provider"
BLENDED = "blended"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedModel:
    """A model that was worse over the last days than what needs no model."""

    accuracy: Accuracy
    better: Accuracy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """Expected grams per kWh of each hour that is not measured yet, ascending."""

    starts: Column  # Unix seconds
    grams: Column
    lower: Column  # eight of ten values come between these two
    upper: Column
    model: str
    issued_at: datetime
    known_until: datetime | None  # the end of the last measured hour; None: nothing was measured
    accuracy: Accuracy | None = None  # of the last days; None: too few to say
    rejected: tuple[RejectedModel, ...] = ()

    def expected_at(self, instant: datetime) -> float | None:
        """The expected grams of the hour that an instant lies in; None beyond the forecast."""
        index = int((instant.timestamp() - self.starts[0]) // HOUR_SECONDS)
        return float(self.grams[index]) if 0 <= index < len(self.grams) else None
