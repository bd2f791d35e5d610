"""`carbon-scaler policy`: check, show, start and compare policies."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from carbon_scaler.application.policy_view import policy_view
from carbon_scaler.cli.context import prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, print_json
from carbon_scaler.cli.policy_output import diff_document, print_diff, print_summary, print_view
from carbon_scaler.config.policy_check import CheckedPolicy, check_policy
from carbon_scaler.config.policy_files import read_policy
from carbon_scaler.config.policy_schema import policy_schema, policy_schemas
from carbon_scaler.config.settings import Settings, SettingsError
from carbon_scaler.config.starting_files import write_starting_files
from carbon_scaler.domain.durations import DURATION_FORMS, parse_duration
from carbon_scaler.wiring.policy import DiffAsked, policy_diff

LONGEST_SINCE = timedelta(days=90)

app = typer.Typer(help="The policy: check it, show it, start one.", no_args_is_help=True)

Directory = Annotated[
    Path | None, typer.Argument(help="The policy directory; else CARBON_SCALER_POLICY_DIR.")
]


@app.command("check")
def check(directory: Directory = None, json: JsonFlag = False) -> None:
    """Read all documents as a server would; exit 1 with file, line and key of what is wrong.

    Variables that hold secrets need not be set here.
    """
    settings, environment = prepared(quiet=True)
    where = _directory(directory, settings)
    checked = check_policy(where, environment)
    summary = _summary(where, checked)
    if json:
        print_json(summary)
    else:
        print_summary(summary)


@app.command("show")
def show(directory: Directory = None, json: JsonFlag = False) -> None:
    """Show the merged policy, each part with the document that it comes from."""
    settings, _ = prepared(quiet=True)
    files = read_policy(directory or settings.policy_dir)
    view = {
        **policy_view(files.policy, files.catalog),
        "documents": files.documents,
        "regions_stated": sorted(files.profiles.regions),
        "warnings": files.warnings,
    }
    if json:
        print_json(view)
    else:
        print_view(view)


@app.command("schema")
def schema(
    document: Annotated[
        str | None, typer.Argument(help="One document, like workload-policies.yaml; else all.")
    ] = None,
) -> None:
    """Print the JSON Schema of one document for an editor, or of all by their names."""
    print_json(policy_schemas() if document is None else policy_schema(document))


@app.command("init")
def init(
    directory: Annotated[Path, typer.Argument(help="Where to write; it is made if need be.")],
    json: JsonFlag = False,
) -> None:
    """Write a commented file for each document; nothing counts until it is uncommented."""
    written = write_starting_files(directory)
    if json:
        print_json([str(file) for file in written])
        return
    for file in written:
        typer.echo(file)


def _directory(given: Path | None, settings: Settings) -> Path:
    directory = given or settings.policy_dir
    if directory is None:
        raise SettingsError(
            "no policy directory is named; name it, or set CARBON_SCALER_POLICY_DIR "
            "(`carbon-scaler policy init DIR` writes one to start from)"
        )
    return directory


def _summary(directory: Path, checked: CheckedPolicy) -> dict[str, Any]:
    policy = checked.files.policy
    return {
        "directory": directory,
        "version": policy.version,
        "documents": checked.files.documents,
        "enabled": policy.enabled,
        "classes": list(policy.classes),
        "tenants": len(policy.residency.tenants),
        "windows": len(policy.time_shift.windows),
        "budgets": len(policy.budgets),
        "regions_stated": sorted(checked.files.profiles.regions),
        "backlogs": checked.backlogs,
        "sources": checked.sources,
        "warnings": checked.warnings,
    }


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The policy directory in force.")],
    new: Annotated[Path, typer.Argument(help="The one to compare it with.")],
    since: Annotated[str, typer.Option(help="How much of the past, up to 90d.")] = "7d",
    region: Annotated[
        list[str] | None, typer.Option(help="Only this region; may be repeated.")
    ] = None,
    json: JsonFlag = False,
) -> None:
    """List the decisions that would have been others on stored data.

    For every trigger that a server recorded; where none is, for every class in every region.
    Reads DATABASE_URL, else the embedded Postgres that `run` started.
    """
    settings, _ = prepared(quiet=True)
    asked = DiffAsked(old=old, new=new, since=_since(since), regions=tuple(region or ()))
    stderr = Console(stderr=True)
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("comparing", total=None)

        def progress(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        found = run_loop(policy_diff(settings, asked, progress))
    if json:
        print_json(diff_document(found))
    else:
        print_diff(found)


def _since(text: str) -> timedelta:
    since = parse_duration(text)
    if since is None or not timedelta(0) < since <= LONGEST_SINCE:
        raise typer.BadParameter(
            f"--since {text!r} is not allowed; a duration up to 90d, written {DURATION_FORMS}"
        )
    return since
