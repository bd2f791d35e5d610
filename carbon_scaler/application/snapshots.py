"""The one current snapshot, rebuilt when the store says that something changed."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import datetime

import numpy as np
import structlog

from carbon_scaler.application.ports import Clock, IntensityChanges, IntensityStore
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.snapshot import RegionSeries, Snapshot

log = structlog.get_logger()

RETRY_SECONDS = 1.0


class Snapshots:
    """Holds the snapshot; swapping it is one assignment, so no reader waits or sees half of it."""

    def __init__(self, *, store: IntensityStore, changes: IntensityChanges, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._loaded = asyncio.Event()
        self.current = Snapshot(loaded_at=clock.now())
        self._load_failure: str | None = "not loaded yet"

    @property
    def failure(self) -> str | None:
        """Why the store is away, or was not read yet; the view that was loaded stands meanwhile."""
        return self._load_failure or self._changes.last_error

    @property
    def is_loaded(self) -> bool:
        """Whether the store was read at least once."""
        return self._loaded.is_set()

    async def wait_loaded(self, *, seconds: float) -> bool:
        """Wait for the first load, not for ever; whether it is there."""
        if not self._loaded.is_set():
            try:
                await asyncio.wait_for(self._loaded.wait(), seconds)
            except TimeoutError:
                return False
        return True

    async def run(self) -> None:
        """Follow the store's changes for ever; a failing store leaves the last view in place."""
        await self.refresh(None)
        async for changed in self._changes.changes():
            await self.refresh(changed)

    async def refresh(self, changed: Collection[str] | None) -> None:
        """Read these regions again (None: all), however long the store is away."""
        while True:
            try:
                await self._reload(changed)
            except CarbonScalerError as error:
                self._note_failure(str(error))
                # What was missed meanwhile is unknown, so all is read again.
                changed = None
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _reload(self, changed: Collection[str] | None) -> None:
        now = self._clock.now()
        wanted = None if changed is None or not self.is_loaded else changed
        loaded = await self._store.load(wanted, now=now)
        self.current = _renewed(self.current, loaded, wanted, now)
        self._note_success(loaded)

    def _note_success(self, loaded: Mapping[str, RegionSeries]) -> None:
        if self._load_failure is not None:
            log.info("snapshot.loaded", regions=len(self.current.regions))
        else:
            log.debug("snapshot.refreshed", regions=sorted(loaded))
        self._load_failure = None
        self._loaded.set()

    def _note_failure(self, cause: str) -> None:
        if self._load_failure != cause:
            log.warning("snapshot.load_failed", cause=cause)
        self._load_failure = cause


def _renewed(
    old: Snapshot,
    loaded: Mapping[str, RegionSeries],
    wanted: Collection[str] | None,
    now: datetime,
) -> Snapshot:
    """The old view with what was loaded; what was asked for and is not there any more is gone."""
    kept = {} if wanted is None else {r: s for r, s in old.regions.items() if r not in wanted}
    fresh = {region: _unless_equal(old.regions.get(region), new) for region, new in loaded.items()}
    return Snapshot(loaded_at=now, regions={**kept, **fresh})


def _unless_equal(old: RegionSeries | None, new: RegionSeries) -> RegionSeries:
    """The old object where nothing changed: answers that were computed from it stay valid."""
    if old is None or old.first_at != new.first_at or old.sources != new.sources:
        return new
    same = old.kinds == new.kinds and all(
        np.array_equal(getattr(old, column), getattr(new, column))
        for column in (
            "starts",
            "grams_per_kwh",
            "renewable_at_least",
            "renewable_at_most",
            "fetched",
            "usable_for",
        )
    )
    return old if same else new
