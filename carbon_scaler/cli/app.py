"""The program `carbon-scaler`."""

import sys
from collections.abc import Collection
from importlib import import_module
from typing import Annotated

import typer

import carbon_scaler
from carbon_scaler.cli.exits import exit_code
from carbon_scaler.domain.errors import CarbonScalerError

USAGE = 1

COMMANDS = (
    "run",
    "serve",
    "ingest",
    "migrate",
    "db",
    "explain",
    "check",
    "override",
    "policy",
    "forecast",
    "backtest",
    "simulate",
    "windows",
    "advise",
    "regions",
    "alerts",
    "doctor",
)


def program(commands: Collection[str] = COMMANDS) -> typer.Typer:
    """The program with these of its commands; only their modules are imported.

    What the servers need takes most of a second, and `explain` needs none of it.
    """
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
    app.callback()(root)
    for name in commands:
        module = import_module(f"carbon_scaler.cli.{name}")
        if isinstance(group := getattr(module, "app", None), typer.Typer):
            app.add_typer(group, name=name)
        else:
            app.command(name)(getattr(module, name))
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"carbon-scaler {carbon_scaler.__version__}")
        raise typer.Exit


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
        asked = sys.argv[1:2]
        code = program(asked if asked and asked[0] in COMMANDS else COMMANDS)(standalone_mode=False)
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
