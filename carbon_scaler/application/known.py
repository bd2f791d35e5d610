"""What answers are computed from: views that others keep fresh."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from carbon_scaler.application.directives import Directives
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.backlog import BacklogState
from carbon_scaler.domain.place import Whereabouts
from carbon_scaler.domain.trigger import Plan


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


class CurrentPlaces(Protocol):
    """Where work that several regions share runs, as last read."""

    @property
    def is_loaded(self) -> bool:
        """Whether it was read at least once."""
        ...

    async def wait_loaded(self, *, seconds: float) -> bool:
        """Wait for the first view, not for ever; whether it is there."""
        ...

    def of(self, plan: Plan) -> Whereabouts:
        """What is known of a plan's shared work."""
        ...

    def note(self, plan: Plan, now: datetime) -> None:
        """Somebody asks for shared work."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The grids, the backlogs, the operators' word and the places, each as last read."""

    snapshots: Snapshots
    backlogs: BacklogStates
    directives: CurrentDirectives
    places: CurrentPlaces
