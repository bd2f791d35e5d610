"""What an operator decides once for many triggers."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum


class Strategy(StrEnum):
    """How intensity becomes a verdict."""

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
class Overrides:
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


NOTHING_STATED = Overrides()
SETTING_NAMES = tuple(field.name for field in fields(Overrides))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadClass:
    """A class of work; an urgent one never waits."""

    overrides: Overrides
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All rules of one server, under a version that changes with their content."""

    version: str
    defaults: Overrides
    classes: Mapping[str, WorkloadClass]


DEFAULT_CLASS = "standard"

BUILT_IN_POLICY = Policy(
    version="built-in",
    defaults=Overrides(
        threshold=400.0,
        require_mix=False,
        max_delay=timedelta(minutes=60),
        min_savings_percent=0.0,
        job_duration=timedelta(hours=1),
        strategy=Strategy.THRESHOLD,
        lead=timedelta(seconds=60),
        when_blind=WhenBlind.OPEN,
    ),
    classes={
        "urgent": WorkloadClass(overrides=Overrides(max_delay=timedelta(0)), urgent=True),
        "standard": WorkloadClass(
            overrides=Overrides(
                threshold=400.0, max_delay=timedelta(minutes=60), when_blind=WhenBlind.OPEN
            )
        ),
        "deferrable": WorkloadClass(
            overrides=Overrides(
                threshold=250.0,
                min_renewable_percent=30.0,
                max_delay=timedelta(hours=12),
                when_blind=WhenBlind.CLOSED,
            )
        ),
    },
)
