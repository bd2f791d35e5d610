"""The sources in force, and the regions that they serve, from settings and policy files."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from carbon_scaler.application.grid_sources import GridSource, SourceTraits
from carbon_scaler.application.ingest.call_plan import SourcePlan, check
from carbon_scaler.application.ingest.loop import Rhythm
from carbon_scaler.config.region_grids import GridPlan, region_grids
from carbon_scaler.config.region_profiles import apply, read_profiles
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.settings import Settings
from carbon_scaler.config.source_list import sources_in_force, wanted_regions
from carbon_scaler.config.sources_file import read_sources
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.regions import Catalog, CloudRegion
from carbon_scaler.domain.snapshot import YearlyAverage
from carbon_scaler.providers import plugins, static
from carbon_scaler.providers.electricity_maps import source as electricity_maps
from carbon_scaler.providers.neso import answers as neso_answers
from carbon_scaler.providers.transport import Patience, new_client
from carbon_scaler.wiring.sources import PATIENCE, Memory, Sources, quotas_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What ingest asks, and for whom."""

    # All in force, in order; `static` is among them and is no source to ask.
    names: tuple[str, ...]
    sources: Mapping[str, GridSource]
    plan: GridPlan
    catalog: Catalog

    def zones_of(self, source: str) -> Mapping[str, list[str]]:
        """Regions by zone, as far as is known without asking."""
        zones: dict[str, list[str]] = {}
        for each in self.plan.grids:
            if source in each.chain:
                region = each.region
                zone = region.zones.get(source, region.zone or region.name)
                zones.setdefault(zone, []).append(region.name)
        return zones


@asynccontextmanager
async def opened_grid(
    settings: Settings,
    environment: Mapping[str, str],
    memory: Memory,
    *,
    patience: Patience = PATIENCE,
) -> AsyncIterator[Grid]:
    """Every source in force; refuses what can be known to be wrong without asking."""
    profiles = read_profiles(settings.policy_dir)
    catalog = apply(load_catalog(), profiles)
    custom = {each.name: each for each in read_sources(settings.policy_dir, environment, catalog)}
    names = sources_in_force(settings, tuple(custom), plugins.installed())
    async with new_client() as client:
        made = Sources(settings, environment, custom, memory, client=client, patience=patience)
        sources = {name: made.source(name) for name in names if name != static.SOURCE}

        def serves(source: str, region: CloudRegion) -> bool:
            if source == static.SOURCE:
                return static.has_static_average(region)
            return sources[source].serves(region)

        wanted = wanted_regions(
            settings, catalog, lambda region: any(s.serves(region) for s in sources.values())
        )
        plan = region_grids(
            wanted,
            catalog,
            profiles,
            names,
            serves=serves,
            basis_of=lambda source: sources[source].traits.basis,
        )
        yield Grid(
            names=names,
            sources=sources,
            plan=replace(plan, warnings=(*profiles.warnings, *plan.warnings)),
            catalog=catalog,
        )


def refusal_of_plan(grid: Grid, settings: Settings) -> str | None:
    """Why the requests that these regions need can't be made, and which could; None: they can."""
    rhythm = Rhythm(forecast_every=settings.forecast_every, history_every=settings.history_every)
    plans = [
        SourcePlan(
            traits=source.traits,
            zones=zones,
            rhythm=rhythm,
            without_mix=_without_mix(source.traits) if settings.mix else None,
        )
        for name, source in grid.sources.items()
        if (zones := grid.zones_of(name))
    ]
    return check(plans, quotas_of(settings))


def averages_of(catalog: Catalog) -> Callable[[str, Basis], YearlyAverage | None]:
    """The yearly averages by the name of a region."""

    def average(region: str, basis: Basis) -> YearlyAverage | None:
        known = catalog.get(region)
        return None if known is None else static.static_average(known, basis)

    return average


def catalog_of(settings: Settings) -> Catalog:
    """The shipped regions as the user's profiles have them."""
    return apply(load_catalog(), read_profiles(settings.policy_dir))


def _without_mix(traits: SourceTraits) -> SourceTraits | None:
    if traits.name not in (electricity_maps.SOURCE, neso_answers.SOURCE):
        return None
    return replace(traits, calls_per_latest=1, calls_per_history=1)
