"""Work that several regions share: where it may run, where it does, and who else is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from carbon_scaler.domain.policy import Weights

# Three of KEDA's default polls: one that is lost, or late, moves no work.
LIVE_FOR = timedelta(seconds=90)
# One of KEDA's default polls: what the former place started says so by then.
HANDOVER = timedelta(seconds=30)
POLLED_EVERY = timedelta(seconds=30)


class MoveReason(StrEnum):
    """Why a place was chosen."""

    FIRST = "first"  # nobody had chosen one
    FORBIDDEN = "forbidden"  # the work may no longer run in the former one
    SILENT = "silent"  # nobody asks in the former one any more
    BETTER = "better"  # it costs less, by more than a move is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedWork:
    """One trigger's part in work that several regions share."""

    # The backlog's name, or the object's where no backlog is counted.
    key: str
    # As listed, this trigger's own among them; the first is the measure of the others.
    regions: tuple[str, ...]
    # Those that the class prefers, of equally good ones.
    preferred: tuple[str, ...]
    weights: Weights
    # Cost multipliers by region; one that is not in it costs 1.
    costs: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The region that work runs in, the same for all scalers on one database."""

    region: str
    chosen_at: datetime
    # The former place's starts are told by then.
    begins_at: datetime
    chosen_by: str
    reason: MoveReason
    # Carbon and cost against the first region listed; None: nothing could be compared.
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """What is known of shared work, as last read."""

    # None: nobody has chosen one.
    place: Place | None = None
    # The regions in which somebody asked lately.
    live: frozenset[str] = frozenset()


UNKNOWN_WHEREABOUTS = Whereabouts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A place to be chosen instead of the one that was seen."""

    key: str
    # None: nobody had chosen one.
    former: Place | None
    region: str
    reason: MoveReason
    score: float | None = None

    @property
    def handover(self) -> timedelta:
        """How long nothing starts, so that what the former place started is told by then."""
        return HANDOVER if self.reason is MoveReason.BETTER else timedelta(0)
