"""How the values of each wanted region are to be found: its basis and its sources in order."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from carbon_scaler.config.region_profiles import Profiles, RegionProfile
from carbon_scaler.config.settings import SettingsError
from carbon_scaler.domain.intensity import Basis, Factors, Signal
from carbon_scaler.domain.regions import Catalog, CloudRegion, RegionGrid, split_region
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.domain.trigger import quoted

STATIC = "static"
NOTHING_STATED = RegionProfile()

Serves = Callable[[str, CloudRegion], bool]
BasisOf = Callable[[str], Basis]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPlan:
    """The wanted regions' grids, and what is allowed there and yet surprising."""

    grids: tuple[RegionGrid, ...]
    warnings: tuple[str, ...] = ()


def region_grids(
    wanted: Sequence[str],
    catalog: Catalog,
    profiles: Profiles,
    sources: Sequence[str],
    *,
    serves: Serves,
    basis_of: BasisOf,
) -> GridPlan:
    """One grid per wanted region; a region that is unknown or that nobody serves is an error.

    `sources` are those in force, in order; `basis_of` is asked for each but `static`.
    """
    _check_sources(profiles, sources)
    regions = dict.fromkeys(_known(name, catalog) for name in wanted)
    grids = []
    warnings: list[str] = []
    for name in regions:
        profile = profiles.regions.get(name, NOTHING_STATED)
        tried = profile.sources or tuple(sources)
        chain = _chain(catalog[name], tried, serves)
        grid = _grid(catalog[name], profile, chain, basis_of)
        grids.append(grid)
        warnings += _warnings(grid, basis_of)
        warnings += (
            f"{name}: region-profiles.yaml names {source}, which can't serve it"
            for source in profile.sources or ()
            if source not in chain
        )
    return GridPlan(grids=tuple(grids), warnings=tuple(warnings))


def known_region(name: str, catalog: Catalog) -> CloudRegion:
    """The region of this name, with or without its provider before it."""
    return catalog[_known(name, catalog)]


def _known(text: str, catalog: Catalog) -> str:
    provider, name = split_region(text)
    region = catalog.get(name)
    if region is None:
        raise SettingsError(f"region {quoted(text)} is not known; {allowed_names(name, catalog)}")
    if provider not in (None, region.provider):
        raise SettingsError(
            f"region {quoted(text)} is not known; {name} belongs to {region.provider}"
        )
    return name


def _check_sources(profiles: Profiles, sources: Sequence[str]) -> None:
    for name, profile in profiles.regions.items():
        for source in profile.sources or ():
            if source not in sources:
                raise SettingsError(
                    f"region-profiles.yaml: regions.{name}.sources: {quoted(source)} is not among "
                    f"the sources in force; {allowed_names(source, sources)}"
                )


def _chain(region: CloudRegion, tried: Sequence[str], serves: Serves) -> tuple[str, ...]:
    serving = [source for source in tried if serves(source, region)]
    if not serving:
        raise SettingsError(_unserved(region, tried))
    return tuple(sorted(serving, key=lambda source: source == STATIC))


def _grid(
    region: CloudRegion, profile: RegionProfile, chain: tuple[str, ...], basis_of: BasisOf
) -> RegionGrid:
    return RegionGrid(
        region=region,
        basis=_basis(profile, chain, basis_of),
        chain=chain,
        stand_ins=profile.stand_ins,
        plausible=profile.plausible,
    )


def _basis(profile: RegionProfile, chain: Sequence[str], basis_of: BasisOf) -> Basis:
    """Marginal only where the profile says so."""
    signal = profile.signal or Signal.AVERAGE
    of_chain = (basis_of(source) for source in chain if source != STATIC)
    fitting = (basis.factors for basis in of_chain if basis.signal is signal)
    return Basis(signal=signal, factors=profile.factors or next(fitting, _usual_factors(signal)))


def _usual_factors(signal: Signal) -> Factors:
    return Factors.LIFECYCLE if signal is Signal.AVERAGE else Factors.DIRECT


def _unserved(region: CloudRegion, tried: Sequence[str]) -> str:
    place = region.zone or "its coordinates"
    return (
        f"region {region.name} has no source: {', '.join(tried) or 'none'} can't serve {place}; "
        f"{' or '.join(_would_serve(region))} would (CARBON_SCALER_SOURCES)"
    )


def _would_serve(region: CloudRegion) -> Iterator[str]:
    """By what is public knowledge of the sources; they themselves say it when they are there."""
    if region.zone == "GB":
        yield "neso"
    if region.zone:
        yield "electricity_maps with a key"
    yield "watttime with an account"
    yield "a source of your own in sources.yaml"


def _warnings(grid: RegionGrid, basis_of: BasisOf) -> Iterator[str]:
    asked = [source for source in grid.chain if source != STATIC]
    if not asked:
        yield (
            f"{grid.region.name} has yearly averages only, which never decide; name a source that "
            f"serves {grid.region.zone or 'it'} in CARBON_SCALER_SOURCES"
        )
    elif grid.basis not in map(basis_of, asked):
        has = ", ".join(f"{source} is {basis_of(source)}" for source in asked)
        yield (
            f"{grid.region.name} is {grid.basis} and none of its sources is ({has}); state "
            "its signal and factors, or stand_ins, in region-profiles.yaml"
        )
