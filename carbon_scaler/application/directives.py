"""What people and accounts say beside the grid: operators' overrides, and what services emitted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from carbon_scaler.application.first_load import FirstLoad
from carbon_scaler.application.ports import Clock, IntensityChanges
from carbon_scaler.domain.budget import BudgetUse
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.override import Override

log = structlog.get_logger()

RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directives:
    """All of it at one moment; replaced as a whole, never changed."""

    # Not ended; some may have expired since.
    overrides: tuple[Override, ...] = ()
    # By service, of the present month.
    budget_use: Mapping[str, BudgetUse] = field(default_factory=dict)

    def says_the_same_as(self, other: "Directives") -> bool:
        """Whether nothing that a rule may look at differs."""
        return self.overrides == other.overrides and self.budget_use == other.budget_use


NO_DIRECTIVES = Directives()


class DirectiveStore(Protocol):
    """Where they are kept."""

    async def load(self, now: datetime) -> Directives:
        """All that may apply from now on."""
        ...


class DirectiveStates:
    """Holds them; they are read anew when the store says so, and now and then unasked."""

    def __init__(self, *, store: DirectiveStore, changes: IntensityChanges, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._first_load = FirstLoad()
        self._load_failure: str | None = "not loaded yet"
        self.current = NO_DIRECTIVES

    @property
    def is_loaded(self) -> bool:
        """Whether the store was read at least once."""
        return self._first_load.is_done

    @property
    def failure(self) -> str | None:
        """Why the store is away, or was not read yet; what was loaded stands meanwhile."""
        return self._load_failure or self._changes.last_error

    async def wait_loaded(self, *, seconds: float) -> bool:
        """Wait for the first load, not for ever; whether it is there."""
        return await self._first_load.wait(seconds=seconds)

    async def run(self) -> None:
        """Follow the store's changes for ever; a failing store leaves the last view in place."""
        await self.refresh()
        async for _ in self._changes.changes():
            await self.refresh()

    async def refresh(self) -> None:
        """Read all again, however long the store is away."""
        while True:
            try:
                loaded = await self._store.load(self._clock.now())
            except CarbonScalerError as error:
                self._note_failure(str(error))
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._take(loaded)
                return

    def _take(self, loaded: Directives) -> None:
        # The old object where nothing changed: answers that were computed from it stay valid.
        changed = not loaded.says_the_same_as(self.current)
        if changed:
            self.current = loaded
        if changed or self._load_failure is not None:
            log.info(
                "directives.loaded",
                overrides=[override.id for override in loaded.overrides],
                budgets=len(loaded.budget_use),
            )
        self._load_failure = None
        self._first_load.note()

    def _note_failure(self, cause: str) -> None:
        if self._load_failure != cause:
            log.warning("directives.load_failed", cause=cause)
        self._load_failure = cause
