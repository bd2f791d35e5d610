"""Whether something was read at least once."""

import asyncio


class FirstLoad:
    """Set once and for ever; whoever needs it waits, but not for ever."""

    def __init__(self) -> None:
        self._happened = asyncio.Event()

    @property
    def is_done(self) -> bool:
        """Whether it happened."""
        return self._happened.is_set()

    def note(self) -> None:
        """It happened."""
        self._happened.set()

    async def wait(self, *, seconds: float) -> bool:
        """Whether it has happened after so many seconds at the most."""
        if not self._happened.is_set():
            try:
                await asyncio.wait_for(self._happened.wait(), seconds)
            except TimeoutError:
                return False
        return True
