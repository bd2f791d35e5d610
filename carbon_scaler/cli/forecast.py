"""`carbon-scaler forecast`: what our own forecaster expects of a grid, and how it fared."""

from pathlib import Path
from typing import Annotated, Any

import typer

from carbon_scaler.application.explain import plain
from carbon_scaler.application.forecast_view import forecast_document, score_document
from carbon_scaler.cli.asking import instant_of
from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, console, print_json, print_table
from carbon_scaler.wiring.forecast import ForecastAsked, Forecasted, forecast_of

app = typer.Typer(
    help="Show what our own forecaster expects of a grid, and how it fared.", no_args_is_help=True
)

At = Annotated[
    str | None,
    typer.Option(help="As of an instant with its offset: what began later is taken for unknown."),
]
Region = Annotated[str, typer.Argument(help="The region, like us-west-1 or gcp:europe-west1.")]


@app.command()
def show(
    region: Region, at: At = None, policy_dir: PolicyDir = None, json: JsonFlag = False
) -> None:
    """Show the next 48 hours, eight of ten values between the bounds, and the model that counts.

    Made from what is stored of the last 90 days. Reads DATABASE_URL, else the embedded Postgres
    that `run` started.
    """
    found = _found(region, at, policy_dir)
    document = forecast_document(found.region, found.forecast)
    if json:
        print_json(document)
        return
    console().print(_headline(document), soft_wrap=True)
    for rejected in document["rejected"]:
        console().print(_rejection(rejected), soft_wrap=True)
    rows = (
        (
            plain(point["starts_at"]),
            *(f"{point[key]:.1f}" for key in ("grams_per_kwh", "lower", "upper")),
        )
        for point in document["points"]
    )
    print_table(("from", "g/kWh", "at least", "at most"), rows)


@app.command()
def score(
    region: Region, at: At = None, policy_dir: PolicyDir = None, json: JsonFlag = False
) -> None:
    """Score every model on the last 14 days, against no model at all: yesterday and no change."""
    found = _found(region, at, policy_dir)
    document = score_document(found.region, found.forecast.model, found.forecaster.scores())
    if json:
        print_json(document)
        return
    if not document["models"]:
        console().print("too little of the past is stored to score anything")
        return
    horizons = list(document["models"][0]["by_hours_ahead"])
    print_table(
        (
            "model",
            "error %",
            "error g/kWh",
            *(f"{hours} h ahead" for hours in horizons),
            "compared",
        ),
        (_score_row(each, horizons, document["used"]) for each in document["models"]),
    )


def _found(region: str, at: str | None, policy_dir: Path | None) -> Forecasted:
    settings, _ = prepared(quiet=True, policy_dir=policy_dir)
    return run_loop(forecast_of(settings, ForecastAsked(region=region, at=instant_of(at))))


def _headline(document: dict[str, Any]) -> str:
    known = document["known_until"]
    measured = "nothing was measured" if known is None else f"measured until {plain(known)}"
    score = document["accuracy"]
    fared = "" if score is None else f", off by {score['mean_error_percent']:.1f} % a day ahead"
    return f"{document['region']}: model {document['model']}{fared}; {measured}"


def _rejection(rejected: dict[str, Any]) -> str:
    model, better = rejected["model"], rejected["better"]
    return (
        f"{model['model']} is not used: over the last 14 days it was off by "
        f"{model['mean_error_grams']:.1f} g/kWh, {better['model']} by "
        f"{better['mean_error_grams']:.1f}"
    )


def _score_row(score: dict[str, Any], horizons: list[str], used: str) -> tuple[str | None, ...]:
    errors = (score["by_hours_ahead"][hours] for hours in horizons)
    return (
        f"{score['model']} (used)" if score["model"] == used else str(score["model"]),
        f"{score['mean_error_percent']:.1f}",
        f"{score['mean_error_grams']:.1f}",
        *(None if each is None else f"{each:.1f}" for each in errors),
        str(score["compared"]),
    )
