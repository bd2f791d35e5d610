"""Jobs drawn by chance: a mix of urgent, standard and deferrable work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs, Places

# Share of the jobs and slack in seconds, by class.
CLASSES = {"urgent": (0.1, 0.0), "standard": (0.4, 3600.0), "deferrable": (0.5, 43_200.0)}
DURATIONS = (3600.0, 7200.0, 14_400.0)
LEAST_KWH, MOST_KWH = 0.1, 0.5
MINUTE = 60.0
LONGEST = max(slack for _, slack in CLASSES.values()) + max(DURATIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How many jobs a month, and how many of them may only run in some of the regions."""

    per_month: int
    seed: int
    bound_regions: frozenset[str] = frozenset()
    bound_share: float = 0.0


def draw(mix: Mix, histories: Mapping[str, History]) -> Jobs:
    """Arrivals on whole minutes, evenly in each month, none that might run past the histories.

    A month that they cover in part has its share of the jobs. Empty: they are too short.
    """
    begins = max(history.begins for history in histories.values())
    ends = min(history.ends for history in histories.values())
    random = np.random.default_rng(mix.seed)
    months = _months(begins, ends)
    arrivals = [_arrivals(random, mix.per_month, month, (begins, ends)) for month in months]
    submitted = np.concatenate([np.empty(0), *arrivals])
    count = len(submitted)
    class_of = random.choice(len(CLASSES), count, p=[share for share, _ in CLASSES.values()])
    choices, choice_of = _choices(random, count, tuple(histories), mix)
    return Jobs(
        ids=tuple(f"mix-{number:07d}" for number in range(1, count + 1)),
        submitted=submitted,
        duration=random.choice(np.array(DURATIONS), count),
        energy_kwh=random.uniform(LEAST_KWH, MOST_KWH, count),
        slack=np.array([slack for _, slack in CLASSES.values()])[class_of],
        classes=tuple(CLASSES),
        class_of=class_of,
        choices=choices,
        choice_of=choice_of,
    )


Span = tuple[float, float]


def _months(begins: float, ends: float) -> list[Span]:
    first = datetime.fromtimestamp(begins, UTC)
    turns = [datetime(first.year, first.month, 1, tzinfo=UTC)]
    while turns[-1].timestamp() < ends:
        year, month = turns[-1].year, turns[-1].month
        turns.append(datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC))
    instants = [turn.timestamp() for turn in turns]
    return list(pairwise(instants))


def _arrivals(random: np.random.Generator, per_month: int, month: Span, covered: Span) -> Column:
    begins, ends = max(month[0], covered[0]), min(month[1], covered[1])
    count = round(per_month * (ends - begins) / (month[1] - month[0]))
    first = int(np.ceil(begins / MINUTE))
    last = int(np.floor(min(ends, covered[1] - LONGEST) / MINUTE))
    if first >= last:
        return np.empty(0)
    return np.sort(random.integers(first, last, count)).astype(np.float64) * MINUTE


def _choices(
    random: np.random.Generator, count: int, regions: Sequence[str], mix: Mix
) -> tuple[tuple[tuple[str, ...], ...], Places]:
    """Each lives in one region, evenly, and may run in all; those that are bound in theirs."""
    bound = tuple(region for region in regions if region in mix.bound_regions)
    choices = (*each_first(regions), *each_first(bound))
    free = random.integers(0, len(regions), count)
    if not bound:
        return choices, free
    is_bound = random.random(count) < mix.bound_share
    lives = len(regions) + random.integers(0, len(bound), count)
    return choices, np.where(is_bound, lives, free)


def each_first(regions: Sequence[str]) -> list[tuple[str, ...]]:
    """All regions as often as there are some, each first once."""
    return [(home, *(other for other in regions if other != home)) for home in regions]
