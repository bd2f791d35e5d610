"""Which of several sources' values counts for an instant."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column


def winners(
    *, starts: Column, lasts: Column, sources: Sequence[str], chain: Sequence[str]
) -> NDArray[np.intp]:
    """The places of the values that count, of values that ascend by start and then by fetching.

    A source of the chain counts only while none before it has a value; of one instant the value
    fetched last counts, be it of the chain or typed by hand.
    """
    places = np.arange(len(starts))
    present = set(sources)
    ranked = [source for source in chain if source in present]
    if len(ranked) > 1:
        ranks = np.array([ranked.index(each) if each in ranked else -1 for each in sources])
        places = places[~_covered(starts, starts + lasts, ranks, len(ranked))]
    if len(present) > 1:
        last_of_instant = np.append(np.diff(starts[places]) > 0, True)
        places = places[last_of_instant[: len(places)]]
    return places


def _covered(
    starts: Column, ends: Column, ranks: NDArray[np.int_], count: int
) -> NDArray[np.bool_]:
    covered = np.zeros(len(starts), dtype=np.bool_)
    for rank in range(1, count):
        before = (ranks >= 0) & (ranks < rank)
        own = ranks == rank
        # What the values before have covered so far, whichever of them reaches furthest.
        reach = np.maximum.accumulate(ends[before])
        begun = np.searchsorted(starts[before], starts[own], side="right")
        padded = np.append(-np.inf, reach)
        covered[own] = padded[begun] > starts[own]
    return covered
