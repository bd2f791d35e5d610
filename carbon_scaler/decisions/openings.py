"""The decision for one waiting item, at all instants at once: when may it start?

It is `decide` of a queue whose one item is not released yet, on values of one source; a test holds
the two together.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions import curve, quantile, strategies, thresholds
from carbon_scaler.decisions import windows as time_windows
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.policy import Settings, Strategy, WhenBlind
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan
from carbon_scaler.domain.windows import TimeWindow, WindowEffect

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Openings:
    """When it is open, as half-open spans in Unix seconds, ascending and apart."""

    begins: Column
    ends: Column

    def opened_at(self, instants: Column) -> Column:
        """When the span began that is on at each instant; negative infinity: none is."""
        place = np.searchsorted(self.begins, instants, side="right") - 1
        begun = np.append(self.begins, -np.inf)[place]
        is_on = instants < np.append(self.ends, -np.inf)[place]
        return np.where(is_on, begun, -np.inf)

    def closed_at(self, instants: Column) -> Column:
        """When the last span ended that was over at each instant; negative infinity: none was."""
        place = np.searchsorted(self.ends, instants, side="right") - 1
        ended: Column = np.append(self.ends, -np.inf)[place]
        return ended

    def turns_after(self, instants: Column) -> Column:
        """When the next span begins, or the present one ends; infinity: never."""
        edges = np.append(np.sort(np.concatenate([self.begins, self.ends])), np.inf)
        turns: Column = edges[np.searchsorted(edges[:-1], instants, side="right")]
        return turns


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Course:
    """What changes at which instant: the value that counts, and the window."""

    turns: Column
    newest: NDArray[np.intp]
    blind: Flags
    windows: tuple[TimeWindow | None, ...]


def openings(plan: Plan, series: RegionSeries, since: float, until: float) -> Openings:
    """From one instant to another, both in Unix seconds; all is judged as it was known then."""
    if plan.urgent or plan.shadow or not plan.enabled:
        return Openings(begins=np.array([since]), ends=np.array([until]))
    course = _course(plan, series, since, until)
    unseen = plan.settings.when_blind is WhenBlind.OPEN
    is_open = np.where(course.blind, unseen, _open_by_strategy(plan, series, course))
    return _spans(course.turns, is_open, until)


def forbidden(windows: tuple[TimeWindow, ...], since: float, until: float) -> Openings:
    """When a window allows no start but those that are due."""
    turns = list(time_windows.turns_between(windows, since, until))
    is_on = np.array([w is not None and w.effect is WindowEffect.FORBID for _, w in turns], bool)
    return _spans(np.array([turns_at for turns_at, _ in turns]), is_on, until)


def _course(plan: Plan, series: RegionSeries, since: float, until: float) -> _Course:
    too_old = series.too_old
    agenda = tuple(time_windows.turns_between(plan.windows, since, until))
    instants = np.concatenate(
        [[since], series.starts, too_old, [turns_at for turns_at, _ in agenda]]
    )
    turns = np.unique(instants[(instants >= since) & (instants < until)])
    newest = np.searchsorted(series.starts, turns, side="right") - 1
    blind = newest < 0
    if len(too_old):
        blind |= turns >= too_old[newest]
    begun = np.searchsorted([turns_at for turns_at, _ in agenda], turns, side="right") - 1
    counting = tuple(agenda[index][1] for index in begun) if agenda else (None,) * len(turns)
    return _Course(turns=turns, newest=newest, blind=blind, windows=counting)


def _open_by_strategy(plan: Plan, series: RegionSeries, course: _Course) -> Flags:
    is_open = np.zeros(len(course.turns), dtype=np.bool_)
    if not len(series.starts):
        return is_open
    for window in set(course.windows):
        if window is not None and window.effect is WindowEffect.FORBID:
            continue
        bonus_percent = 0.0 if window is None else window.bonus_percent
        slots = _open_slots(series, plan.settings, bonus_percent)
        here = np.array([each == window for each in course.windows])
        is_open[here] = slots[course.newest[here]]
    return is_open


def _open_slots(series: RegionSeries, settings: Settings, bonus_percent: float) -> Flags:
    """Which values open, by the first of the strategy's chain that can tell."""
    counted = series.grams_per_kwh * (1 - bonus_percent / 100)
    is_open = thresholds.open_slots(series, settings, counted)
    for strategy in reversed(strategies.CHAINS[settings.strategy]):
        if strategy is Strategy.QUANTILE:
            within, unknown = quantile.open_slots(series, settings, counted)
            is_open = np.where(unknown, is_open, within)
        if strategy is Strategy.CURVE:
            is_open = curve.open_slots(settings, counted)
    return is_open


def _spans(turns: Column, is_open: Flags, until: float) -> Openings:
    """Neighbours that are alike are one span."""
    edges = np.diff(is_open.astype(np.int8), prepend=0, append=0)
    instants = np.append(turns, until)
    return Openings(begins=instants[edges == 1], ends=instants[edges == -1])
