"""What every source's forecast has to be before it counts as one."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter

from carbon_scaler.domain.observation import ForecastPoint
from carbon_scaler.providers.fields import FieldError

# So many equal values at the end are one value repeated for want of a forecast.
SHORTEST_PADDING = 6

Value = tuple[datetime, float]


def tidied(points: Iterable[ForecastPoint]) -> tuple[ForecastPoint, ...]:
    """Ascending, each interval once, without a padded tail; FieldError if two points disagree."""
    by_start: dict[datetime, ForecastPoint] = {}
    for point in points:
        if by_start.setdefault(point.target_at, point) != point:
            raise FieldError(f"two different forecasts for {point.target_at:%Y-%m-%dT%H:%MZ}")
    return _without_padding(sorted(by_start.values(), key=attrgetter("target_at")))


def forecast_points(
    values: Iterable[Value], *, now: datetime, step: timedelta
) -> tuple[ForecastPoint, ...]:
    """The same of bare values, from the interval that holds `now` on; the last word counts.

    A point lasts until the next one and no longer than `step`, so that a gap stays a gap. A value
    below zero is nobody's forecast and is left out.
    """
    wanted = {at: value for at, value in values if value >= 0 and at + step > now}
    points = _without_padding(list(_lasting(sorted(wanted.items()), step)))
    return tuple(point for point in points if point.target_at + point.lasts > now)


def _lasting(values: Sequence[Value], step: timedelta) -> Iterable[ForecastPoint]:
    lengths = [min(later - at, step) for (at, _), (later, _) in pairwise(values)]
    lengths.append(lengths[-1] if lengths else step)
    for (at, value), lasts in zip(values, lengths, strict=False):
        yield ForecastPoint(target_at=at, lasts=lasts, grams_per_kwh=value)


def _without_padding(points: Sequence[ForecastPoint]) -> tuple[ForecastPoint, ...]:
    """Up to the first of the equal values at the end.

    What is flat all over has no tail and is taken as it is: some grids are.
    """
    equal = 0
    for point in reversed(points):
        if point.grams_per_kwh != points[-1].grams_per_kwh:
            break
        equal += 1
    padded = SHORTEST_PADDING <= equal < len(points)
    return tuple(points[: len(points) - equal + 1] if padded else points)
