"""Does waiting pay? Starting now against every later start, on an expected path.

Each row is a question of its own: a path, a job that lasts so long, an instant. All instants are
seconds from the beginning of the row's path. What a run costs in the mean is a straight line
between the instants at which its begin or its end meets an hour: the knots.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.snapshot import HOUR_SECONDS

Flags = NDArray[np.bool_]

# Costs that differ by less were reached by different sums.
ROUNDING = 1e-9
DAY_HOURS = 24
NEVER = np.inf
A_MOMENT = 1e-6  # seconds; instants are told no more exactly


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Costs:
    """What a run costs in the mean, in g/kWh, by when it starts; a row per question."""

    durations: Column  # (rows, 1), seconds
    knots: Column  # (rows, knots), ascending
    grams: Column  # at each knot; not a number where it is not known
    _grid: "_Grid"

    @classmethod
    def of(cls, paths: Column, durations: Column) -> "Costs":
        """`paths`: a row of g/kWh hour by hour; `durations` in seconds."""
        hours = paths.shape[1]
        longest = int(np.ceil(durations.max(initial=0.0) / HOUR_SECONDS))
        grid = _Grid.of(_prolonged(paths, longest))
        lasting = durations[:, None]
        knots = _knots(lasting, hours)
        return cls(durations=lasting, knots=knots, grams=grid.mean(knots, lasting), _grid=grid)

    def at(self, instants: Column) -> Column:
        """The cost of a start at one instant of each row."""
        if len(instants) == 1:
            return self._at_one(float(instants[0]))
        last = self.knots.shape[1] - 1
        after = (self.knots <= instants[:, None]).sum(axis=1)
        if after.min(initial=last) == 0 or after.max(initial=0) > last:
            # Beyond the knots there is no line to read it off.
            found: Column = self._grid.mean(instants[:, None], self.durations)[:, 0]
            return found
        rows = np.arange(len(instants))
        begins, grams = self.knots[rows, after - 1], self.grams[rows, after - 1]
        over = instants - begins
        part = over / (self.knots[rows, after] - begins)
        read: Column = np.where(over > 0, grams + part * (self.grams[rows, after] - grams), grams)
        return read

    def _at_one(self, instant: float) -> Column:
        """The same of a single row, which most triggers ask for."""
        knots, grams = self.knots[0], self.grams[0]
        after = int(knots.searchsorted(instant, side="right"))
        if not 0 < after < len(knots):
            read: Column = self._grid.mean(np.array([[instant]]), self.durations)[0]
            return read
        begins, height = float(knots[after - 1]), float(grams[after - 1])
        if instant > begins:
            part = (instant - begins) / (float(knots[after]) - begins)
            height += part * (float(grams[after]) - height)
        return np.array([height])


def bar_of(grams: Column, min_savings_percent: float) -> Column:
    """What a later start must cost less than to be worth waiting for; `grams` is a start now."""
    bar: Column = grams * (1 - min_savings_percent / 100) - ROUNDING * grams
    return bar


def knots_before(instants: Column, durations: Column) -> Column:
    """When a run's begin or end last met an hour, in Unix seconds: its cost is a line since then."""
    ends = np.floor((instants + durations) / HOUR_SECONDS) * HOUR_SECONDS - durations
    knots: Column = np.maximum(np.floor(instants / HOUR_SECONDS) * HOUR_SECONDS, ends)
    return knots


def pays_from(costs: Costs, begun: Column, bar: Column, *, barred: Flags | None = None) -> Column:
    """From when on waiting pays: who may start later than this waits, who may not starts now.

    The first instant at which a later start costs less than the bar; NEVER where none does, or
    where nobody can tell. In an hour that is `barred` (rows, hours) nothing starts.
    """
    coming = costs.knots > begun[:, None]
    below = coming & (costs.grams < bar[:, None])
    inside, at_knot = below, below
    if barred is not None:
        inside = below & ~_barred_at(barred, np.nextafter(costs.knots, -np.inf))
        at_knot = below & ~_barred_at(barred, costs.knots)
    found = inside | at_knot
    if not found.any():
        return np.full(len(begun), NEVER)
    first = found.argmax(axis=1)
    rows = np.arange(len(begun))
    instants = costs.knots[rows, first]
    crossing = _crossing(costs, begun, bar, first)
    # A start at the very instant at which the cost falls below would do.
    instants = np.where(inside[rows, first], crossing, np.nextafter(instants, -np.inf))
    return np.where(found.any(axis=1), instants, NEVER)


def least_until(
    costs: Costs, begun: Column, latest: Column, *, barred: Flags | None = None
) -> tuple[Column, Column]:
    """The best start after now and up to the latest: its cost (NaN: none known) and its instant."""
    instants = np.concatenate([costs.knots, latest[:, None]], axis=1)
    grams = np.concatenate([costs.grams, costs.at(latest)[:, None]], axis=1)
    possible = (instants > begun[:, None]) & (instants <= latest[:, None])
    if barred is not None:
        possible &= ~_barred_at(barred, instants)
    grams = np.where(possible & np.isfinite(grams), grams, np.inf)
    # Of equally good starts the earliest.
    instants = np.where(np.isfinite(grams), instants, np.inf)
    least = grams.min(axis=1)
    nearly = grams <= (least * (1 + ROUNDING))[:, None]
    best = np.where(nearly, instants, np.inf).min(axis=1)
    return np.where(np.isfinite(least), least, np.nan), best


