"""Going on while the store is away: again after a pause that grows, told once."""

from collections.abc import Awaitable, Callable

import structlog

from carbon_scaler.application.ingest.failures import cause_of
from carbon_scaler.application.terms import SupersededError
from carbon_scaler.domain.errors import CarbonScalerError

log = structlog.get_logger()

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0


class StorePatience:
    """Tries what needs the store, and remembers how that goes."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        # Why the last try failed; None: it did not.
        self.cause: str | None = None
        self._failures = 0
        self._sleep = sleep

    async def insist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it, however often it takes."""
        while not await self.attempt(work):
            pass

    async def attempt(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do it, or pause where the store fails; whether it was done."""
        try:
            await work()
        except SupersededError:
            raise
        except (CarbonScalerError, TimeoutError) as error:
            await self._sleep(self._note_failure(cause_of(error)))
            return False
        self._note_success()
        return True

    def _note_failure(self, cause: str) -> float:
        if cause != self.cause:
            log.warning("ingest.store_failed", cause=cause)
        self.cause = cause
        self._failures += 1
        return min(FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures - 1, 10), LONGEST_PAUSE_SECONDS)

    def _note_success(self) -> None:
        if self.cause is not None:
            log.info("ingest.store_recovered", failures=self._failures)
        self.cause = None
        self._failures = 0
