"""What starts cost on the path that is expected of a region, for the runs that are asked about."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from carbon_scaler.decisions.case import Case
from carbon_scaler.decisions.foresight import usable_path
from carbon_scaler.decisions.waiting import Costs, Flags, bar_of, least_until, pays_from, turns_at
from carbon_scaler.decisions.windows import hours_ahead
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.expected import ExpectedPath
from carbon_scaler.domain.windows import TimeWindow

# Every run lasts a little.
LEAST_SECONDS = 60.0
# Costs lie on a line for at least so long, or turn then.
SOON_SECONDS = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outlay:
    """What a start costs at every instant of a path; a row per length of run."""

    path: ExpectedPath
    costs: Costs
    barred: Flags | None

    def tells_of(self, instants: Column) -> bool:
        """Whether the path reaches back to these."""
        return bool((instants >= self.path.begins).all())

    def at(self, instants: float | Column) -> "Look":
        """From an instant of each row, in Unix seconds."""
        begun = np.full(len(self.costs.durations), instants - self.path.begins)
        return Look(outlay=self, begun=begun, grams=self.costs.at(begun))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What there is to choose from at one instant."""

    outlay: Outlay
    begun: Column  # seconds from the beginning of the path
    grams: Column  # the cost of a start now; not a number where nobody can tell

    def limits(self, min_savings_percent: float) -> Column:
        """Up to which latest start a run starts now and does not wait, in Unix seconds."""
        return _limits(self, min_savings_percent)

    def turns_at(self, starts: Column, waits: Column, min_savings_percent: float) -> float:
        """When the answer may be another one: for who starts last now, or who waits first."""
        costs, begins = self.outlay.costs, self.outlay.path.begins
        # While the cost rises the former may come to wait, while it falls the latter to start.
        rises = costs.at(self.begun + SOON_SECONDS) > self.grams
        turns = turns_at(
            costs,
            self.begun,
            np.where(rises, starts, waits) - begins,
            min_savings_percent=min_savings_percent,
            barred=self.outlay.barred,
        )
        return begins + float(turns.min())

    def best(self, latest: Column) -> tuple[Column, Column]:
        """The cost and the instant of the best later start of each row."""
        begins = self.outlay.path.begins
        costs, barred = self.outlay.costs, self.outlay.barred
        grams, instants = least_until(costs, self.begun, latest - begins, barred=barred)
        return grams, begins + instants


def outlay(case: Case) -> Outlay | None:
    """For the runs of a case's lots, or for the class's where none are counted."""
    path = usable_path(case)
    return None if path is None else outlay_on(path, case)


def outlay_on(path: ExpectedPath, case: Case) -> Outlay:
    """For the same runs on a certain path."""
    return _outlay(path, durations(case), case.plan.windows)


# Rules of one decision ask for the same.
@lru_cache(maxsize=256)
def look(made: Outlay, now: float) -> Look | None:
    """From now on; None: what a start now costs is not known of any run."""
    found = made.at(now)
    # Of runs that outlast the path some may still be told.
    return found if np.isfinite(found.grams).any() else None


# Rules of one decision ask for the same.
@lru_cache(maxsize=256)
def _limits(seen: Look, min_savings_percent: float) -> Column:
    bar = bar_of(seen.grams, min_savings_percent)
    costs, barred = seen.outlay.costs, seen.outlay.barred
    return seen.outlay.path.begins + pays_from(costs, seen.begun, bar, barred=barred)


def durations(case: Case) -> tuple[float, ...]:
    """How long the runs last that are asked about, in seconds."""
    lots = case.lots
    stated = case.plan.settings.job_duration.total_seconds()
    lengths = tuple(lot.duration for lot in lots) if lots else (stated,)
    return tuple(max(LEAST_SECONDS, length) for length in lengths)


# A path is there for an hour or less; most triggers of a region ask the same of it.
@lru_cache(maxsize=512)
def _outlay(
    path: ExpectedPath, lengths: tuple[float, ...], windows: tuple[TimeWindow, ...]
) -> Outlay:
    grams, barred = path.grams, None
    if windows:
        factors, forbidden = hours_ahead(windows, path.begins, len(grams))
        grams = grams * factors
        barred = np.broadcast_to(forbidden, (len(lengths), len(grams)))
    rows = np.broadcast_to(grams, (len(lengths), len(grams)))
    return Outlay(path=path, costs=Costs.of(rows, np.array(lengths)), barred=barred)
