"""What answers are computed from: views that others keep fresh."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from carbon_scaler.application.directives import Directives
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.backlog import BacklogState


class BacklogStates(Protocol):
    """The last readings of all backlogs."""

    @property
    def namespaces(self) -> Mapping[str, Collection[str] | None]:
        """Who may use which backlog; None is everybody."""
        ...

    def state(self, name: str) -> BacklogState:
        """What is known of a backlog."""
        ...

    async def first_reading(self, name: str) -> None:
        """Wait until a backlog was tried once, for its timeout at most."""
        ...


class CurrentDirectives(Protocol):
    """What operators and accounts say, as last read."""

    @property
    def current(self) -> Directives:
        """The view in force."""
        ...

    @property
    def is_loaded(self) -> bool:
        """Whether it was read at least once."""
        ...

    async def wait_loaded(self, *, seconds: float) -> bool:
        """Wait for the first view, not for ever; whether it is there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The grids, the backlogs and the operators' word, each as last read."""

    snapshots: Snapshots
    backlogs: BacklogStates
    directives: CurrentDirectives
