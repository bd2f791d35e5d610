"""Keeping within a source's published rate."""

from collections import deque
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]
# Seconds that only grow.
Monotonic = Callable[[], float]

WINDOW_SECONDS = 60.0


class Pace:
    """At most so many requests in any minute, counted where they start."""

    def __init__(self, calls_per_minute: int, *, monotonic: Monotonic, sleep: Sleep) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._starts: deque[float] = deque(maxlen=calls_per_minute)

    async def turn(self) -> None:
        """Returns when the next request may start; turns are given in the order of asking."""
        now = self._monotonic()
        full = len(self._starts) == self._starts.maxlen
        start = max(now, self._starts[0] + WINDOW_SECONDS) if full else now
        self._starts.append(start)
        if start > now:
            await self._sleep(start - now)
