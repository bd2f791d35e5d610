"""`carbon-scaler ingest`: fill the database."""

from typing import Annotated

import typer

from carbon_scaler.application.ingest.loop import SourceOutcome
from carbon_scaler.cli.context import PolicyDir, ReplayFile, ReplaySpeed, prepared, run_loop
from carbon_scaler.cli.exits import NO_DATA
from carbon_scaler.cli.output import JsonFlag, print_json, print_table
from carbon_scaler.wiring import ingest as wiring
from carbon_scaler.wiring.ingest import OneCycle


def ingest(
    once: Annotated[bool, typer.Option("--once", help="One cycle, as a CronJob does.")] = False,
    replay: ReplayFile = None,
    replay_speed: ReplaySpeed = None,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Fill the database of DATABASE_URL from the sources in CARBON_SCALER_SOURCES.

    Any number may run; one of them works. Exit 2: no region got a usable value.
    """
    settings, environment = prepared(
        replay_file=replay, replay_speed=replay_speed, policy_dir=policy_dir
    )
    cycle = run_loop(wiring.ingest(settings, environment, once=once))
    if cycle is None:
        return
    if json:
        print_json(_document(cycle))
    else:
        _print(cycle)
    if not cycle.usable:
        typer.echo(f"carbon-scaler: no region got a usable value{_why(cycle)}", err=True)
        raise typer.Exit(NO_DATA)


def _print(cycle: OneCycle) -> None:
    if cycle.outcome is None:
        typer.echo(f"{cycle.leader}; the work is left to it")
        return
    print_table(
        ("source", "rows", "changed", "regions with a usable value", "failure"),
        (
            (s.source, s.rows, s.changed, " ".join(sorted(s.usable)), s.failure)
            for s in cycle.outcome.sources
        ),
    )


def _why(cycle: OneCycle) -> str:
    if cycle.outcome is None:
        return f": {cycle.leader}"
    failures = [f"\n  {failure}" for failure in cycle.outcome.failures.values()]
    return ":" + "".join(failures) if failures else ""


def _document(cycle: OneCycle) -> dict[str, object]:
    sources = cycle.outcome.sources if cycle.outcome else ()
    return {
        "sources": [_source(source) for source in sources],
        "usable_regions": sorted(cycle.usable),
        "leader": cycle.leader,
    }


def _source(source: SourceOutcome) -> dict[str, object]:
    return {
        "source": source.source,
        "rows": source.rows,
        "changed": source.changed,
        "regions": sorted(source.regions),
        "usable_regions": sorted(source.usable),
        "failure": source.failure,
        "failure_kind": source.failure_kind,
    }
