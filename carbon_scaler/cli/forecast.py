"""`carbon-scaler forecast`: what our own forecaster expects of a grid, and how it fared."""

from pathlib import Path
from typing import Annotated, Any

import typer

from carbon_scaler.application.explain import plain
from carbon_scaler.application.forecast_view import (
    forecast_document,
    regret_document,
    score_document,
)
from carbon_scaler.cli.asking import instant_of
from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, console, print_json, print_table
from carbon_scaler.domain.durations import parse_duration
from carbon_scaler.domain.expected import HOUR
from carbon_scaler.wiring.forecast import (
    ForecastAsked,
    Forecasted,
    WorkAsked,
    forecast_of,
    regret_of,
)

FURTHEST_HOURS = 48

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

    Computed now, from what is stored of the last 90 days: the same that servers plan on if no
    further hour was measured since it was issued there. Reads DATABASE_URL, else the embedded
    Postgres that `run` started.
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
    region: Region,
    at: At = None,
    slack: Annotated[
        str, typer.Option(help="How long the work that regret is of may wait.")
    ] = "12h",
    duration: Annotated[str, typer.Option(help="How long that work takes.")] = "1h",
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Score every model on the last 14 days, against no model at all: yesterday and no change.

    Then what work that came in each hour of these days lost against its best start, had it been
    started when the forecast of its hour said so, yesterday's hours did, or at once.
    """
    work = _work(slack, duration)
    found = _found(region, at, policy_dir)
    document = score_document(found.region, found.forecast, found.forecaster.scores())
    document["regret"] = regret_document(
        regret_of(found, work),
        slack_hours=work.slack_hours,
        duration_hours=work.duration_hours,
    )
    if json:
        print_json(document)
    else:
        _print_score(document)


def _print_score(document: dict[str, Any]) -> None:
    if not document["models"]:
        console().print("too little of the past is stored to score anything")
        return
    for rejected in document["rejected"]:
        console().print(_rejection(rejected), soft_wrap=True)
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
    _print_regret(document["regret"])


def _print_regret(regret: dict[str, Any]) -> None:
    if not regret["decisions"]:
        return
    best = regret["best_grams_per_kwh"]
    console().print(
        f"work of {regret['duration_hours']} h that may wait {regret['slack_hours']} h, "
        f"{regret['decisions']} decisions: the best starts cost {best:.1f} g/kWh",
        soft_wrap=True,
    )
    print_table(
        ("started by", "g/kWh beyond", "%"),
        (
            (name, f"{grams:.1f}", f"{100 * grams / best:.1f}" if best > 0 else None)
            for name, grams in regret["beyond_best"].items()
        ),
    )


def _work(slack: str, duration: str) -> WorkAsked:
    work = WorkAsked(
        slack_hours=_hours("--slack", slack), duration_hours=_hours("--duration", duration)
    )
    if work.slack_hours + work.duration_hours > FURTHEST_HOURS:
        raise typer.BadParameter(
            f"--slack {slack!r} and --duration {duration!r} are {FURTHEST_HOURS} hours together "
            "at most: forecasts reach no further"
        )
    return work


def _hours(option: str, text: str) -> int:
    asked = parse_duration(text)
    if asked is None or asked < HOUR or asked % HOUR:
        raise typer.BadParameter(f"{option} {text!r} must be whole hours, like 1h or 12h")
    return asked // HOUR


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
