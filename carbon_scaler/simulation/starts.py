"""When each job starts under a strategy."""

from dataclasses import dataclass

import numpy as np

from carbon_scaler.decisions.openings import Openings
from carbon_scaler.domain.columns import Column
from carbon_scaler.simulation.jobs import Places


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Starts:
    """Where and when each job started, in the order of the jobs, and what that emitted."""

    strategy: str
    region_of: Places
    started: Column  # Unix seconds
    emissions_g: Column


def first_polls(
    openings: Openings,
    submitted: Column,
    latest: Column,
    poll: float,
    *,
    held: Column | None = None,
) -> Column:
    """Polled from the submission on: the first poll at which it is open, else the latest start.

    Who waited before it opened is `held` for so many seconds.
    """
    held = np.zeros(len(submitted)) if held is None else held
    started = latest.copy()
    waiting = np.arange(len(submitted))
    span_of = np.searchsorted(openings.ends, submitted, side="right")
    while len(waiting):
        spans = span_of[waiting]
        there = spans < len(openings.ends)
        waiting, spans = waiting[there], spans[there]
        before = openings.begins[spans] - submitted[waiting]
        waited = np.where(before > 0, before + held[waiting], 0.0)
        polls = submitted[waiting] + np.ceil(waited / poll) * poll
        in_time = polls < latest[waiting]
        caught = polls < openings.ends[spans]
        goes = in_time & caught
        started[waiting[goes]] = polls[goes]
        # Between two polls it may open and close again.
        waiting = waiting[in_time & ~caught]
        span_of[waiting] += 1
    return started


def random_starts(submitted: Column, latest: Column, poll: float, seed: int) -> Column:
    """Any poll up to the latest start, each as likely."""
    drawn = np.random.default_rng([seed, 1]).random(len(submitted))
    polls = np.floor((latest - submitted) / poll) + 1
    started: Column = np.minimum(submitted + np.floor(drawn * polls) * poll, latest)
    return started
