"""What an operator decides once for many triggers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum

from carbon_scaler.domain.bands import CLASSIFICATION, FIVE_BANDS, Bands
from carbon_scaler.domain.budget import Budget
from carbon_scaler.domain.curves import Curve
from carbon_scaler.domain.residency import Residency
from carbon_scaler.domain.windows import TimeWindow


class Strategy(StrEnum):
    """How intensity becomes a verdict."""

    AUTO = "auto"  # by forecast where there is one, else by threshold
    THRESHOLD = "threshold"
    QUANTILE = "quantile"
    FORECAST = "forecast"
    CURVE = "curve"


class WhenBlind(StrEnum):
    """What to answer without usable data."""

    OPEN = "open"
    CLOSED = "closed"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedSettings:
    """The settings that a trigger, a class and the defaults may state; None states nothing."""

    threshold: float | None = None  # grams per kWh
    min_renewable_percent: float | None = None
    require_mix: bool | None = None
    max_delay: timedelta | None = None
    min_savings_percent: float | None = None
    job_duration: timedelta | None = None
    strategy: Strategy | None = None
    lead: timedelta | None = None
    release: timedelta | None = None
    when_blind: WhenBlind | None = None
    quantile_percent: float | None = None
    quantile_window: timedelta | None = None
    curve: Curve | None = None
    job_energy_kwh: float | None = None
    spread: timedelta | None = None


# A snapshot holds eight days.
SHORTEST_QUANTILE_WINDOW = timedelta(days=1)
LONGEST_QUANTILE_WINDOW = timedelta(days=8)

# All plans on one grid choose the same hours.
DEFAULT_SPREAD = timedelta(minutes=20)
LONGEST_SPREAD = timedelta(minutes=60)

NOTHING_STATED = StatedSettings()
SETTING_NAMES = tuple(field.name for field in fields(StatedSettings))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings in force for one trigger."""

    threshold: float  # grams per kWh
    min_renewable_percent: float | None
    require_mix: bool
    max_delay: timedelta
    min_savings_percent: float
    job_duration: timedelta
    strategy: Strategy
    lead: timedelta
    release: timedelta
    when_blind: WhenBlind
    quantile_percent: float
    quantile_window: timedelta
    curve: Curve | None = None
    job_energy_kwh: float  # of one job, for estimates only
    # Over how long starts are spread that a gate lets go at once; None: where a forecast decides.
    spread: timedelta | None = None

    @property
    def spread_of_plans(self) -> timedelta:
        """Over how long starts are spread where a forecast decides."""
        return DEFAULT_SPREAD if self.spread is None else self.spread


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadClass:
    """A class of work; an urgent one never waits."""

    stated: StatedSettings
    urgent: bool = False
    # Where its work would rather run; the first of equally good ones counts.
    preferred_regions: tuple[str, ...] = ()
    # Where it may run if no preferred one is known to be better.
    fallback_regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What carbon and cost count when regions are compared; together 1."""

    carbon: float = 1.0
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeShift:
    """Whether work is shifted by more than a fixed limit, and the hours to seek or avoid."""

    # Switched off, every strategy is `threshold` and no window counts.
    enabled: bool = True
    windows: tuple[TimeWindow, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All rules of one server, under a version that changes with their content."""

    version: str
    defaults: StatedSettings
    classes: Mapping[str, WorkloadClass]
    # Switched off, every answer is plain demand; residency still holds.
    enabled: bool = True
    bands: Bands = FIVE_BANDS
    classification: Bands = CLASSIFICATION
    time_shift: TimeShift = TimeShift()
    residency: Residency = field(default_factory=Residency)
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    weights: Weights = Weights()


DEFAULT_CLASS = "standard"

BUILT_IN_POLICY = Policy(
    version="built-in",
    defaults=StatedSettings(
        threshold=400.0,
        require_mix=False,
        max_delay=timedelta(minutes=60),
        min_savings_percent=0.0,
        job_duration=timedelta(hours=1),
        strategy=Strategy.AUTO,
        lead=timedelta(seconds=60),
        when_blind=WhenBlind.OPEN,
        quantile_percent=30.0,
        quantile_window=timedelta(days=7),
        job_energy_kwh=0.5,
    ),
    classes={
        "urgent": WorkloadClass(stated=StatedSettings(max_delay=timedelta(0)), urgent=True),
        "standard": WorkloadClass(
            stated=StatedSettings(
                threshold=400.0, max_delay=timedelta(minutes=60), when_blind=WhenBlind.OPEN
            )
        ),
        "deferrable": WorkloadClass(
            stated=StatedSettings(
                threshold=250.0,
                min_renewable_percent=30.0,
                max_delay=timedelta(hours=12),
                when_blind=WhenBlind.CLOSED,
            )
        ),
    },
)
