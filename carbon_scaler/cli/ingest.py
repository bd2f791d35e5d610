"""`carbon-scaler ingest`: fill the database."""

from typing import Annotated

import typer

from carbon_scaler.application.ingest import SourceOutcome
from carbon_scaler.cli.context import ReplayFile, ReplaySpeed, prepared, run_loop
from carbon_scaler.cli.exits import NO_DATA
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.wiring import run as wiring


def ingest(
    once: Annotated[bool, typer.Option("--once", help="One cycle, as a CronJob does.")] = False,
    replay: ReplayFile = None,
    replay_speed: ReplaySpeed = None,
    json: JsonFlag = False,
) -> None:
    """Fill the database of DATABASE_URL from the sources in CARBON_SCALER_SOURCES.

    This version has one source, `replay`. Exit 2: no region got a usable value.
    """
    settings, _ = prepared(replay_file=replay, replay_speed=replay_speed)
    outcome = run_loop(wiring.ingest(settings, once=once))
    if outcome is None:
        return
    if json:
        print_json({"sources": [_document(source) for source in outcome.sources]})
    else:
        print_table(
            ("source", "rows", "changed", "regions with a usable value"),
            ((s.source, s.rows, s.changed, " ".join(sorted(s.usable))) for s in outcome.sources),
        )
    if not outcome.usable:
        raise typer.Exit(NO_DATA)


def _document(source: SourceOutcome) -> dict[str, object]:
    return {
        "source": source.source,
        "rows": source.rows,
        "changed": source.changed,
        "regions": sorted(source.regions),
        "usable_regions": sorted(source.usable),
        "failure": source.failure,
    }
