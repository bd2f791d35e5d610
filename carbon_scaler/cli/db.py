"""`carbon-scaler db`: get at the database."""

import os
import shutil
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from carbon_scaler.cli.context import prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, print_json
from carbon_scaler.domain.durations import DURATION_FORMS, parse_duration
from carbon_scaler.storage.embedded import psql_binary
from carbon_scaler.wiring.cleanup import delete_what_is_old
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


@app.command("cleanup")
def cleanup(
    keep: Annotated[
        str, typer.Option(help="Decisions that are younger stay, at least a day.")
    ] = "90d",
    json: JsonFlag = False,
) -> None:
    """Delete old decisions and own forecasts of over 14 days ago; say how many. Grid values stay."""
    younger = parse_duration(keep)
    if younger is None or younger < timedelta(days=1):
        raise typer.BadParameter(
            f"--keep {keep!r} is no duration from a day to a year; write it like {DURATION_FORMS}"
        )
    settings, _ = prepared(quiet=True)
    deleted = run_loop(delete_what_is_old(settings, younger))
    if json:
        print_json({"deleted": asdict(deleted)})
    else:
        typer.echo(f"deleted {deleted.decisions} decisions and {deleted.forecasts} own forecasts")
