"""What a cycle brought, source by source."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain

OUT_OF_TIME = "out of time"
# Zones that a failure names.
MOST_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOutcome:
    """What one source gave: `usable` are the regions with a value of it that may decide now."""

    source: str
    rows: int
    changed: int
    regions: frozenset[str]
    usable: frozenset[str]
    failure: str | None = None
    failure_kind: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestOutcome:
    """What one cycle brought, source by source."""

    sources: tuple[SourceOutcome, ...]

    @property
    def changed(self) -> int:
        """How many stored rows are new or different."""
        return sum(outcome.changed for outcome in self.sources)

    @property
    def usable(self) -> frozenset[str]:
        """The regions that got a usable value from any source."""
        return frozenset(chain.from_iterable(outcome.usable for outcome in self.sources))

    @property
    def failures(self) -> Mapping[str, str]:
        """Why sources failed, by their name."""
        return {each.source: each.failure for each in self.sources if each.failure is not None}


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one source while its cycle is under way."""

    rows: int = 0
    changed: int = 0
    regions: set[str] = field(default_factory=set)
    # What went wrong, and of which zones or regions.
    failures: dict[tuple[str, str | None], set[str]] = field(default_factory=dict)

    def fail(self, cause: str, kind: str | None, *, of: str) -> None:
        """Note a failure."""
        self.failures.setdefault((cause, kind), set()).add(of)

    def outcome(self, source: str, usable: frozenset[str]) -> SourceOutcome:
        """As it stands; of several failures the one that most zones have."""
        counts = Counter({failure: len(of) for failure, of in self.failures.items()})
        failure, kind = None, None
        if counts:
            (failure, kind), _ = counts.most_common(1)[0]
            zones = sorted(set(chain.from_iterable(self.failures.values())))
            more = ", …" if len(zones) > MOST_NAMED else ""
            failure = f"{failure} ({', '.join(zones[:MOST_NAMED])}{more})"
        return SourceOutcome(
            source=source,
            rows=self.rows,
            changed=self.changed,
            regions=frozenset(self.regions),
            usable=usable,
            failure=failure,
            failure_kind=kind,
        )
