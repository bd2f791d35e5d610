"""`carbon-scaler advise`: which settings would have saved what, and why little is saved."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from carbon_scaler.application.explain import plain
from carbon_scaler.cli.backtest import shown_progress
from carbon_scaler.cli.context import PolicyDir, prepared
from carbon_scaler.cli.output import JsonFlag, console, print_json, print_table
from carbon_scaler.config.history_file import parse_history_argument
from carbon_scaler.wiring.advise import AdviceAsked
from carbon_scaler.wiring.advise import advise as advised
from carbon_scaler.wiring.backtest_inputs import JobsAsked

DEFAULT_DAYS = 30
TARGET_PERCENT = 10.0


def advise(
    region: Annotated[
        str | None, typer.Argument(help="The region; with --intensity that of the first file.")
    ] = None,
    days: Annotated[
        int, typer.Option(min=8, max=366, help="How many of the last days to replay.")
    ] = DEFAULT_DAYS,
    intensity: Annotated[
        list[str] | None,
        typer.Option(
            help="REGION=FILE[:COLUMN[:RENEWABLE_COLUMN]] instead of the database; "
            "further ones are regions to compare with."
        ),
    ] = None,
    jobs: Annotated[
        Path | None, typer.Option(help="Jobs that ran, as for backtest; else the seed mix.")
    ] = None,
    per_month: Annotated[int, typer.Option(min=1, max=100_000, help="Jobs drawn a month.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same jobs.")] = 0,
    target: Annotated[
        float, typer.Option(min=0.1, max=100, help="What saving is hoped for, in percent.")
    ] = TARGET_PERCENT,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Tell which strategy, threshold and slack would have saved what, and why little is saved.

    Reads DATABASE_URL, else the embedded Postgres that `run` started; with --intensity files.
    """
    settings, _ = prepared(quiet=True, policy_dir=policy_dir)
    asked = AdviceAsked(
        region=region,
        histories=tuple(map(parse_history_argument, intensity or ())),
        days=days,
        jobs=None if jobs is None else JobsAsked(file=jobs),
        per_month=per_month,
        seed=seed,
        target_percent=target,
    )
    with shown_progress() as progress:
        document = advised(settings, asked, progress)
    (print_json if json else _print)(document)


def _print(document: Mapping[str, Any]) -> None:
    for line in _header(document):
        console().print(line, soft_wrap=True)
    typer.echo()
    print_table(
        ("slack", "strategy", "threshold", "saved % where chosen", "saved % on the last days"),
        _slack_rows(document),
    )
    typer.echo()
    for each in document["classes"]:
        console().print(each["text"], soft_wrap=True)
    typer.echo()
    for cause in document["causes"]:
        console().print(_cause(cause), soft_wrap=True)
    if document["workload_policies"]:
        typer.echo(f"\n# workload-policies.yaml\n{document['workload_policies']}", nl=False)


def _header(document: Mapping[str, Any]) -> Iterator[str]:
    period = document["period"]
    yield (
        f"{document['region']}, {document['basis']}, from {document['intensity_from']}; "
        f"{document['jobs']} jobs ({document['jobs_from']}), {document['jobs_that_wait']} wait, "
        f"{document['jobs_left_out']} left out"
    )
    yield (
        f"submitted {plain(period['from'])} to {plain(period['until'])}, judged from "
        f"{plain(period['judged_from'])}"
    )
    yield document["method"]


def _slack_rows(document: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for row in document["by_slack"]:
        for name, trial in row.items():
            if name == "slack":
                continue
            chosen, limit = trial.get("chosen_on_percent"), trial.get("threshold")
            yield (
                row["slack"],
                name,
                None if limit is None else f"{limit:g}",
                None if chosen is None else f"{chosen:.1f}",
                f"{trial['judged_percent']:.1f}",
            )


def _cause(cause: Mapping[str, Any]) -> str:
    if cause["applies"]:
        return f"{cause['name']} applies: {cause['text']}; {cause['fix']}"
    return f"{cause['name']} does not: {cause['text']}"
