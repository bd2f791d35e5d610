"""What is remembered of a feed: one source's zone and the regions that it serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRecord:
    """How a feed has fared so far; kept across restarts."""

    source: str
    zone: str
    regions: tuple[str, ...]
    asked_at: datetime | None = None
    answered_at: datetime | None = None
    # The start of the newest interval that is kept.
    newest_at: datetime | None = None
    # The past before this instant was fetched, and when it was last asked for.
    history_until: datetime | None = None
    history_asked_at: datetime | None = None
    forecast_asked_at: datetime | None = None
    # Consecutive failed cycles, and the last one's cause.
    failures: int = 0
    failure: str | None = None
    failure_kind: str | None = None
    # How often each result came: "ok", or the word of an ErrorKind.
    results: Mapping[str, int] = field(default_factory=dict)
