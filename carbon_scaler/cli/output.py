"""Data on stdout: a table for people, one JSON document for machines."""

import json
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from carbon_scaler.application.explain import plain

JsonFlag = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


def print_json(document: object) -> None:
    """Exactly one JSON document."""
    typer.echo(json.dumps(document, default=plain, ensure_ascii=False, indent=2, allow_nan=False))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Rows under headings, as wide as they need to be when nobody looks."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    console().print(table)


def console() -> Console:
    """The terminal, or plain text of generous width."""
    made = Console(highlight=False)
    if not made.is_terminal:
        made.width = 1000
    return made
