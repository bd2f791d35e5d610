"""Replayed data in place of live ones."""

from datetime import datetime

from carbon_scaler.config.region_grids import GridPlan
from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.regions import Catalog, CloudRegion, RegionGrid, split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.providers.replay.file import read_replay_file, shipped_year
from carbon_scaler.providers.replay.source import ReplaySource
from carbon_scaler.wiring.grid import Grid, catalog_of

REPLAY = "replay"


def replay_grid(settings: Settings, *, now: datetime) -> Grid:
    """The replayed year, the shipped one or the user's, for the regions that are wanted."""
    catalog = catalog_of(settings)
    source = replay_source(settings, catalog, now=now)
    grids = tuple(
        RegionGrid(region=_region(name, catalog), basis=Basis(), chain=(REPLAY,))
        for name in source.regions
    )
    return Grid(
        names=(REPLAY,), sources={REPLAY: source}, plan=GridPlan(grids=grids), catalog=catalog
    )


def replay_source(settings: Settings, catalog: Catalog, *, now: datetime) -> ReplaySource:
    """The source alone; a region that nobody knows is an error."""
    year = (
        shipped_year() if settings.replay_file is None else read_replay_file(settings.replay_file)
    )
    known = {*catalog, *year.regions}
    for region in settings.regions:
        if split_region(region)[1] not in known:
            raise SettingsError(
                f'CARBON_SCALER_REGIONS: "{region}" is not known; {allowed_names(region, known)}'
            )
    return ReplaySource(
        year=year, speed=settings.replay_speed, started_at=now, regions=settings.regions or None
    )


def replay_label(settings: Settings) -> str:
    """What is replayed, as every output says it."""
    what = "the shipped year 2022" if settings.replay_file is None else str(settings.replay_file)
    pace = "" if settings.replay_speed == 1 else f" at {settings.replay_speed:g} times wall speed"
    return f"replayed data, not live: {what}{pace}"


def _region(name: str, catalog: Catalog) -> CloudRegion:
    """A column of the user's file may be no cloud region."""
    return catalog.get(name) or CloudRegion(
        name=name,
        provider="own",
        country="",
        zone=name,
        latitude=0.0,
        longitude=0.0,
        eu_eea="no",
    )
