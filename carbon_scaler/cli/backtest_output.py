"""What a backtest found: a table for people, a file of every start."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import typer

from carbon_scaler.cli.output import print_table
from carbon_scaler.cli.output_file import written
from carbon_scaler.domain.columns import Column
from carbon_scaler.wiring.backtest import BacktestFound

START_COLUMNS = ("id", "strategy", "region", "started_at", "emissions_g")
FIGURES = (
    "jobs",
    "energy_kwh",
    "emissions_g",
    "grams_per_kwh_weighted_by_energy",
    "grams_per_kwh_plain_mean_over_jobs",
    "saving_percent",
    "share_of_oracle",
    "late_starts",
    "delay_minutes_mean",
    "delay_minutes_p50",
    "delay_minutes_p95",
    "delay_minutes_max",
    "busiest_minute_hours",
)
METHOD = ("signal", "factors", "from", "until", "method")
FIGURE_COLUMNS = ("strategy", "part", "name", *FIGURES, *METHOD)
NOT_SAID = "-"
COLUMNS = (
    "strategy",
    "saved %",
    "of oracle %",
    "kg CO2e",
    "g/kWh by energy",
    "by job",
    "late",
    "delay mean",
    "p50",
    "p95",
    "max min",
    "busiest minute h",
)


def write_starts(file: Path, found: BacktestFound) -> None:
    """Every start of every strategy, with all digits, so that sums are the reported ones."""
    with written("--starts-out", file) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(START_COLUMNS)
        writer.writerows(_start_rows(found))


def write_figures(file: Path, document: Mapping[str, Any]) -> None:
    """The figures of every strategy, in all, by class and by region, with all digits."""
    with written("--csv", file) as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(FIGURE_COLUMNS)
        writer.writerows(_figure_rows(document))


def print_outcomes(document: Mapping[str, Any]) -> None:
    """The strategies side by side, below what was replayed and how."""
    period = document["period"]
    typer.echo(
        f"{document['jobs_from']}: submitted {period['from']} to {period['until']}\n"
        f"signal {document['signal']}, factors {document['factors']}; "
        f"policy {document['policy']['version']}; lag {document['lag_seconds']:g} s, "
        f"poll {document['poll_seconds']:g} s, forecast {document['forecast']}, "
        f"spread {document['spread_seconds']:g} s\n"
        f"{document['place']['what']}\n{document['method']}"
    )
    for region, each in document["regions"].items():
        typer.echo(
            f"{region}: {each['file']}, column {each['column']}, {each['from']} to "
            f"{each['until']}, on average {each['mean_grams_per_kwh']:.4g} g/kWh"
        )
    if document["residency_overrides"]:
        typer.echo(
            f"{document['residency_overrides']} jobs would have run cleanest where their tenant "
            "may not run"
        )
    for text in (*document["notes"], *document["warnings"]):
        typer.echo(text)
    typer.echo()
    print_table(COLUMNS, (_row(*each) for each in document["strategies"].items()))
    for part in ("by_class", "by_region"):
        typer.echo()
        print_table(("strategy", part, "jobs", *COLUMNS[1:-1]), _parts(document, part))


def _start_rows(found: BacktestFound) -> Iterator[tuple[str, str, str, str, float]]:
    for starts in found.starts:
        names = (found.regions[place] for place in starts.region_of.tolist())
        instants = _instants(starts.started)
        grams = starts.emissions_g.tolist()
        for job, region, at, emitted in zip(found.jobs.ids, names, instants, grams, strict=True):
            yield job, str(starts.strategy), region, at, emitted


def _figure_rows(document: Mapping[str, Any]) -> Iterator[list[object]]:
    period = document["period"]
    told = {**document, "from": period["from"], "until": period["until"]}
    method = [told[column] for column in METHOD]
    for strategy, outcome in document["strategies"].items():
        for part, name, figures in _all_parts(outcome):
            numbers = [_figure(figures, column) for column in FIGURES]
            yield [strategy, part, name, *numbers, *method]


def _all_parts(outcome: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield "all", "", outcome
    for part in ("class", "region"):
        for name, figures in outcome[f"by_{part}"].items():
            yield part, name, figures


def _figure(figures: Mapping[str, Any], column: str) -> object:
    """Of a column like `delay_minutes_mean`; an empty cell where it is not known."""
    for group in ("grams_per_kwh", "delay_minutes"):
        if column.startswith(f"{group}_"):
            return figures[group][column.removeprefix(f"{group}_")]
    return figures.get(column)


def _instants(seconds: Column) -> list[str]:
    """In UTC; microseconds only where there are some."""
    instants = np.round(seconds * 1e6).astype("datetime64[us]")
    whole = bool((seconds == np.floor(seconds)).all())
    texts = np.datetime_as_string(instants, unit="s" if whole else "us", timezone="UTC")
    return [str(text) for text in texts]


def _row(name: str, outcome: Mapping[str, Any]) -> tuple[str, ...]:
    return name, *_figures(outcome), f"{outcome['busiest_minute_hours']:.2f}"


def _parts(document: Mapping[str, Any], part: str) -> Iterator[tuple[str, ...]]:
    for strategy, outcome in document["strategies"].items():
        for name, each in outcome[part].items():
            yield strategy, name, str(each["jobs"]), *_figures(each)


def _figures(outcome: Mapping[str, Any]) -> tuple[str, ...]:
    saving, share = outcome["saving_percent"], outcome["share_of_oracle"]
    delays = outcome["delay_minutes"]
    return (
        NOT_SAID if saving is None else f"{saving:.2f}",
        NOT_SAID if share is None else f"{100 * share:.1f}",
        f"{outcome['emissions_g'] / 1000:.3f}",
        *(
            NOT_SAID if each is None else f"{each:.1f}"
            for each in outcome["grams_per_kwh"].values()
        ),
        str(outcome["late_starts"]),
        *(f"{delays[name]:.0f}" for name in ("mean", "p50", "p95", "max")),
    )
