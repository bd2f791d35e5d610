"""`carbon-scaler windows`: when a job would run cleanest, and what waiting until then would save."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from carbon_scaler.application.explain import plain
from carbon_scaler.cli.asking import instant_of
from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.output import JsonFlag, console, print_json, print_table
from carbon_scaler.domain.durations import DURATION_FORMS, format_duration, parse_duration
from carbon_scaler.domain.policy import DEFAULT_CLASS
from carbon_scaler.wiring.windows import WindowsAsked, windows_of

LONGEST_WITHIN = timedelta(hours=48)
LONGEST_DURATION = timedelta(hours=48)
SHORTEST_DURATION = timedelta(minutes=1)
SHORTEST_PAST, LONGEST_PAST = timedelta(days=1), timedelta(days=366)
DEFAULT_PAST = timedelta(days=30)


def windows(
    region: Annotated[
        str | None, typer.Argument(help="The region, like us-west-1; else all that are stored.")
    ] = None,
    duration: Annotated[
        str | None, typer.Option(help="How long the job runs; else what its class states.")
    ] = None,
    within: Annotated[str, typer.Option(help="How far ahead it may start, up to 48h.")] = "24h",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 20,
    below: Annotated[
        float | None, typer.Option(min=0, help="Only windows of less g/kWh than this.")
    ] = None,
    past: Annotated[
        bool, typer.Option("--past", help="Learn the clean hours of the day from the past.")
    ] = False,
    days: Annotated[
        int, typer.Option(min=1, max=366, help="With --past: of how many days.")
    ] = DEFAULT_PAST.days,
    workload_class: Annotated[
        str, typer.Option("--class", help="Whose duration and energy count.")
    ] = DEFAULT_CLASS,
    at: Annotated[
        str | None,
        typer.Option(help="As of an instant with its offset: what began later is unknown."),
    ] = None,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Rank the cleanest windows to start a job in, as expected or as the past had them.

    Reads DATABASE_URL, else the embedded Postgres that `run` started.
    """
    settings, _ = prepared(quiet=True, policy_dir=policy_dir)
    asked = WindowsAsked(
        region=region,
        workload_class=workload_class,
        duration=None
        if duration is None
        else _span("--duration", duration, SHORTEST_DURATION, LONGEST_DURATION),
        within=_span("--within", within, timedelta(0), LONGEST_WITHIN),
        past=timedelta(days=days) if past else None,
        limit=limit,
        below=below,
        at=instant_of(at),
    )
    document = run_loop(windows_of(settings, asked))
    if json:
        print_json(document)
    elif past:
        _print_past(document)
    else:
        _print_expected(document)


def _span(option: str, text: str, least: timedelta, most: timedelta) -> timedelta:
    duration = parse_duration(text)
    if duration is None or not least <= duration <= most:
        raise typer.BadParameter(
            f"{option} {text!r} is not allowed; a duration from {format_duration(least)} to "
            f"{format_duration(most)}, written {DURATION_FORMS}"
        )
    return duration


def _print_expected(document: Mapping[str, Any]) -> None:
    for region in document["regions"]:
        console().print(_present(region), soft_wrap=True)
    console().print(_job(document), soft_wrap=True)
    if not document["windows"]:
        console().print("no window is below the limit")
        return
    print_table(
        (
            "region",
            "from",
            "until",
            "there",
            "in min",
            "g/kWh",
            "at least",
            "at most",
            "saves g",
            "saves %",
            "kind",
        ),
        (_expected_row(window) for window in document["windows"]),
    )


def _present(region: Mapping[str, Any]) -> str:
    score, present = region["accuracy"], region["present"]
    fared = "" if score is None else f", off by {score['mean_error_percent']:.1f} % a day ahead"
    return (
        f"{region['region']}: now {present['grams_per_kwh']:.1f} g/kWh ({present['kind']}); a job "
        f"started now {region['start_now']['grams_per_kwh']:.1f}; model {region['model']}{fared}; "
        f"{region['basis']}"
    )


def _job(document: Mapping[str, Any]) -> str:
    length = format_duration(timedelta(minutes=document["duration_minutes"]))
    return (
        f"class {document['workload_class']}: {length}, {document['job_energy_kwh']:g} kWh; "
        f"{document['saving']}"
    )


def _expected_row(window: Mapping[str, Any]) -> tuple[object, ...]:
    local = datetime.fromisoformat(window["local_start"])
    return (
        window["region"],
        plain(window["starts_at"].replace(microsecond=0)),
        plain(window["ends_at"].replace(microsecond=0)),
        f"{local:%a %H:%M}",
        f"{window['delay_minutes']:.0f}",
        *(f"{window[key]:.1f}" for key in ("grams_per_kwh", "lower", "upper", "saved_grams")),
        _percent(window["saved_percent"]),
        window["kind"],
    )


def _print_past(document: Mapping[str, Any]) -> None:
    for region in document["regions"]:
        begins, ends = plain(region["begins_at"]), plain(region["ends_at"])
        console().print(
            f"{region['region']}: {begins} to {ends}, {region['starts']} starts, on average "
            f"{region['mean_grams_per_kwh']:.1f} g/kWh; hours of {region['time_zone']}; "
            f"{region['basis']}, measured",
            soft_wrap=True,
        )
    console().print(_job(document), soft_wrap=True)
    if not document["windows"]:
        console().print("no hour is below the limit")
        return
    print_table(
        ("region", "start there", "g/kWh", "saves g", "saves %", "below the mean %", "starts"),
        (_past_row(hour) for hour in document["windows"]),
    )


def _past_row(hour: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        hour["region"],
        hour["local_time"],
        f"{hour['grams_per_kwh']:.1f}",
        f"{hour['saved_grams']:.1f}",
        _percent(hour["saved_percent"]),
        f"{hour['below_mean_percent']:.0f}",
        hour["starts"],
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
