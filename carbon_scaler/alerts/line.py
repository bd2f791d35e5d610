"""The way to one channel, with what it still owes."""

import asyncio
from collections import deque

from carbon_scaler.alerts.channel import Channel
from carbon_scaler.application.alerting import DeliveryError, Message

# Less than the use case's limit, so that a slow channel does not undo the others' success.
SEND_SECONDS = 12.0
MOST_OWED = 50
FIRST_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 1800.0


class Line:
    """Keeps the order: what is new waits behind what is owed."""

    def __init__(self, channel: Channel, *, send_seconds: float = SEND_SECONDS) -> None:
        self.channel = channel
        self.owed: deque[Message] = deque(maxlen=MOST_OWED)
        self._send_seconds = send_seconds
        self._failures = 0
        self._not_before = 0.0

    async def offer(self, message: Message) -> str | None:
        """Why it was not delivered, and is owed now; None: it was."""
        owes = bool(self.owed)
        self.owed.append(message)
        if owes and asyncio.get_running_loop().time() < self._not_before:
            return f"{self.channel.name}: waits behind what failed before"
        return await self.settle()

    async def settle(self) -> str | None:
        """Deliver what is owed, in order; why it ended early, if it did."""
        try:
            async with asyncio.timeout(self._send_seconds):
                while self.owed:
                    await self.channel.send(self.owed[0])
                    self.owed.popleft()
                    self._failures = 0
        except DeliveryError as error:
            return self._failed(str(error))
        except TimeoutError:
            return self._failed(f"{self.channel.name}: no answer in time")
        return None

    async def retry(self) -> None:
        """Settle, unless that failed lately."""
        if self.owed and asyncio.get_running_loop().time() >= self._not_before:
            await self.settle()

    def withdraw(self, message: Message) -> None:
        """Owe it no longer: whoever sent it will do so again."""
        if message in self.owed:
            self.owed.remove(message)

    def _failed(self, cause: str) -> str:
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 10), LONGEST_PAUSE_SECONDS)
        self._failures += 1
        self._not_before = asyncio.get_running_loop().time() + pause
        return cause
