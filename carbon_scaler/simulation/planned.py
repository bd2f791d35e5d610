"""When and where jobs start that wait for as long as a forecast says that it pays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carbon_scaler.decisions.openings import Openings
from carbon_scaler.decisions.waiting import (
    ROUNDING,
    Costs,
    Flags,
    bar_of,
    knots_before,
    least_until,
    meets_at,
    pays_from,
)
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.simulation.expected import Expected
from carbon_scaler.simulation.jobs import Places

# How many jobs are asked about at once: each takes a path of two days in each region.
AT_ONCE = 20_000
NOT_ALLOWED = np.inf
A_MOMENT = 1.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """One region, as planners see it."""

    expected: Expected
    forbidden: Openings  # when nothing starts but what is due
    stand_in: Openings  # when the gate is open that decides where nothing is expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """How often a job is looked at, and what it starts by; in seconds."""

    poll: float
    spread: float
    min_savings_percent: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """Jobs that may wait and run in all of some regions, a column per attribute; in seconds."""

    submitted: Column
    latest: Column
    durations: Column
    phases: Column  # from 0 to under 1: each one's place in a spread
    home: Places  # into the regions

    def __len__(self) -> int:
        return len(self.submitted)

    def some(self, chosen: Places | Flags | slice) -> "Waiting":
        """Those alone."""
        return Waiting(
            submitted=self.submitted[chosen],
            latest=self.latest[chosen],
            durations=self.durations[chosen],
            phases=self.phases[chosen],
            home=self.home[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """What one look says of each job."""

    jobs: Waiting
    now: Column
    outlays: "_Outlays"
    allowed: Flags
    place: Places
    blind: Flags  # whether the gate at home stands in
    opened: Column  # when that gate opened; negative infinity: it has not


def planned_starts(jobs: Waiting, grids: Sequence[Grid], looks: Looks) -> tuple[Places, Column]:
    """In which region and when: the first poll at which no later start costs less anywhere."""
    places, started = jobs.home.copy(), jobs.latest.copy()
    for first in range(0, len(jobs), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        places[part], started[part] = _started(jobs.some(part), grids, looks)
    return places, started


def _started(jobs: Waiting, grids: Sequence[Grid], looks: Looks) -> tuple[Places, Column]:
    places, started, asked = jobs.home.copy(), jobs.latest.copy(), jobs.submitted.copy()
    left = np.flatnonzero(asked < jobs.latest)
    while len(left):
        view = _look(jobs.some(left), grids, asked[left], looks)
        goes_at = _goes_at(view, grids, looks)
        goes = goes_at <= view.now
        started[left[goes]], places[left[goes]] = view.now[goes], view.place[goes]
        turns = np.minimum(_turns(view, grids, looks), goes_at)[~goes]
        left = left[~goes]
        asked[left] = _next_polls(jobs.submitted[left], asked[left], turns, looks.poll)
        left = left[asked[left] < jobs.latest[left]]
    due = np.flatnonzero(started == jobs.latest)
    if len(grids) > 1 and len(due):
        some, now = jobs.some(due), started[due]
        places[due], _ = _cheapest(_outlays(some, grids, now), grids, now, some.home)
    return places, started


def _goes_at(view: _View, grids: Sequence[Grid], looks: Looks) -> Column:
    """From when on each may start: who waited for what lets it go, a part of the spread later."""
    goes_at = np.where(view.allowed, view.now, NOT_ALLOWED)
    left, until = np.flatnonzero(view.allowed), view.now[view.allowed]
    while looks.spread:
        there, blind = view.jobs.some(left), view.blind[left]
        opened = np.maximum(
            knots_before(until, there.durations), _ended(grids, view.place[left], until)
        )
        opened = np.where(blind, view.opened[left], opened)
        held = opened + there.phases * looks.spread
        holds = (there.submitted < opened) & (held > view.now[left])
        if not holds.any():
            break
        left, blind, held, until = left[holds], blind[holds], held[holds], opened[holds] - A_MOMENT
        # Who was let go before that waits for no longer than what did so takes.
        longer = ~blind & _look(there.some(holds), grids, until, looks).allowed
        goes_at[left[~longer]] = held[~longer]
        left, until = left[longer], until[longer]
    return goes_at


def _ended(grids: Sequence[Grid], place: Places, instants: Column) -> Column:
    """When a forbidden hour last ended there."""
    ends = np.stack([grid.forbidden.closed_at(instants) for grid in grids], axis=1)
    ended: Column = ends[np.arange(len(place)), place]
    return ended


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Outlays:
    """What starts are expected to cost, by region; instants from the paths' beginning on."""

    costs: Sequence[Costs]
    barred: Sequence[Flags | None]
    begun: Column
    latest: Column
    now: Column  # (jobs, regions)

    def least(self) -> Column:
        """What the best later start costs in any region; NaN: nobody can tell."""
        found = np.full(len(self.begun), np.nan)
        for costs, barred in zip(self.costs, self.barred, strict=True):
            grams, _ = least_until(costs, self.begun, self.latest, barred=barred)
            found = np.fmin(found, grams)
        return found

    def waits(self, bar: Column) -> Flags:
        """For whom a later start in some region costs less than the bar."""
        found = np.zeros(len(self.begun), dtype=np.bool_)
        for costs, barred in zip(self.costs, self.barred, strict=True):
            found |= pays_from(costs, self.begun, bar, barred=barred) < self.latest
        return found

    def turns(self, least_saving: float) -> Column:
        """How many seconds from now on another answer may come."""
        least = self.least()
        meets = [
            meets_at(costs, self.begun, least, min_savings_percent=least_saving)
            for costs in self.costs
        ]
        turns: Column = np.min(meets, axis=0) - self.begun
        return turns


