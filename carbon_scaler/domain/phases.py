"""Where in a spread of starts each piece of work has its place: the same on every replica."""

from collections.abc import Sequence
from hashlib import md5

import numpy as np

from carbon_scaler.domain.columns import Column

DIGITS = 8
PARTS = 16.0**DIGITS
# Multiples of it spread evenly, however many there are.
GOLDEN = (5**0.5 - 1) / 2


def phase_of(name: str) -> float:
    """From 0 to under 1, by what a thing is called; PostgreSQL's md5() gives the same."""
    return int(md5(name.encode(), usedforsecurity=False).hexdigest()[:DIGITS], 16) / PARTS


def phases_of(names: Sequence[str]) -> Column:
    """The phase of each."""
    return np.array([phase_of(name) for name in names], dtype=np.float64)


def phases_of_instants(instants: Column) -> Column:
    """For what has no name: by its instant (Unix seconds), and where several share one, in turn."""
    order = np.argsort(instants, kind="stable")
    ordered = instants[order]
    first = np.searchsorted(ordered, ordered, side="left")
    turns = np.empty(len(instants))
    turns[order] = np.arange(len(instants)) - first
    micros = np.round(instants * 1e6) % PARTS
    phases: Column = (micros * GOLDEN + turns * GOLDEN) % 1.0
    return phases
