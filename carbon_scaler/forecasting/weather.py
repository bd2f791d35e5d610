"""Weather forecasts as they were known: of each hour, what the newest issue said of it by then."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.inputs import Hours

# What no place on Earth has seen is a mistake of the source, not weather.
WIND_BOUNDS = (0.0, 120.0)
TEMPERATURE_BOUNDS = (-95.0, 65.0)
RADIATION_BOUNDS = (0.0, 1600.0)

# What weather does to a grid: wind, what turbines make of it, sun, cooling and heating.
DRIVERS = 5
WIND_UNIT = 5.0  # metres per second
RATED_WIND = 12.0  # metres per second at which a turbine gives all it can
SUN_UNIT = 400.0  # watts per square metre
TEMPERATE_CELSIUS = 18.0  # neither heated nor cooled
DEGREES_UNIT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeatherForecast:
    """One forecast of a grid's weather as it was issued, hour by hour; NaN where nothing is said."""

    issued: int  # the hour since 1970 from which on it was known; of earlier ones it says nothing
    first: int  # the hour since 1970 that its first values are of
    wind_metres_per_second: Column
    temperature_celsius: Column
    radiation_watts_per_square_metre: Column  # shortwave, on the ground

    def drivers(self) -> Column:
        """(hours, DRIVERS), each of the order of one; NaN where a value is missing or impossible."""
        wind = _plausible(self.wind_metres_per_second, WIND_BOUNDS)
        warmth = _plausible(self.temperature_celsius, TEMPERATURE_BOUNDS) - TEMPERATE_CELSIUS
        sun = _plausible(self.radiation_watts_per_square_metre, RADIATION_BOUNDS)
        turbines = np.minimum((wind / RATED_WIND) ** 3, 1.0)
        cooling, heating = np.maximum(warmth, 0.0), np.maximum(-warmth, 0.0)
        return np.stack(
            [
                wind / WIND_UNIT,
                turbines,
                sun / SUN_UNIT,
                cooling / DEGREES_UNIT,
                heating / DEGREES_UNIT,
            ],
            -1,
        )

    @property
    def end(self) -> int:
        """The hour after the last one that it speaks of."""
        return self.first + len(self.wind_metres_per_second)

    def same_as(self, other: "WeatherForecast") -> bool:
        """Whether both say the same of the same hours."""
        return self.first == other.first and all(
            np.array_equal(own, its, equal_nan=True)
            for own, its in zip(self.columns(), other.columns(), strict=True)
        )

    def columns(self) -> tuple[Column, Column, Column]:
        """Wind, temperature, radiation."""
        return (
            self.wind_metres_per_second,
            self.temperature_celsius,
            self.radiation_watts_per_square_metre,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weather:
    """All forecasts of one grid's weather, by when they were issued."""

    issues: tuple[WeatherForecast, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.issues)

    def joined(self, newer: Iterable[WeatherForecast]) -> Self:
        """With those too; of two that were issued in one hour the later given counts."""
        by_hour = {issue.issued: issue for issue in (*self.issues, *newer)}
        return type(self)(issues=tuple(by_hour[hour] for hour in sorted(by_hour)))

    def until(self, end: int) -> Self:
        """What of it was known when the hours before `end` were over."""
        return type(self)(issues=tuple(issue for issue in self.issues if issue.issued < end))

    def first_change(self, after: "Weather") -> int | None:
        """From which hour on `after` says something else; None: nowhere."""
        before = {issue.issued: issue for issue in self.issues}
        changed = (
            issue.issued
            for issue in after.issues
            if issue.issued not in before or not issue.same_as(before[issue.issued])
        )
        return min(changed, default=None)

    def said(self, first: int, end: int) -> Column:
        """(hours, DRIVERS) of the hours from `first` to `end`, each as last said before it came."""
        drivers = np.full((end - first, DRIVERS), np.nan)
        for issue in self._of(first, end):
            _write(drivers, first, issue)
        return drivers

    def expected(self, origins: Hours, ahead: int) -> Column:
        """(hours ahead, origins, DRIVERS), as known at each of the ascending hours since 1970."""
        return self._walked(origins, ahead, backwards=False)

    def is_known(self, origins: Hours, ahead: int) -> NDArray[np.bool_]:
        """Whether something was expected of each hour ahead: (origins, hours ahead)."""
        return np.asarray(np.isfinite(self.expected(origins, ahead)).all(-1).T)

    def learnable(self, origins: Hours, ahead: int) -> Column:
        """The same; what was not yet known at an origin, as first said before its hour came."""
        known = self.expected(origins, ahead)
        later = self._walked(origins, ahead, backwards=True)
        return np.where(np.isfinite(known).all(-1, keepdims=True), known, later)

    def _walked(self, origins: Hours, ahead: int, *, backwards: bool) -> Column:
        """By the issues up to each origin, the newest first; backwards: after it, the oldest."""
        first, end = int(origins[0]) + 1, int(origins[-1]) + ahead + 1
        issues = self._of(first, end)
        newest = np.searchsorted([issue.issued for issue in issues], origins, side="right")
        drivers = np.full((end - first, DRIVERS), np.nan)
        expected = np.empty((ahead, len(origins), DRIVERS))
        counts = np.unique(newest)
        order = [len(issues), *counts[::-1]] if backwards else [0, *counts]
        for written, count in pairwise(order):
            passed = range(written - 1, count - 1, -1) if backwards else range(written, count)
            for index in passed:
                _write(drivers, first, issues[index])
            rows = np.flatnonzero(newest == count)
            hours = origins[rows] + np.arange(1, ahead + 1)[:, None]
            expected[:, rows] = drivers[hours - first]
        return expected

    def _of(self, first: int, end: int) -> list[WeatherForecast]:
        return [issue for issue in self.issues if issue.first < end and issue.end > first]


NO_WEATHER = Weather()


def _write(drivers: Column, first: int, issue: WeatherForecast) -> None:
    """What the issue knows, over what is there."""
    begin = max(first, issue.first, issue.issued)
    end = min(first + len(drivers), issue.end)
    if begin >= end:
        return
    said = issue.drivers()[begin - issue.first : end - issue.first]
    part = drivers[begin - first : end - first]
    np.copyto(part, said, where=np.isfinite(said).all(-1, keepdims=True))


def _plausible(values: Column, bounds: tuple[float, float]) -> Column:
    lowest, highest = bounds
    return np.where((values >= lowest) & (values <= highest), values, np.nan)
