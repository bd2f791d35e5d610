"""Fakes of the ports of alerting."""

import asyncio
from collections.abc import Sequence

from carbon_scaler.application.alert_episodes import Episode
from carbon_scaler.application.alert_rules import Condition, Judgement, Severity
from carbon_scaler.application.alerting import DeliveryError, Message


class FakeEpisodeStore:
    """Episodes in a dictionary; outlives the process that a test restarts."""

    def __init__(self) -> None:
        self.kept: dict[str, Episode] = {}
        self.failure: Exception | None = None

    async def episodes(self) -> Sequence[Episode]:
        if self.failure is not None:
            raise self.failure
        return list(self.kept.values())

    async def keep(self, episodes: Sequence[Episode]) -> None:
        self.kept |= {episode.key: episode for episode in episodes}


class FakeNotifier:
    """Remembers what it delivered, unless it is down or hangs."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.attempts = 0
        self.down = False
        self.hangs = False

    async def send(self, message: Message) -> None:
        self.attempts += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise DeliveryError("slack: answered status 500")
        self.messages.append(message)

    async def retry(self) -> None:
        return None

    @property
    def told(self) -> list[tuple[str, bool]]:
        return [(message.title, message.ended) for message in self.messages]


def a_condition(key: str = "no_data:home", severity: Severity = Severity.CRITICAL) -> Condition:
    return Condition(key=key, severity=severity, title=f"about {key}", body="Look at it.")


def holding(*keys: str, undecided: frozenset[str] = frozenset()) -> Judgement:
    return Judgement(conditions=tuple(map(a_condition, keys)), undecided=undecided)


NOTHING = Judgement(conditions=())
