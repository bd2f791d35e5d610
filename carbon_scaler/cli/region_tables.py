"""Regions ranked or side by side, as tables for people."""

from collections.abc import Mapping
from typing import Any

import typer

from carbon_scaler.application.explain import plain
from carbon_scaler.cli.output import console, print_table

NOT_KNOWN = "not known"


def print_ranking(document: Mapping[str, Any]) -> None:
    """The best first, below what was asked."""
    _print_header(document)
    print_table(
        (
            "rank",
            "region",
            "g/kWh",
            "from",
            "hours",
            "renewable %",
            "fossil-free %",
            "cost",
            "score",
            "may run",
        ),
        (
            (row["rank"], *_figures(row), _number(row["score"], ".3f"), _law(row))
            for row in document["regions"]
        ),
    )
    _print_notes(document)


def print_comparison(document: Mapping[str, Any]) -> None:
    """In the order given, each against the first, and what is recommended to whom."""
    _print_header(document)
    energy = document["energy_kwh"]
    print_table(
        (
            "region",
            "g/kWh",
            "from",
            "hours",
            "renewable %",
            "fossil-free %",
            "cost",
            "carbon",
            "cost change",
            f"g at {energy:g} kWh",
            "may run",
        ),
        (
            (
                *_figures(row),
                _change(row["carbon_percent"]),
                _change(row["cost_percent"]),
                _number(row["emissions_grams"], ".1f"),
                _law(row),
            )
            for row in document["regions"]
        ),
    )
    typer.echo(f"changes are against {document['against']}\n")
    for recommendation in document["recommendations"]:
        console().print(recommendation["text"], soft_wrap=True)
    typer.echo()
    _print_notes(document)


def _print_header(document: Mapping[str, Any]) -> None:
    weights = document["weights"]
    for_whom = "" if document["tenant"] is None else f"; tenant {document['tenant']}"
    level = "" if document["level"] is None else f" ({document['level']}, {document['mode']})"
    basis = document["regions"][0]["basis"]
    begins, ends = (plain(document[key].replace(microsecond=0)) for key in ("from", "until"))
    console().print(
        f"{begins} to {ends}, {basis}; carbon counts "
        f"{weights['carbon']:g}, cost {weights['cost']:g}{for_whom}{level}",
        soft_wrap=True,
    )


def _print_notes(document: Mapping[str, Any]) -> None:
    for note in document["notes"]:
        console().print(note, soft_wrap=True)


def _figures(row: Mapping[str, Any]) -> tuple[object, ...]:
    origin = row["origin"] or NOT_KNOWN
    return (
        row["region"],
        _number(row["grams_per_kwh"], ".1f"),
        origin if row["year"] is None else f"{origin}, {row['year']}",
        f"{row['hours_covered']:.0f}",
        _number(row["renewable_percent"], ".1f"),
        _number(row["fossil_free_percent"], ".1f"),
        f"{row['cost_multiplier']:g}",
    )


def _law(row: Mapping[str, Any]) -> str:
    if row["allowed"] is None:
        return ""
    return f"{'yes' if row['allowed'] else 'no'}: {row['why']}"


def _number(value: float | None, form: str) -> str:
    return NOT_KNOWN if value is None else format(value, form)


def _change(percent: float | None) -> str:
    return NOT_KNOWN if percent is None else f"{percent:+.1f} %"
