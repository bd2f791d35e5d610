"""`carbon-scaler regions`: what is known of cloud regions."""

from dataclasses import asdict
from typing import Annotated

import typer

from carbon_scaler.cli.context import prepared
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.regions import PROVIDERS, CloudRegion
from carbon_scaler.domain.suggestions import allowed_names

app = typer.Typer(help="Cloud regions and their grids.", no_args_is_help=True)


@app.command("list")
def list_regions(
    provider: Annotated[str | None, typer.Option(help="aws, gcp or azure.")] = None,
    json: JsonFlag = False,
) -> None:
    """List the cloud regions with the zone of the grid that feeds each."""
    prepared(quiet=True)
    if provider is not None and provider not in PROVIDERS:
        raise typer.BadParameter(f"{provider!r} is unknown; {allowed_names(provider, PROVIDERS)}")
    regions = [r for r in load_catalog().values() if provider in (None, r.provider)]
    if json:
        print_json([asdict(region) for region in regions])
    else:
        print_table(("provider", "region", "zone", "country", "EU/EEA"), map(_row, regions))


def _row(region: CloudRegion) -> tuple[str, ...]:
    return (region.provider, region.name, region.zone, region.country, region.eu_eea)
