"""`carbon-scaler migrate`: the schema."""

from dataclasses import asdict

import typer

from carbon_scaler.cli.context import prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.storage import migrate
from carbon_scaler.wiring.databases import required_database

app = typer.Typer(help="Bring the schema of DATABASE_URL up to date.", no_args_is_help=True)


@app.command("up")
def up(json: JsonFlag = False) -> None:
    """Apply what is missing; two at once are safe, a second run changes nothing."""
    settings, _ = prepared(quiet=True)
    applied = run_loop(migrate.migrate_up(required_database(settings, "migrate")))
    if json:
        print_json({"applied": [migration.name for migration in applied]})
    else:
        for migration in applied:
            typer.echo(f"applied {migration.name}")
        typer.echo("the schema is up to date")


@app.command("status")
def status(json: JsonFlag = False) -> None:
    """List all migrations and whether they are applied."""
    settings, _ = prepared(quiet=True)
    listed = run_loop(migrate.status(required_database(settings, "migrate")))
    if json:
        print_json([asdict(migration) for migration in listed])
    else:
        print_table(
            ("migration", "state", "applied at"),
            ((f"{m.version:04} {m.name}", m.state, m.applied_at) for m in listed),
        )
