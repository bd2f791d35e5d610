"""What was decided, from which figures, and until when it holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from carbon_scaler.domain.intensity import Reading
from carbon_scaler.domain.residency import HintRuling


class Verdict(StrEnum):
    """May waiting work start?"""

    OPEN = "open"
    CLOSED = "closed"
    ERROR = "error"


class Outcome(StrEnum):
    """What one rule said: most settle the verdict, the last three leave it to the next rule."""

    OPEN = "open"
    CLOSED = "closed"
    ERROR = "error"
    DENIED = "denied"  # may run nowhere that is known
    REDIRECTED = "redirected"  # may run, but elsewhere
    HELD = "held"  # by an operator
    ELSEWHERE = "elsewhere"  # another region has the shared work, up to the latest start
    LIMITED = "limited"  # only a share may run, if the later rules let any
    RELEASED = "released"  # some items may start whatever the later rules say
    PASSED = "passed"


SETTLING = {
    Outcome.OPEN: Verdict.OPEN,
    Outcome.CLOSED: Verdict.CLOSED,
    Outcome.ERROR: Verdict.ERROR,
    Outcome.DENIED: Verdict.CLOSED,
    Outcome.REDIRECTED: Verdict.CLOSED,
    Outcome.HELD: Verdict.CLOSED,
    Outcome.ELSEWHERE: Verdict.CLOSED,
}
# What no deadline opens.
FORBIDDING = frozenset({Outcome.DENIED, Outcome.REDIRECTED})
WITHHOLDING = FORBIDDING | {Outcome.HELD}


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
    # How much of the ceiling may run, or of the waiting items where there is none.
    share: float = 1.0
    # How many waiting items may start; None: it tells none apart.
    starting: int | None = None
    # What else would change it, as a sentence with the same figures; empty: nothing does.
    remedy_template: str = ""

    @property
    def text(self) -> str:
        """The ruling as a sentence."""
        return self._filled(self.template)

    @property
    def remedy(self) -> str:
        """What would change it, as a sentence; empty where nothing is known."""
        return self._filled(self.remedy_template)

    def _filled(self, template: str) -> str:
        return template.format_map({name: _plain(figure) for name, figure in self.figures.items()})


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
    # How much of the ceiling the rules leave.
    share: float = 1.0
    # Where residency sends the work instead; None: it stays, or may run nowhere.
    enforced_region: str | None = None
    hint: HintRuling | None = None

    @property
    def decisive(self) -> Ruling:
        """The ruling that gave the reason."""
        return next(ruling for ruling in self.rulings if ruling.reason == self.reason)

    def ruling_of(self, rule: str) -> Ruling | None:
        """What one rule said; None: nothing, or it was not asked."""
        return next((ruling for ruling in self.rulings if ruling.rule == rule), None)


def _plain(figure: object) -> object:
    if isinstance(figure, datetime):
        return figure.isoformat(timespec="seconds").replace("+00:00", "Z")
    return figure
