"""How much of a ceiling may run at which intensity."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

CURVE_FORMS = (
    "two to twenty points GRAMS:LEVEL with rising grams (0 to 10000) and levels from 1 down to 0, "
    "like 150:1,300:0.5,400:0"
)
FEWEST_POINTS, MOST_POINTS = 2, 20
MOST_GRAMS = 10_000.0

_POINT = re.compile(r"\s*(\d{1,5}(?:\.\d{1,10})?)\s*:\s*(\d(?:\.\d{1,10})?)\s*", re.ASCII)

Point = tuple[float, float]  # grams per kWh, level from 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Straight lines between points whose levels never rise with the intensity."""

    points: tuple[Point, ...]

    def __str__(self) -> str:
        return ",".join(f"{grams:g}:{level:g}" for grams, level in self.points)

    def level_at(self, grams_per_kwh: float) -> float:
        """The level at an intensity; beyond the ends, theirs."""
        first, last = self.points[0], self.points[-1]
        if grams_per_kwh <= first[0]:
            return first[1]
        for (left, high), (right, low) in pairwise(self.points):
            if grams_per_kwh <= right:
                level = high + (low - high) * (grams_per_kwh - left) / (right - left)
                # Rounding must not let a dirtier value count for more.
                return max(low, level)
        # Not a number is not clean.
        return last[1] if grams_per_kwh > last[0] else 0.0

    @property
    def nothing_from(self) -> float | None:
        """From which intensity on nothing may run, in g/kWh; None: something always may."""
        return next((grams for grams, level in self.points if level == 0), None)


def curve_up_to(threshold: float) -> Curve:
    """For who states no curve: all up to half of the limit, nothing from the limit on."""
    return Curve(points=((threshold / 2, 1.0), (threshold, 0.0)))


def parse_curve(text: str) -> Curve | None:
    """A curve as people write it; None: it is none."""
    points = []
    for part in text.split(",", MOST_POINTS):
        found = _POINT.fullmatch(part)
        if found is None:
            return None
        points.append((float(found[1]), float(found[2])))
    return curve_through(points)


def curve_through(points: Sequence[Point]) -> Curve | None:
    """The curve through these points; None: they make none."""
    rising = all(left[0] < right[0] and left[1] >= right[1] for left, right in pairwise(points))
    bounded = all(0 <= grams <= MOST_GRAMS and 0 <= level <= 1 for grams, level in points)
    if not (FEWEST_POINTS <= len(points) <= MOST_POINTS and rising and bounded):
        return None
    return Curve(points=tuple(points))