def _outlays(jobs: Waiting, grids: Sequence[Grid], now: Column) -> _Outlays:
    paths = [grid.expected.at(now) for grid in grids]
    costs = [Costs.of(each.grams, jobs.durations) for each in paths]
    begins = paths[0].begins
    return _Outlays(
        costs=costs,
        barred=[each.barred for each in paths],
        begun=now - begins,
        latest=jobs.latest - begins,
        now=np.stack([each.at(now - begins) for each in costs], axis=1),
    )


def _look(jobs: Waiting, grids: Sequence[Grid], now: Column, looks: Looks) -> _View:
    outlays = _outlays(jobs, grids, now)
    place, cheapest = _cheapest(outlays, grids, now, jobs.home)
    waits = outlays.waits(bar_of(cheapest, looks.min_savings_percent))
    blind = np.asarray(np.isnan(outlays.now).all(axis=1))
    opened = np.full(len(now), -np.inf)
    for number, grid in enumerate(grids):
        rows = np.flatnonzero(blind & (jobs.home == number))
        opened[rows] = grid.stand_in.opened_at(now[rows])
    return _View(
        jobs=jobs,
        now=now,
        outlays=outlays,
        allowed=np.where(blind, np.isfinite(opened), np.isfinite(cheapest) & ~waits),
        place=place,
        blind=blind,
        opened=opened,
    )


def _turns(view: _View, grids: Sequence[Grid], looks: Looks) -> Column:
    """When another answer may come."""
    edges = [grid.forbidden.turns_after(view.now) for grid in grids]
    planned = view.now + view.outlays.turns(looks.min_savings_percent)
    turns: Column = np.min([planned, *edges], axis=0)
    for number, grid in enumerate(grids):
        rows = np.flatnonzero(view.blind & (view.jobs.home == number))
        turns[rows] = grid.stand_in.turns_after(view.now[rows])
    return turns


def _forbidden(grids: Sequence[Grid], now: Column) -> Flags:
    return np.stack([np.isfinite(grid.forbidden.opened_at(now)) for grid in grids], axis=1)


def _cheapest(
    outlays: _Outlays, grids: Sequence[Grid], now: Column, home: Places
) -> tuple[Places, Column]:
    """Where a start now costs least, and what; of equal ones home; NaN: nowhere may it start."""
    rows, known = np.arange(len(now)), np.isfinite(outlays.now)
    ranked = np.where(known, outlays.now, np.inf)
    ranked[rows, home] *= 1 - ROUNDING
    # What is due starts in a forbidden hour too, if all are.
    free = known & ~_forbidden(grids, now)
    is_free = np.asarray(free.any(axis=1))
    ranked = np.where(is_free[:, None] & ~free, np.inf, ranked)
    place = np.where(known.any(axis=1), ranked.argmin(axis=1), home)
    return place, np.where(is_free, outlays.now[rows, place], np.nan)


def _next_polls(submitted: Column, asked: Column, turns: Column, poll: float) -> Column:
    """The first poll at which another answer may come."""
    edges = np.minimum(turns, asked + HOUR_SECONDS - asked % HOUR_SECONDS)  # then a path is new
    polls: Column = submitted + np.ceil((edges - submitted) / poll) * poll
    return np.maximum(polls, asked + poll)
