"""`make bench`: what answers and ingest cost, beside programs that do less. Tables and JSON."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.compare import Tally
from tests.bench.grid_measures import database_load, grid_goals, ingest, propagation
from tests.bench.measures import filled_database, goals, known_triggers, many_triggers, swaps
from tests.bench.policy_measures import many_queues, policy_goals, reloads, shapes
from tests.bench.scale import FULL, SMOKE

TITLES = {
    "known_triggers": "GetMetrics, 50 in flight on one connection; servers in turns, medians",
    "many_triggers": "few against many different triggers",
    "swaps": "all regions new at once, under load",
    "ingest": "ingest --once, all that is due, from a provider that answers late",
    "propagation": "from a commit until three servers answer by it",
    "database_load": "what one server asks of the database",
    "shapes": "GetMetrics by kind of trigger, under a policy with a thousand tenants, medians",
    "many_queues": "few against many queue triggers on fifty backlogs",
    "reloads": "the policy swapped under load, medians",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smoke", action="store_true", help="tiny counts: does it work?")
    parser.add_argument("--json", type=Path, default=Path("bench-result.json"))
    options = parser.parse_args()
    scale, tally = SMOKE if options.smoke else FULL, Tally()
    with filled_database(scale) as database_url:
        result: dict[str, Any] = {
            "scale": asdict(scale),
            "known_triggers": known_triggers(scale, database_url, tally),
            "many_triggers": many_triggers(scale, tally),
            "swaps": swaps(scale, database_url, tally),
            "ingest": ingest(scale),
            "propagation": propagation(scale, database_url, tally),
            "database_load": database_load(scale, database_url, tally),
            "shapes": shapes(scale, database_url, tally),
            "many_queues": many_queues(scale, database_url, tally),
            "reloads": reloads(scale, database_url, tally),
        }
    result["goals"] = {
        name: {"found": found, "goal": goal} for name, (found, goal) in every_goal(result).items()
    }
    result["answers"] = asdict(tally)
    options.json.write_text(json.dumps(result, indent=2) + "\n")
    show(result)
    print(f"{tally.answers} answers, {tally.wrong} wrong, {tally.errors} errors; {options.json}")
    if tally.wrong or tally.errors:
        raise SystemExit(1)


def every_goal(result: dict[str, Any]) -> dict[str, tuple[float, str]]:
    """What was found beside what is wanted, over all tables."""
    return {**goals(result), **grid_goals(result), **policy_goals(result)}


def show(result: dict[str, Any]) -> None:
    """Each table's groups as rows, single figures below."""
    console = Console(width=160, highlight=False)
    for key, title in TITLES.items():
        console.print(f"\n[bold]{title}[/]")
        for name, content in _groups(result[key]):
            table = Table(box=None, pad_edge=False)
            table.add_column(name)
            for column in next(iter(content.values())):
                table.add_column(column, justify="right")
            for row, figures in content.items():
                table.add_row(row, *(f"{figure:g}" for figure in figures.values()))
            console.print(table)
        for name, figure in result[key].items():
            if not isinstance(figure, dict):
                console.print(f"{name}: {figure:g}")
    goal_table = Table("\ngoals", "\nfound", "\nwanted", box=None, pad_edge=False)
    for name, row in result["goals"].items():
        goal_table.add_row(name, f"{row['found']:g}", row["goal"])
    console.print(goal_table)


def _groups(found: dict[str, Any]) -> list[tuple[str, dict[str, dict[str, float]]]]:
    """Tables of rows: either nested by name, or the rows themselves."""
    nested = {
        name: content
        for name, content in found.items()
        if isinstance(content, dict) and isinstance(next(iter(content.values())), dict)
    }
    if nested:
        return list(nested.items())
    return [("", {name: row for name, row in found.items() if isinstance(row, dict)})]


if __name__ == "__main__":
    main()
