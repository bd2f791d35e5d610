"""What a simulation found: tables and plain words for people, a file of figures."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from carbon_scaler.cli.output import print_table
from carbon_scaler.config.settings import SettingsError

Document = Mapping[str, Any]

NOT_SAID = "-"
CLASS_COLUMNS = (
    *("class", "jobs", "kg CO2e", "saved %", "points"),
    *("delay mean", "p50", "p95", "max min"),
)
# Where a strategy runs the jobs, and how that is called.
PLACES = {
    "home": "at home",
    "cleanest": "where it is cleanest",
    "planned": "where it plans to",
    "free": "free in time and place",
}
DELAYS = ("mean", "p50", "p95", "max")
SUMS = ("jobs", "energy_kwh", "emissions_g", "saving_percent", "share_of_oracle", "late_starts")
FIGURE_COLUMNS = (
    *("grid", "strategy", "place", "part", "name"),
    *SUMS,
    *(f"delay_{name}_minutes" for name in DELAYS),
)


def print_simulation(document: Document) -> None:
    """Grid by grid: the table, classes, regions, strategies, and what it comes to in words."""
    classes = ("urgent", "standard", "deferrable")
    mix = ", ".join(
        f"{share} % {name} of {energy:.4g} kWh"
        for name, share, energy in zip(
            classes, document["mix_percent"], document["energy_kwh_by_class"], strict=True
        )
    )
    baseline = document["baseline"]
    typer.echo(
        f"{document['jobs']} jobs in {document['days']} days, seed {document['seed']}: {mix}; "
        f"{100 * document['eu_share']:.4g} % may only run in the EU\n"
        f"baseline {baseline['name']}: {baseline['what']}\n"
        f"optimised: strategy {document['strategy']}, in the region that was cleanest over the "
        "last 30 days; nothing is seen ahead\n"
        f"policy {document['policy']['version']}, poll {document['poll_seconds']:g} s, "
        f"spread {document['spread_seconds']:g} s"
    )
    for grid in document["grids"].values():
        typer.echo()
        _print_grid(grid, document)
    typer.echo()
    for text in (*document["notes"], *document["warnings"]):
        typer.echo(text)


def write_figures(file: Path, document: Document) -> None:
    """Every figure of every strategy, with all digits."""
    try:
        with file.open("w", encoding="utf-8", newline="") as text:
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(FIGURE_COLUMNS)
            writer.writerows(_figure_rows(document))
    except OSError as error:
        raise SettingsError(
            f"--csv: {file} cannot be written ({error.strerror or error}); "
            "name a file in a directory that is there"
        ) from error


def _print_grid(grid: Document, document: Document) -> None:
    period = grid["period"]
    typer.echo(
        f"{grid['what']}\n{period['from']} to {period['until']}, "
        f"signal {grid['signal']}, factors {grid['factors']}"
    )
    for name, region in grid["regions"].items():
        least, most = region["least"], region["most"]
        typer.echo(f"{name}: {region['mean']:.4g} g/kWh on average, {least:.4g} to {most:.4g}")
    for text in grid["notes"]:
        typer.echo(text)
    typer.echo()
    print_table(
        ("metric", "unit", "baseline", "optimised", "difference", "%"),
        map(_metric, grid["comparison"]),
    )
    typer.echo()
    print_table(CLASS_COLUMNS, (_class_row(*each) for each in grid["by_class"].items()))
    typer.echo()
    print_table(
        ("region", "jobs baseline", "kg CO2e", "jobs optimised", "kg CO2e"),
        _region_rows(grid["by_region"]),
    )
    typer.echo()
    print_table(
        ("saved % by", *PLACES.values()),
        (_strategy_row(*each) for each in grid["strategies"].items()),
    )
    typer.echo()
    typer.echo("\n".join(_words(grid, document)))


def _words(grid: Document, document: Document) -> Iterator[str]:
    parts, residency = grid["parts"], grid["residency"]
    yield (
        f"of the {_percent(parts['saving_percent'])} that {document['strategy']} saves, "
        f"{_points(parts['region_choice_points'])} are the choice of the region (every job at "
        f"once) and {_points(parts['waiting_points'])} are waiting there; waiting at home "
        f"alone saves {_percent(parts['waiting_at_home_percent'])}"
    )
    yield (
        f"perfect foresight would save {_percent(parts['oracle_percent'])}, at home "
        f"{_percent(parts['oracle_at_home_percent'])}"
    )
    yield (
        f"of {residency['bound_jobs']} jobs that may only run in the EU "
        f"{residency['violations']} ran elsewhere in {residency['scenarios']} scenarios; "
        f"{residency['overrides']} would have gone elsewhere, which keeps "
        f"{residency['penalty_kg']:.2f} kg CO2e from being saved"
    )


def _metric(row: Document) -> tuple[str, ...]:
    digits = 0 if row["unit"] in ("", "jobs") else 2
    figures = (f"{row[name]:.{digits}f}" for name in ("baseline", "optimised"))
    percent = row["percent"]
    change = NOT_SAID if percent is None else f"{percent:+.2f}"
    return row["metric"], row["unit"], *figures, f"{row['difference']:+.{digits}f}", change


def _class_row(name: str, each: Document) -> tuple[str, ...]:
    return (
        name,
        str(each["jobs"]),
        f"{each['emissions_g'] / 1000:.2f}",
        _figure(each["saving_percent"]),
        f"{each['points']:.2f}",
        *(f"{each['delay_minutes'][delay]:.0f}" for delay in DELAYS),
    )


def _region_rows(by_region: Document) -> Iterator[tuple[str, ...]]:
    for name, baseline in by_region["baseline"].items():
        both = (baseline, by_region["optimised"][name])
        yield name, *(text for each in both for text in _of_region(each))


def _of_region(each: Document) -> tuple[str, str]:
    return str(each["jobs"]), f"{each['emissions_kg']:.2f}"


def _strategy_row(name: str, places: Document) -> tuple[str, ...]:
    told = (places.get(place) for place in PLACES)
    return name, *(NOT_SAID if each is None else _figure(each["saving_percent"]) for each in told)


def _figure(value: float | None) -> str:
    return NOT_SAID if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "unknown part" if value is None else f"{value:.2f} %"


def _points(value: float | None) -> str:
    return "unknown points" if value is None else f"{value:.2f} points"


def _figure_rows(document: Document) -> Iterator[tuple[object, ...]]:
    for grid, told in document["grids"].items():
        for strategy, places in told["strategies"].items():
            for place, outcome in places.items():
                yield from _parts((grid, strategy, place), outcome)


def _parts(of: tuple[str, str, str], outcome: Document) -> Iterator[tuple[object, ...]]:
    groups = {"all": {"": outcome}, "class": outcome["by_class"], "region": outcome["by_region"]}
    for part, named in groups.items():
        for name, each in named.items():
            delays = (each["delay_minutes"][delay] for delay in DELAYS)
            yield *of, part, name, *(each[column] for column in SUMS), *delays
