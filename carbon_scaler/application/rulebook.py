"""What triggers are resolved against, and how it is read again while the server runs."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from carbon_scaler.application.backlog_settings import BacklogSettings
from carbon_scaler.application.ports import Clock
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.policy import Policy
from carbon_scaler.domain.regions import Catalog

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 1.0
MOST_READINGS_AT_START = 3


class ResidencyGoneError(CarbonScalerError):
    """The residency rules are there no more, and nobody said that they should go."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rulebook:
    """One policy and all that is configured beside it; replaced as a whole, never changed."""

    policy: Policy
    catalog: Catalog
    backlogs: tuple[BacklogSettings, ...] = ()
    # The names of the documents that were there.
    documents: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    # Whether tenants are spoken of at all, if only to say that there are none.
    states_residency: bool = False


# Changes whenever a document does; comparing two of them is all that is done with it.
Signature = object


class Rules:
    """The rulebook in force: a better one takes its place, a bad one is told and forgotten."""

    def __init__(
        self,
        *,
        read: Callable[[], Rulebook],
        signature: Callable[[], Signature],
        use: Callable[[Rulebook], Awaitable[None]],
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Reads at once, and raises what is wrong; `use` hears of each later rulebook."""
        self._read = read
        self._signature = signature
        self._use = use
        self._clock = clock
        self._sleep = sleep
        self.current, self._read_as = _read_unchanged(read, signature)
        self.loaded_at: datetime = clock.now()
        self.failure: str | None = None
        self.reloads: Counter[str] = Counter(changed=0, refused=0)

    async def run(self) -> None:
        """Look every second for ever."""
        while True:
            await self._sleep(LOOK_EVERY_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Read again if the documents are others than those that were read, and stay so."""
        seen = await asyncio.to_thread(self._signature)
        if seen == self._read_as:
            return
        await self._sleep(LOOK_EVERY_SECONDS)
        # What is still being written is left for the next look.
        if await asyncio.to_thread(self._signature) != seen:
            return
        try:
            # In a thread: a thousand tenants take long to read.
            fresh = await asyncio.to_thread(self._read)
            self._refuse_loosening(fresh)
        except CarbonScalerError as error:
            if await asyncio.to_thread(self._signature) == seen:
                self._read_as = seen
                self._note_failure(str(error))
            return
        if await asyncio.to_thread(self._signature) == seen:
            self._read_as = seen
            await self._put_in_force(fresh)

    def _refuse_loosening(self, fresh: Rulebook) -> None:
        if self.current.policy.residency.tenants and not fresh.states_residency:
            raise ResidencyGoneError(
                "gdpr-residency-overrides.yaml is gone or empty, and its tenants stay in force; "
                "to drop them on purpose write into it: tenants: {}"
            )

    async def _put_in_force(self, fresh: Rulebook) -> None:
        self.current, self.loaded_at, self.failure = fresh, self._clock.now(), None
        await self._use(fresh)
        self.reloads["changed"] += 1
        log.info("policy.reloaded", version=fresh.policy.version, documents=fresh.documents)
        for text in fresh.warnings:
            log.warning("policy.warning", text=text)

    def _note_failure(self, cause: str) -> None:
        self.failure = cause
        self.reloads["refused"] += 1
        log.warning("policy.refused", cause=cause, version_in_force=self.current.policy.version)


def _read_unchanged(
    read: Callable[[], Rulebook], signature: Callable[[], Signature]
) -> tuple[Rulebook, Signature]:
    """A rulebook whose documents were not swapped while they were read one by one."""
    before, rulebook = signature(), read()
    for _ in range(MOST_READINGS_AT_START - 1):
        after = signature()
        if after == before:
            break
        before, rulebook = after, read()
    # What still changes is read again at the first look.
    return rulebook, before
