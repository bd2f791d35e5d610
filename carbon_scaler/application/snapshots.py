"""The one current snapshot, rebuilt when the store says that something changed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime

import structlog

from carbon_scaler.application.first_load import FirstLoad
from carbon_scaler.application.ports import Clock, IntensityChanges, IntensityStore
from carbon_scaler.application.series_equality import same_series
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.snapshot import RegionSeries, Snapshot, YearlyAverage

log = structlog.get_logger()

RETRY_SECONDS = 1.0

# What a region's grid emits on average in a year, on a basis; None where nobody says.
Averages = Callable[[str, Basis], YearlyAverage | None]


def no_averages(_region: str, _basis: Basis) -> YearlyAverage | None:
    """Nobody says."""
    return None


def with_average(series: RegionSeries, averages: Averages) -> RegionSeries:
    """The series with the yearly average that labels it where nothing else does."""
    average = averages(series.region, series.basis)
    return series if average is None else replace(series, average=average)


class Snapshots:
    """Holds the snapshot; swapping it is one assignment, so no reader waits or sees half of it."""

    def __init__(
        self,
        *,
        store: IntensityStore,
        changes: IntensityChanges,
        clock: Clock,
        averages: Averages = no_averages,
    ) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._averages = averages
        self._renewing = asyncio.Lock()
        # The source of each region's value that counted last.
        self._sources: dict[str, str] = {}
        self.source_changes: Counter[str] = Counter()
        self._first_load = FirstLoad()
        self.current = Snapshot(loaded_at=clock.now())
        self._load_failure: str | None = "not loaded yet"

    @property
    def failure(self) -> str | None:
        """Why the store is away, or was not read yet; the view that was loaded stands meanwhile."""
        return self._load_failure or self._changes.last_error

    @property
    def is_loaded(self) -> bool:
        """Whether the store was read at least once."""
        return self._first_load.is_done

    async def wait_loaded(self, *, seconds: float) -> bool:
        """Wait for the first load, not for ever; whether it is there."""
        return await self._first_load.wait(seconds=seconds)

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

    def label_anew(self) -> None:
        """Put the yearly averages of now beside the values that are there."""
        regions = {
            region: self._unless_equal(region, replace(series, average=None))
            for region, series in self.current.regions.items()
        }
        self.current = replace(self.current, regions=regions)

    async def _reload(self, changed: Collection[str] | None) -> None:
        async with self._renewing:
            now = self._clock.now()
            wanted = None if changed is None or not self.is_loaded else changed
            loaded = await self._store.load(wanted, now=now)
            fresh: dict[str, RegionSeries] = {}
            for region, series in loaded.items():
                fresh[region] = self._unless_equal(region, series)
                self._note_source(region, fresh[region], now)
                # All regions in one go would hold the event loop for long.
                await asyncio.sleep(0)
            self.current = _renewed(self.current, fresh, wanted, now)
        self._note_success(loaded)

    def _unless_equal(self, region: str, loaded: RegionSeries) -> RegionSeries:
        """The old object where nothing changed: answers that were computed from it stay valid."""
        old = self.current.regions.get(region)
        new = with_average(loaded, self._averages)
        return old if old is not None and same_series(old, new) else new

    def _note_source(self, region: str, series: RegionSeries, now: datetime) -> None:
        reading = series.resolved_at(now)
        if reading is None:
            return
        former = self._sources.get(region)
        self._sources[region] = reading.source
        if former not in (None, reading.source):
            self.source_changes[region] += 1
            log.info(
                "intensity.source_changed",
                region=region,
                former=former,
                present=reading.source,
                kind=reading.kind.value,
            )

    def _note_success(self, loaded: Mapping[str, RegionSeries]) -> None:
        if self._load_failure is not None:
            log.info("snapshot.loaded", regions=len(self.current.regions))
        else:
            log.debug("snapshot.refreshed", regions=sorted(loaded))
        self._load_failure = None
        self._first_load.note()

    def _note_failure(self, cause: str) -> None:
        if self._load_failure != cause:
            log.warning("snapshot.load_failed", cause=cause)
        self._load_failure = cause


def _renewed(
    old: Snapshot,
    fresh: Mapping[str, RegionSeries],
    wanted: Collection[str] | None,
    now: datetime,
) -> Snapshot:
    """The old view with what was loaded; what was asked for and is not there any more is gone."""
    kept = {} if wanted is None else {r: s for r, s in old.regions.items() if r not in wanted}
    return Snapshot(loaded_at=now, regions={**kept, **fresh})
