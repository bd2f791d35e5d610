"""Tell people once when something begins and once when it is over, however often it is seen."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from carbon_scaler.application.alert_episodes import Episode, EpisodeStore, follow, in_order
from carbon_scaler.application.alert_rules import AlertView, Judgement, Severity, judge
from carbon_scaler.application.ports import Clock
from carbon_scaler.domain.errors import CarbonScalerError

log = structlog.get_logger()

ROUND_SECONDS = 60.0
SEND_SECONDS = 15.0
STORE_SECONDS = 15.0
ONCE_SECONDS = 20.0
MOST_PER_HOUR = 20
HOUR = timedelta(hours=1)
FIRST_BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(minutes=30)
MOST_SUMMARISED = 20

Sleep = Callable[[float], Awaitable[None]]
View = Callable[[], Awaitable[AlertView]]


class DeliveryError(CarbonScalerError):
    """A message reached nobody; the text holds no secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing told to people."""

    severity: Severity
    title: str
    body: str
    # Whether it says that something is over.
    ended: bool = False


class Notifier(Protocol):
    """Where messages go."""

    async def send(self, message: Message) -> None:
        """Deliver to at least one channel, or raise DeliveryError."""
        ...

    async def retry(self) -> None:
        """Try again what only some of the channels got; never raises."""
        ...


class Alerting:
    """Follows conditions and sends what is due; all that matters is in the store."""

    def __init__(
        self,
        *,
        clock: Clock,
        store: EpisodeStore,
        notifier: Notifier,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._store = store
        self._notifier = notifier
        self._sleep = sleep
        self._sent: deque[datetime] = deque(maxlen=MOST_PER_HOUR)
        self._failures = 0
        self._not_before: datetime | None = None
        self._cause: str | None = None

    async def run(self, view: View) -> None:
        """Judge and tell once a minute for ever, whatever fails."""
        while True:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    seen = await view()
                await self.observe(judge(seen))
                await self.deliver()
            except (CarbonScalerError, TimeoutError) as error:
                self._note_failed_round(str(error) or "no answer in time")
            else:
                self._cause = None
            await self._sleep(ROUND_SECONDS)

    async def observe_once(self, judgement: Judgement) -> None:
        """Follow and tell within 20 s in all; what fails is logged and never raised."""
        try:
            async with asyncio.timeout(ONCE_SECONDS):
                await self.observe(judgement)
                await self.deliver()
        except (CarbonScalerError, TimeoutError) as error:
            self._note_failed_round(str(error) or "no answer in time")

    async def observe(self, judgement: Judgement) -> None:
        """Begin, continue and end episodes; sends nothing."""
        async with asyncio.timeout(STORE_SECONDS):
            known = {episode.key: episode for episode in await self._store.episodes()}
            followed = follow(known, judgement, self._clock.now())
            if followed:
                await self._store.keep(followed)

    async def deliver(self) -> None:
        """Send what is due, within the limits; what fails stays due."""
        now = self._clock.now()
        await self._notifier.retry()
        if self._not_before is not None and now < self._not_before:
            return
        async with asyncio.timeout(STORE_SECONDS):
            episodes = await self._store.episodes()
        self._remember(episodes)
        due = in_order(episode for episode in episodes if episode.due(now))
        for batch in _batches(due, self._left(now)):
            if not await self._tell(batch):
                break

    async def _tell(self, batch: Sequence[Episode]) -> bool:
        now = self._clock.now()
        message = _message(batch[0]) if len(batch) == 1 else _summary(batch)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._notifier.send(message)
        except (DeliveryError, TimeoutError) as error:
            self._back_off(now, str(error) or "no answer in time")
            return False
        self._failures, self._not_before = 0, None
        self._sent.append(now)
        log.info("alert.sent", title=message.title, about=len(batch))
        async with asyncio.timeout(STORE_SECONDS):
            await self._store.keep([episode.told(now) for episode in batch])
        return True

    def _remember(self, episodes: Sequence[Episode]) -> None:
        """After a restart: what was sent, as far as the episodes tell; one instant, one message."""
        if not self._sent:
            told = {each.notified_at for each in episodes}
            told |= {each.resolution_notified_at for each in episodes}
            self._sent.extend(sorted(at for at in told if at is not None))

    def _left(self, now: datetime) -> int:
        """How many messages this hour still bears."""
        return MOST_PER_HOUR - sum(now - at < HOUR for at in self._sent)

    def _back_off(self, now: datetime, cause: str) -> None:
        pause = min(FIRST_BACKOFF * 2 ** min(self._failures, 10), LONGEST_BACKOFF)
        self._failures += 1
        self._not_before = now + pause
        log.warning("alert.failed", cause=cause, again_in_seconds=pause.total_seconds())

    def _note_failed_round(self, cause: str) -> None:
        if cause != self._cause:
            log.warning("alert.round_failed", cause=cause)
        self._cause = cause


def _batches(due: list[Episode], left: int) -> list[list[Episode]]:
    """One message each; where the hour bears fewer, the last one sums up the rest."""
    if left <= 0 or not due:
        return []
    if len(due) <= left:
        return [[episode] for episode in due]
    return [*([episode] for episode in due[: left - 1]), due[left - 1 :]]


def _message(episode: Episode) -> Message:
    ended = episode.resolved_at is not None
    return Message(
        severity=episode.severity,
        title=episode.title,
        body=_span(episode) if ended else episode.body,
        ended=ended,
    )


def _summary(episodes: Sequence[Episode]) -> Message:
    lines = [
        f"{'resolved' if episode.resolved_at else episode.severity}: {episode.title}"
        for episode in episodes[:MOST_SUMMARISED]
    ]
    more = len(episodes) - MOST_SUMMARISED
    return Message(
        severity=episodes[0].severity,
        title=f"{len(episodes)} further alerts",
        body="\n".join([*lines, *([f"and {more} more"] if more > 0 else [])]),
        ended=all(episode.resolved_at is not None for episode in episodes),
    )


def _span(episode: Episode) -> str:
    began, ended = episode.began_at, episode.last_seen_at
    return f"It held from {began:%Y-%m-%d %H:%M} to {ended:%Y-%m-%d %H:%M} UTC."
