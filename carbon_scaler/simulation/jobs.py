"""The jobs that are replayed, a column per attribute."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column

Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Jobs:
    """Instants in Unix seconds, durations and slack in seconds."""

    ids: Sequence[str]
    submitted: Column
    duration: Column
    energy_kwh: Column
    # How much later than its submission a job may start.
    slack: Column
    classes: tuple[str, ...]
    class_of: Places  # into `classes`
    # The different lists of regions that a job may run in, its home first.
    choices: tuple[tuple[str, ...], ...]
    choice_of: Places  # into `choices`

    def __len__(self) -> int:
        return len(self.submitted)

    @property
    def latest(self) -> Column:
        """The latest start of each."""
        return self.submitted + self.slack
