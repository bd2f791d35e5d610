"""`carbon-scaler regions`: what is known of cloud regions."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.cli.region_tables import print_comparison, print_ranking
from carbon_scaler.config.policy_directory import PROFILES
from carbon_scaler.config.region_grids import GridPlan, known_region
from carbon_scaler.config.region_profiles import OWN, Profiles, apply, read_profiles
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.config.settings import Settings
from carbon_scaler.config.zones_file import zone_warnings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis, Factors
from carbon_scaler.domain.regions import PROVIDERS, Catalog, CloudRegion
from carbon_scaler.domain.suggestions import allowed_names
from carbon_scaler.providers.static import licence_of, static_average
from carbon_scaler.wiring.grid import opened_grid
from carbon_scaler.wiring.region_ranking import RankAsked, compared_regions, ranked_regions
from carbon_scaler.wiring.replay import REPLAY
from carbon_scaler.wiring.sources import NOTHING

app = typer.Typer(help="Cloud regions and their grids.", no_args_is_help=True)


Days = Annotated[int, typer.Option(min=1, max=366, help="Over how many of the last days.")]
TenantName = Annotated[
    str | None, typer.Option(help="Whose residency to judge by, of gdpr-residency-overrides.yaml.")
]
DEFAULT_DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    settings: Settings
    environment: dict[str, str]
    profiles: Profiles
    catalog: Catalog


@app.command("list")
def list_regions(
    provider: Annotated[str | None, typer.Option(help="aws, gcp, azure or own.")] = None,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """List the cloud regions with the zone of the grid that feeds each."""
    known = _known(policy_dir)
    providers = (*PROVIDERS, OWN)
    if provider is not None and provider not in providers:
        raise typer.BadParameter(f"{provider!r} is unknown; {allowed_names(provider, providers)}")
    regions = [r for r in known.catalog.values() if provider in (None, r.provider)]
    if json:
        print_json([_document(region) for region in regions])
    else:
        columns = ("provider", "region", "zone", "WattTime", "country", "EU/EEA")
        print_table(columns, map(_row, regions))


@app.command("show")
def show_region(
    name: Annotated[str, typer.Argument(help="The region, like us-east-1 or gcp:europe-west1.")],
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Show one region: its grid, who says so, its sources as configured, its yearly averages."""
    known = _known(policy_dir)
    region = known_region(name, known.catalog)
    document = {
        **_document(region),
        "warnings": zone_warnings(region.zone) if region.zone else [],
        **_grid(known, region),
        "averages": _averages(region),
    }
    if json:
        print_json(document)
    else:
        print_table(("what", "value"), [(key, _said(value)) for key, value in document.items()])


@app.command("rank")
def rank_regions(
    days: Days = DEFAULT_DAYS,
    regions: Annotated[
        str | None, typer.Option(help="Only these, like us-west-2,eu-north-1; else all stored.")
    ] = None,
    tenant: TenantName = None,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Rank regions by their stored means and the policy's weights, the law first.

    Reads DATABASE_URL, else the embedded Postgres that `run` started. Where nothing is stored a
    yearly average stands in, labelled and behind.
    """
    settings, _ = prepared(quiet=True, policy_dir=policy_dir)
    names = tuple(name.strip() for name in (regions or "").split(",") if name.strip())
    asked = RankAsked(regions=names, days=days, tenant=tenant)
    document = run_loop(ranked_regions(settings, asked))
    (print_json if json else print_ranking)(document)


@app.command("compare")
def compare_regions(
    names: Annotated[list[str], typer.Argument(help="Two regions or more; the first is home.")],
    days: Days = DEFAULT_DAYS,
    tenant: TenantName = None,
    energy_kwh: Annotated[
        float | None, typer.Option(min=0.000_001, max=1_000_000, help="Of one job; else stated.")
    ] = None,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Put regions side by side: carbon and cost against the first, and what the law leaves."""
    settings, _ = prepared(quiet=True, policy_dir=policy_dir)
    if len(set(names)) < 2:  # noqa: PLR2004
        raise typer.BadParameter("name two different regions at least")
    asked = RankAsked(regions=tuple(names), days=days, tenant=tenant)
    document = run_loop(compared_regions(settings, asked, energy_kwh))
    (print_json if json else print_comparison)(document)


def _known(policy_dir: Path | None) -> _Known:
    settings, environment = prepared(quiet=True, policy_dir=policy_dir)
    profiles = read_profiles(settings.policy_dir)
    catalog = apply(load_catalog(), profiles)
    return _Known(settings=settings, environment=environment, profiles=profiles, catalog=catalog)


def _row(region: CloudRegion) -> tuple[str | None, ...]:
    return (
        region.provider,
        region.name,
        region.zone,
        region.watttime_region,
        region.country,
        region.eu_eea,
    )


def _document(region: CloudRegion) -> dict[str, object]:
    """JSON has no words for coordinates that nobody knows."""
    plain = {
        key: None if isinstance(value, float) and not isfinite(value) else value
        for key, value in asdict(region).items()
    }
    return plain | {
        "timezone": str(region.timezone),
        "clean_hours": [window.hours for window in region.clean_hours],
    }


def _grid(known: _Known, region: CloudRegion) -> dict[str, object]:
    """The region's sources as they would be asked, or why there are none."""
    if REPLAY in known.settings.sources:
        return {"sources": [REPLAY], "basis": str(Basis()), "trouble": []}
    settings = known.settings.model_copy(update={"regions": (region.name,)})
    try:
        plan = run_loop(_plan(settings, known.environment))
    except CarbonScalerError as error:
        return {"sources": [], "basis": None, "trouble": [str(error)]}
    (grid,) = plan.grids
    of_profile = f"{PROFILES}: regions.{region.name}:"
    said = [text for text in known.profiles.warnings if text.startswith(of_profile)]
    return {
        "sources": list(grid.chain),
        "basis": str(grid.basis),
        "stand_ins": [str(basis) for basis in grid.stand_ins],
        "plausible": grid.plausible,
        "trouble": [*plan.warnings, *said],
    }


async def _plan(settings: Settings, environment: Mapping[str, str]) -> GridPlan:
    """Nothing is asked: sources are made and say whom they serve."""
    async with opened_grid(settings, environment, NOTHING) as grid:
        return grid.plan


def _averages(region: CloudRegion) -> list[dict[str, object]]:
    bases = (Basis(factors=factors) for factors in Factors)
    found = (static_average(region, basis) for basis in bases)
    return [
        {
            "basis": str(average.basis),
            "grams_per_kwh": average.grams_per_kwh,
            "year": average.year,
            "source": average.source,
            "licence": licence_of(average),
        }
        for average in found
        if average is not None
    ]


def _said(value: object) -> object:
    match value:
        case list() | tuple():
            return "\n".join(str(_said(each)) for each in value)
        case dict():
            return ", ".join(f"{key} {each}" for key, each in value.items())
        case _:
            return value
