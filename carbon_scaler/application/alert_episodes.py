"""Episodes: from when a condition begins to hold until it has been away for a while."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from carbon_scaler.application.alert_rules import Condition, Judgement, Severity

# What comes back sooner goes on as the same episode.
AWAY_FOR = timedelta(minutes=5)
BETWEEN_MESSAGES = timedelta(minutes=15)

RANKS = {Severity.CRITICAL: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The newest episode of a key."""

    key: str
    severity: Severity
    title: str
    body: str
    began_at: datetime
    last_seen_at: datetime
    # When its begin was told.
    notified_at: datetime | None = None
    resolved_at: datetime | None = None
    # When its end was told, or else the last word of the key's former episode.
    resolution_notified_at: datetime | None = None

    @property
    def told_at(self) -> datetime | None:
        """When the key was last the subject of a message."""
        told = [at for at in (self.notified_at, self.resolution_notified_at) if at is not None]
        return max(told, default=None)

    @property
    def untold(self) -> bool:
        """Whether its begin, or its end, is still to be told."""
        if self.resolved_at is None:
            return self.notified_at is None
        if self.notified_at is None and self.severity is Severity.INFO:
            return False  # a chance that has passed unannounced
        return self.resolution_notified_at is None or self.resolution_notified_at < self.resolved_at

    def due(self, now: datetime) -> bool:
        """Whether it may be told now."""
        told_at = self.told_at
        return self.untold and (told_at is None or now - told_at >= BETWEEN_MESSAGES)

    def told(self, now: datetime) -> "Episode":
        """The same after its message was delivered."""
        if self.resolved_at is None:
            return replace(self, notified_at=now)
        return replace(self, resolution_notified_at=now)


class EpisodeStore(Protocol):
    """Where episodes outlive the process."""

    async def episodes(self) -> Sequence[Episode]:
        """The newest episode of every key."""
        ...

    async def keep(self, episodes: Sequence[Episode]) -> None:
        """Keep these in place of what was known of the same keys."""
        ...


def follow(
    known: Mapping[str, Episode], judgement: Judgement, now: datetime
) -> tuple[Episode, ...]:
    """The episodes that a judgement begins, continues or ends."""
    holding = {condition.key for condition in judgement.conditions}
    spared = holding | judgement.undecided
    return (
        *(_seen(known.get(each.key), each, now) for each in judgement.conditions),
        *_ended((each for key, each in known.items() if key not in spared), now),
    )


def in_order(episodes: Iterable[Episode]) -> list[Episode]:
    """What matters most first, then the oldest."""
    return sorted(episodes, key=lambda each: (RANKS[each.severity], each.began_at, each.key))


def _seen(known: Episode | None, condition: Condition, now: datetime) -> Episode:
    if known is None or (known.resolved_at is not None and not known.untold):
        return Episode(
            key=condition.key,
            severity=condition.severity,
            title=condition.title,
            body=condition.body,
            began_at=now,
            last_seen_at=now,
            resolution_notified_at=known.told_at if known else None,
        )
    # Nobody was told that it ended, so it did not.
    return replace(known, last_seen_at=now, resolved_at=None)


def _ended(absent: Iterable[Episode], now: datetime) -> Iterable[Episode]:
    for episode in absent:
        if episode.resolved_at is None and now - episode.last_seen_at >= AWAY_FOR:
            yield replace(episode, resolved_at=now)
