"""`carbon-scaler db`: get at the database."""

import os
import shutil

import typer

from carbon_scaler.cli.context import prepared
from carbon_scaler.cli.output import JsonFlag, print_json
from carbon_scaler.storage.embedded import psql_binary
from carbon_scaler.wiring.databases import reachable_database

app = typer.Typer(
    help="Reach DATABASE_URL, else the embedded Postgres that `run` started.", no_args_is_help=True
)


@app.command("url")
def url(json: JsonFlag = False) -> None:
    """Print the URL, password included, for psql and other clients."""
    settings, _ = prepared(quiet=True)
    address = reachable_database(settings)
    if json:
        print_json({"url": address})
    else:
        typer.echo(address)


@app.command("psql", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql there; further arguments go to it: `carbon-scaler db psql -c 'SELECT 1'`."""
    settings, _ = prepared(quiet=True)
    program = shutil.which("psql") or str(psql_binary())
    address = reachable_database(settings)
    os.execv(program, [program, address, *context.args])  # noqa: S606  no shell is wanted
