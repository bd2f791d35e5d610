"""A past with gaps, made into one without, and the jobs that no gap touches; pure."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.forecasting.hours import HOUR_SECONDS, HourlyHistory
from carbon_scaler.simulation.history import History
from carbon_scaler.simulation.jobs import Jobs

# As long as a value may decide at most.
LONGEST_FILLED_HOURS = 3

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KnownPast:
    """A history without a gap, and which of its intervals were never known."""

    history: History
    bridged: Flags  # of short gaps, between whose neighbours a straight line was drawn
    unknown: Flags  # of longer gaps: no job that might touch one is replayed


def known_past(region: str, past: HourlyHistory, basis: Basis) -> KnownPast:
    """Short gaps are bridged, long ones marked."""
    missing = ~np.isfinite(past.grams)
    places = np.arange(len(past.grams))
    grams = np.interp(places, places[~missing], past.grams[~missing])
    unknown = missing & (_run_lengths(missing) > LONGEST_FILLED_HOURS)
    history = History(
        region=region,
        begins=float(past.first * HOUR_SECONDS),
        step=float(HOUR_SECONDS),
        grams_per_kwh=grams,
        basis=basis,
    )
    return KnownPast(history=history, bridged=missing & ~unknown, unknown=unknown)


def whole(history: History) -> KnownPast:
    """A history that never had a gap."""
    nowhere = np.zeros(len(history.grams_per_kwh), dtype=np.bool_)
    return KnownPast(history=history, bridged=nowhere, unknown=nowhere)


def latest(past: KnownPast, seconds: float) -> KnownPast:
    """The last part of it."""
    history = past.history
    first = max(0, len(history.grams_per_kwh) - int(np.ceil(seconds / history.step)))
    shares = history.renewable_percent
    cut = replace(
        history,
        begins=history.begins + first * history.step,
        grams_per_kwh=history.grams_per_kwh[first:],
        renewable_percent=None if shares is None else shares[first:],
    )
    return replace(past, history=cut, bridged=past.bridged[first:], unknown=past.unknown[first:])


def replayable(jobs: Jobs, past: KnownPast, longest_slack: float) -> Flags:
    """Jobs that lie inside the past and touch no unknown interval, however long they wait."""
    history = past.history
    ends: Column = jobs.submitted + np.maximum(jobs.slack, longest_slack) + jobs.duration
    inside: Flags = (jobs.submitted >= history.begins) & (ends <= history.ends)
    before = np.concatenate([[0], np.cumsum(past.unknown)])
    first = np.floor((jobs.submitted - history.begins) / history.step)
    last = np.ceil((ends - history.begins) / history.step)
    bounds = np.clip(np.stack([first, last]), 0, len(past.unknown)).astype(np.intp)
    untouched: Flags = inside & (before[bounds[1]] == before[bounds[0]])
    return untouched


def some(jobs: Jobs, chosen: Flags) -> Jobs:
    """Those of the jobs, with all classes and choices as they were."""
    return replace(
        jobs,
        ids=tuple(jobs.ids[place] for place in np.flatnonzero(chosen).tolist()),
        submitted=jobs.submitted[chosen],
        duration=jobs.duration[chosen],
        energy_kwh=jobs.energy_kwh[chosen],
        slack=jobs.slack[chosen],
        class_of=jobs.class_of[chosen],
        choice_of=jobs.choice_of[chosen],
    )


def _run_lengths(flags: Flags) -> NDArray[np.intp]:
    """Of each place: how long the run of equal flags is that it lies in."""
    edges = np.flatnonzero(np.diff(flags)) + 1
    bounds = np.concatenate([[0], edges, [len(flags)]])
    lengths = np.diff(bounds)
    found: NDArray[np.intp] = np.repeat(lengths, lengths)
    return found
