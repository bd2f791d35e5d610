"""Finding out what each source calls each region's grid."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from carbon_scaler.application.grid_sources import ErrorKind, GridSource
from carbon_scaler.application.ingest.due import Asking
from carbon_scaler.application.ingest.failures import failure_of
from carbon_scaler.application.ingest.feeds import Feeds
from carbon_scaler.application.ingest.outcome import Tally
from carbon_scaler.domain.regions import RegionGrid

log = structlog.get_logger()

# Sources keep what they found; this notices when that is out of date.
LOOKED_UP_FOR = timedelta(days=1)
ZONE_SECONDS = 60.0

Pair = tuple[GridSource, RegionGrid]


class ZoneSearch:
    """Pairs of a source and a region that it serves, and how looking up the zone went."""

    def __init__(self, grids: Sequence[RegionGrid], sources: Mapping[str, GridSource]) -> None:
        self._pairs: dict[tuple[str, str], Pair] = {
            (name, grid.region.name): (sources[name], grid)
            for grid in grids
            for name in dict.fromkeys(grid.chain)
            if name in sources and sources[name].serves(grid.region)
        }
        self._askings = {key: Asking() for key in self._pairs}

    @property
    def is_complete(self) -> bool:
        """Whether every pair has been asked for."""
        return all(asking.asked_at is not None for asking in self._askings.values())

    def due(self, now: datetime) -> list[Pair]:
        """Pairs without a zone, or with one that was looked up long ago."""
        return [self._pairs[key] for key, asking in self._askings.items() if _due(asking, now)]

    async def find(self, pair: Pair, feeds: Feeds, tally: Tally, now: datetime) -> None:
        """Ask for one zone; a failure concerns this pair only."""
        source, grid = pair
        name, region = source.traits.name, grid.region.name
        asking = self._askings[name, region]
        former, asking.asked_at = asking.asked_at, now
        try:
            async with asyncio.timeout(ZONE_SECONDS):
                zone = await source.zone_of(grid.region, now)
        except asyncio.CancelledError:
            asking.asked_at = former
            raise
        except Exception as error:  # noqa: BLE001  a source may be anybody's code
            cause, kind = failure_of(error, source=name)
            self._note_failure(asking, (name, region), cause, kind)
            tally.fail(cause, None if kind is None else kind.value, of=region)
        else:
            asking.answered()
            feeds.place(source, grid, zone)

    def _note_failure(
        self, asking: Asking, key: tuple[str, str], cause: str, kind: ErrorKind | None
    ) -> None:
        if not asking.failures or asking.kind is not kind:
            log.warning("ingest.zone_refused", source=key[0], region=key[1], cause=cause)
        asking.failed(kind)


def _due(asking: Asking, now: datetime) -> bool:
    if asking.asked_at is None or now < asking.asked_at:
        return True
    return (asking.again_at or asking.asked_at + LOOKED_UP_FOR) <= now
