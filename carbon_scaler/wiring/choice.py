"""Live data or replayed ones? Only `run` may choose, and it says what it chose and why."""

import asyncio
from collections.abc import Mapping

from carbon_scaler.application.clock import SystemClock
from carbon_scaler.application.grid_sources import SourceError
from carbon_scaler.config.settings import KEYLESS_SOURCES, Settings
from carbon_scaler.config.source_list import KEYS, live
from carbon_scaler.wiring.grid import Grid, opened_grid
from carbon_scaler.wiring.replay import REPLAY, replay_label
from carbon_scaler.wiring.sources import NOTHING

PROBE_SECONDS = 8.0


async def replay_instead(settings: Settings, environment: Mapping[str, str]) -> str | None:
    """The label of the replayed data; None where live data are to be had."""
    listed = settings.sources
    if REPLAY in listed or (not listed and settings.replay_file is not None):
        return replay_label(settings)
    # Opened even where the choice is clear: what can't work is refused before anything is started.
    async with opened_grid(settings, environment, NOTHING) as grid:
        if listed:
            return None
        if settings.region or settings.regions:
            return await _label_of(settings, grid)
        return replay_label(settings) if set(grid.names) <= set(KEYLESS_SOURCES) else None


async def _label_of(settings: Settings, grid: Grid) -> str | None:
    wanted = ", ".join(each.region.name for each in grid.plan.grids)
    serving = {name for each in grid.plan.grids for name in live(each.chain)}
    if not serving:
        return f"{replay_label(settings)} (no source without a key has {wanted})"
    if serving & KEYS.keys() or serving != {"neso"}:
        return None
    trouble = await _trouble_of_keyless(grid)
    return None if trouble is None else f"{replay_label(settings)} (no live data: {trouble})"


async def _trouble_of_keyless(grid: Grid) -> str | None:
    """Why the keyless source gives nothing at present, found out by asking once."""
    source, now = grid.sources["neso"], SystemClock().now()
    region = next(each.region for each in grid.plan.grids if "neso" in each.chain)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            await source.latest(await source.zone_of(region, now), now)
    except SourceError as error:
        return str(error)
    except TimeoutError:
        return f"neso: no answer within {PROBE_SECONDS:g} s"
    return None
