"""The program `carbon-scaler`."""

import sys
from typing import Annotated

import typer

import carbon_scaler
from carbon_scaler.cli import alerts, db, doctor, explain, ingest, migrate, regions, run, serve
from carbon_scaler.cli.exits import exit_code
from carbon_scaler.domain.errors import CarbonScalerError

USAGE = 1

app = typer.Typer(
    name="carbon-scaler",
    help="A KEDA external scaler that starts batch work when the grid is clean, "
    "never later than its deadline.",
    epilog="Try it: carbon-scaler run. Exit codes: 0 done, 1 configuration or usage, "
    "2 no data from any source, 3 database.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("run")(run.run)
app.command("serve")(serve.serve)
app.command("ingest")(ingest.ingest)
app.add_typer(migrate.app, name="migrate")
app.add_typer(db.app, name="db")
app.command("explain")(explain.explain)
app.add_typer(regions.app, name="regions")
app.add_typer(alerts.app, name="alerts")
app.command("doctor")(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"carbon-scaler {carbon_scaler.__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Start batch work when the grid is clean."""


def main() -> None:
    """Run a command; what a user can act on is one line on stderr and an exit code."""
    sys.exit(_run())


def _run() -> int:
    try:
        code = app(standalone_mode=False)
    except typer.TyperException as error:
        # Typer would say 2, which means "no data" here.
        if text := error.format_message():  # it is empty where the help was printed
            typer.echo(f"carbon-scaler: {text} (help: carbon-scaler --help)", err=True)
        return USAGE
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except CarbonScalerError as error:
        typer.echo(f"carbon-scaler: {error}", err=True)
        return exit_code(error)
    except BrokenPipeError:
        return 0
    return code if isinstance(code, int) else 0