def turns_at(
    costs: Costs,
    begun: Column,
    latest: Column,
    *,
    min_savings_percent: float,
    barred: Flags | None = None,
) -> Column:
    """When the answer for a start that may wait until `latest` may be another one.

    At the next knot; or before, where the cost of starting at once has come to that of the best
    later start, less the minimum saving.
    """
    least, _ = least_until(costs, begun, latest, barred=barred)
    return meets_at(costs, begun, least, min_savings_percent=min_savings_percent)


def meets_at(costs: Costs, begun: Column, least: Column, *, min_savings_percent: float) -> Column:
    """The next knot; or before, when a start at once costs what `least` does and saves so much."""
    rows = np.arange(len(begun))
    place = (costs.knots <= begun[:, None]).sum(axis=1)
    known = place < costs.knots.shape[1]
    place = np.minimum(place, costs.knots.shape[1] - 1)
    knot = np.where(known, costs.knots[rows, place], NEVER)
    now, then = costs.at(begun), costs.grams[rows, place]
    share = 1 - min_savings_percent / 100 - ROUNDING
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (least - now * share) / ((then - now) * share)
    rises = then > now
    # Told by instants that are rounded, they may meet a little earlier.
    meets = np.maximum(begun + part * (knot - begun) - 2 * A_MOMENT, begun + A_MOMENT)
    inside = np.where(rises, part >= 0, part > 0) & (meets < knot)
    found = np.where(inside, meets, knot)
    if np.isfinite(then).all() and known.all():
        return found
    # A run that begins a moment later meets an hour that is not known.
    lost = np.isfinite(now) & ~np.isfinite(costs.at(begun + A_MOMENT))
    return np.where(lost, begun + A_MOMENT, found)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Grid:
    """Sums over hours, of which some are not known."""

    hours: Column
    summed: Column
    unknown: NDArray[np.intp]

    @classmethod
    def of(cls, hours: Column) -> "_Grid":
        missing = ~np.isfinite(hours)
        known = np.where(missing, 0.0, hours)
        nothing = np.zeros((len(hours), 1))
        return cls(
            hours=known,
            summed=np.concatenate([nothing, np.cumsum(known, axis=1)], axis=1),
            unknown=np.concatenate([nothing, np.cumsum(missing, axis=1)], axis=1).astype(np.intp),
        )

    def mean(self, starts: Column, durations: Column) -> Column:
        """Over a run from each start; NaN where it meets an hour that is not known."""
        ends = starts + durations
        inside = (starts >= 0) & (ends <= self.hours.shape[1] * HOUR_SECONDS)
        begins, opens = self._until(starts, inside)
        over, closes = self._until(ends, inside, up=True)
        grams = (over - begins) / (durations / HOUR_SECONDS)
        found: Column = np.where(inside & (opens == closes), grams, np.nan)
        return found

    def _until(
        self, instants: Column, inside: Flags, *, up: bool = False
    ) -> tuple[Column, NDArray[np.intp]]:
        """The sum up to an instant, and how many unknown hours have begun (or ended) by then."""
        hours = np.where(inside, instants, 0.0) / HOUR_SECONDS
        whole = hours.astype(np.intp)
        rows = np.arange(len(self.hours))[:, None]
        part = hours - whole
        here = np.minimum(whole, self.hours.shape[1] - 1)
        sums: Column = self.summed[rows, whole] + self.hours[rows, here] * part
        counted = whole + (part > 0) if up else whole
        return sums, self.unknown[rows, counted]


def _prolonged(paths: Column, hours: int) -> Column:
    """Runs that outlast the path: its last day is taken to repeat; a shorter path tells nothing."""
    if paths.shape[1] < DAY_HOURS:
        tail = np.full((len(paths), hours), np.nan)
    else:
        tail = paths[:, paths.shape[1] - DAY_HOURS + np.arange(hours) % DAY_HOURS]
    return np.concatenate([paths, tail], axis=1)


def _knots(durations: Column, hours: int) -> Column:
    edges = np.arange(hours) * HOUR_SECONDS
    over = durations % HOUR_SECONDS
    if not over.any():
        return np.broadcast_to(edges, (len(durations), hours))
    ending = edges + HOUR_SECONDS - over
    starting = np.broadcast_to(edges, ending.shape)
    # In turns they are in order.
    return np.stack([starting, ending], axis=2).reshape(len(durations), -1)


def _crossing(costs: Costs, begun: Column, bar: Column, first: NDArray[np.intp]) -> Column:
    """Where the line that leads to a knot below the bar meets it."""
    rows = np.arange(len(begun))
    knots, grams = costs.knots[rows, first], costs.grams[rows, first]
    before = np.maximum(first - 1, 0)
    instants, heights = costs.knots[rows, before], costs.grams[rows, before]
    from_now = instants <= begun
    if from_now.any():
        heights = np.where(from_now, costs.at(begun), heights)
        instants = np.where(from_now, begun, instants)
    with np.errstate(invalid="ignore", divide="ignore"):
        part = (heights - bar) / (heights - grams)
        crossing = instants + np.clip(part, 0.0, 1.0) * (knots - instants)
    # Where the line begins in hours that are not known, only its end is sure.
    return np.where(np.isfinite(crossing), crossing, np.nextafter(knots, -np.inf))


def _barred_at(barred: Flags, instants: Column) -> Flags:
    hours = np.floor(instants / HOUR_SECONDS)
    inside = (hours >= 0) & (hours < barred.shape[1])
    places = np.where(inside, hours, 0).astype(np.intp)
    rows = np.arange(len(instants))[:, None]
    found: Flags = inside & barred[rows, places]
    return found
