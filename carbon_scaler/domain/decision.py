"""What was decided, from which figures, and until when it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from carbon_scaler.domain.intensity import Reading


class Verdict(StrEnum):
    """May waiting work start?"""

    OPEN = "open"
    CLOSED = "closed"
    ERROR = "error"


class Outcome(StrEnum):
    """What one rule said: three settle the verdict, the others leave it to the next rule."""

    OPEN = "open"
    CLOSED = "closed"
    ERROR = "error"
    RELEASED = "released"  # some items may start whatever the later rules say
    PASSED = "passed"


SETTLING = {
    Outcome.OPEN: Verdict.OPEN,
    Outcome.CLOSED: Verdict.CLOSED,
    Outcome.ERROR: Verdict.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One rule's say; its text is made only when somebody asks."""

    rule: str
    outcome: Outcome
    reason: str
    template: str
    figures: Mapping[str, object]
    # When time alone may change this ruling.
    until: datetime | None = None

    @property
    def text(self) -> str:
        """The ruling as a sentence."""
        return self.template.format_map(
            {name: _plain(figure) for name, figure in self.figures.items()}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """A backlog at one instant."""

    waiting: int
    in_progress: int
    released: int  # waiting, and their latest start less the lead has come
    overdue: int  # waiting, and their latest start has passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer for one plan; it holds until `changes_at` or until an input changes."""

    verdict: Verdict
    reason: str
    level: float
    admitted: int
    metric_value: float
    target: float
    active: bool
    rulings: tuple[Ruling, ...]
    reading: Reading | None
    counts: QueueCounts | None
    decided_at: datetime
    changes_at: datetime | None

    @property
    def decisive(self) -> Ruling:
        """The ruling that gave the reason."""
        return next(ruling for ruling in self.rulings if ruling.reason == self.reason)


def _plain(figure: object) -> object:
    if isinstance(figure, datetime):
        return figure.isoformat(timespec="seconds").replace("+00:00", "Z")
    return figure
