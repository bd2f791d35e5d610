"""How many requests a day the wanted zones need of a source, and whether that is allowed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil

from carbon_scaler.application.grid_sources import SourceTraits
from carbon_scaler.application.ingest.turns import Rhythm
from carbon_scaler.domain.durations import format_duration

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
RETRIES = 0.05
FORECASTS = tuple(hours * HOUR for hours in (1, 2, 3, 6, 12, 24))
CORRECTIONS = tuple(hours * HOUR for hours in (6, 12, 24))
MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePlan:
    """What is to be asked of one source."""

    traits: SourceTraits
    # Regions by the zone that serves them.
    zones: Mapping[str, Sequence[str]]
    rhythm: Rhythm
    # What the source declares when the mix is not asked for; None: that changes nothing.
    without_mix: SourceTraits | None = None

    @property
    def latest_per_day(self) -> int:
        """Requests for the newest values."""
        return len(self.zones) * ceil(DAY / self.traits.step) * self.traits.calls_per_latest

    @property
    def forecasts_per_day(self) -> int:
        """Requests for forecasts."""
        wanted = self.traits.horizon is not None and self.traits.calls_per_latest > 0
        return len(self.zones) * ceil(DAY / self.rhythm.forecast_every) if wanted else 0

    @property
    def corrections_per_day(self) -> int:
        """Requests for corrections of the last day."""
        times = ceil(DAY / self.rhythm.history_every) if self.traits.history_reach else 0
        return len(self.zones) * times * self.traits.calls_per_history

    @property
    def per_day(self) -> int:
        """All requests of a day, some retries among them."""
        asked = self.latest_per_day + self.forecasts_per_day + self.corrections_per_day
        return ceil(asked * (1 + RETRIES))

    @property
    def busiest_minute(self) -> int:
        """Requests for newest values in a minute, when they are spread as far as is useful."""
        spread = max(self.traits.spread, self.traits.step / 4)
        minutes = max(1.0, spread / timedelta(minutes=1))
        return ceil(len(self.zones) * self.traits.calls_per_latest / minutes)

    def allowed(self, quota: int | None) -> bool:
        """Whether it is within the user's quota and the source's own rate."""
        rate = self.traits.calls_per_minute
        within_rate = rate is None or self.busiest_minute <= rate
        return within_rate and (quota is None or self.per_day <= quota)


def check(plans: Sequence[SourcePlan], quotas: Mapping[str, int]) -> str | None:
    """Why these plans cannot be kept, and for each one that could; None: they can."""
    refusals = [
        _refusal(plan, quotas.get(plan.traits.name))
        for plan in plans
        if not plan.allowed(quotas.get(plan.traits.name))
    ]
    return "; ".join(refusals) or None


def _refusal(plan: SourcePlan, quota: int | None) -> str:
    name, zones = plan.traits.name, _counted(len(plan.zones), "zone")
    if quota is not None and plan.per_day > quota:
        need = (
            f"{name}: {zones} need {plan.per_day} requests a day ({plan.latest_per_day} for newest "
            f"values, {plan.forecasts_per_day} for forecasts, {plan.corrections_per_day} for "
            f"corrections, {RETRIES:.0%} more for retries) and {name.upper()}_QUOTA_PER_DAY "
            f"allows {quota}"
        )
    else:
        need = (
            f"{name}: {zones} need {plan.busiest_minute} requests in a minute and it allows "
            f"{plan.traits.calls_per_minute}"
        )
    return f"{need}; {_way_out(plan, quota)}"


def _way_out(plan: SourcePlan, quota: int | None) -> str:
    cheaper = list(_cheaper(plan))
    fitting = next((each for each in cheaper if each.allowed(quota)), None)
    if fitting is not None:
        settings = " ".join(_settings(plan, fitting))
        return f"this would fit: {settings} ({fitting.per_day} a day)"
    cheapest = cheaper[-1]
    zones = tuple(plan.zones.items())
    for count in range(len(zones) - 1, 0, -1):
        fewer = replace(cheapest, zones=dict(zones[:count]))
        if fewer.allowed(quota):
            settings = " ".join((*_settings(plan, fewer), f"CARBON_SCALER_REGIONS={_names(fewer)}"))
            return f"this would fit: {settings} ({fewer.per_day} a day)"
    least = replace(cheapest, zones=dict(zones[:1]))
    return f"not even one zone fits, which needs {least.per_day} a day"


def _cheaper(plan: SourcePlan) -> Iterator[SourcePlan]:
    """What the user can turn down, what costs least in quality first."""
    has_mix = plan.without_mix is not None
    for traits in (plan.traits, plan.without_mix) if has_mix else (plan.traits,):
        for corrections in _longer(plan.rhythm.history_every, CORRECTIONS):
            for forecasts in _longer(plan.rhythm.forecast_every, FORECASTS):
                rhythm = Rhythm(forecast_every=forecasts, history_every=corrections)
                yield replace(plan, traits=traits or plan.traits, rhythm=rhythm)


def _longer(than: timedelta, choices: Sequence[timedelta]) -> tuple[timedelta, ...]:
    return (than, *(choice for choice in choices if choice > than))


def _settings(plan: SourcePlan, fitting: SourcePlan) -> Iterator[str]:
    before, after = plan.rhythm, fitting.rhythm
    if after.forecast_every != before.forecast_every:
        yield f"CARBON_SCALER_FORECAST_EVERY={format_duration(after.forecast_every)}"
    if after.history_every != before.history_every:
        yield f"CARBON_SCALER_HISTORY_EVERY={format_duration(after.history_every)}"
    if fitting.traits != plan.traits:
        yield "CARBON_SCALER_MIX=false"


def _names(plan: SourcePlan) -> str:
    regions = [region for of_zone in plan.zones.values() for region in of_zone]
    if len(regions) <= MOST_NAMED:
        return ",".join(regions)
    return f"{','.join(regions[:MOST_NAMED])},… ({len(plan.zones)} zones)"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
