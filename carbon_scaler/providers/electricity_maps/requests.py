"""What Electricity Maps is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from carbon_scaler.domain.intensity import Factors
from carbon_scaler.providers.answers import Request

INTENSITY_LATEST = "carbon-intensity/latest"
INTENSITY_HISTORY = "carbon-intensity/history"
INTENSITY_PAST = "carbon-intensity/past-range"
INTENSITY_FORECAST = "carbon-intensity/forecast"

# The longest range of hourly values in one answer.
LONGEST_PAST = timedelta(days=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Which of the API's versions is asked, and for which emission factors."""

    version: Literal["v4", "v3"] = "v4"
    factors: Factors = Factors.LIFECYCLE

    @property
    def mix_path(self) -> str:
        """The signal that tells what generates."""
        return "electricity-mix/latest" if self.version == "v4" else "power-breakdown/latest"

    def request(self, path: str, zone: str, query: Mapping[str, str] | None = None) -> Request:
        """Of one zone; without disableCallerLookup it answers for where *we* are."""
        fixed = {"zone": zone, "disableCallerLookup": "true"}
        return Request(path=f"/{self.version}/{path}", query=fixed | dict(query or {}))

    def zones(self) -> Request:
        """What this account may use."""
        return Request(path=f"/{self.version}/zones")

    def latest(self, zone: str) -> Request:
        """The present hour."""
        return self.request(INTENSITY_LATEST, zone, self._factors)

    def history(self, zone: str) -> Request:
        """The last 24 hours."""
        return self.request(INTENSITY_HISTORY, zone, self._factors)

    def past(self, zone: str, start: datetime, end: datetime) -> Request:
        """The hours that begin in [start, end)."""
        span = {"start": _written(start), "end": _written(end)}
        return self.request(INTENSITY_PAST, zone, self._factors | span)

    def mix(self, zone: str) -> Request:
        """What generates in the present hour."""
        query = {"breakdownType": "normal"} if self.version == "v4" else {}
        return self.request(self.mix_path, zone, query)

    def forecast(self, zone: str, horizon_hours: int | None) -> Request:
        """So many hours ahead; None: as many as it likes. It takes no emission factors."""
        query = {} if horizon_hours is None else {"horizonHours": str(horizon_hours)}
        return self.request(INTENSITY_FORECAST, zone, query)

    @property
    def horizons(self) -> tuple[int | None, ...]:
        """What to ask for, the farthest first; v3 knows only its own 24 hours."""
        return (72, None) if self.version == "v4" else (None,)

    @property
    def _factors(self) -> dict[str, str]:
        return {"emissionFactorType": self.factors.value}


def _written(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
