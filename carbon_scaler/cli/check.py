"""`carbon-scaler check`: may it start now, for pipelines."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from carbon_scaler.application.explain import plain
from carbon_scaler.cli.asking import At, Metadata, Name, Namespace, ScaledJob, asked_from
from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.exits import CONFIGURATION
from carbon_scaler.cli.output import JsonFlag, print_json
from carbon_scaler.wiring.look import Asked, explain_trigger

UNNAMED = "check"
# As sysexits.h calls them: temporary failure, no permission, service unavailable.
EXITS = {
    "go": 0,
    "wait": 75,
    "denied": 77,
    "redirected": 77,
    "no_data": 69,
    "error": CONFIGURATION,
}
NO_DATA = frozenset({"blind_closed", "blind_error", "backlog_unknown"})
FORBIDDING = frozenset({"denied", "redirected"})


def check(
    metadata: Metadata = None,
    scaledjob: ScaledJob = None,
    namespace: Namespace = None,
    name: Name = None,
    at: At = None,
    policy_dir: PolicyDir = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing, only end with the code.")
    ] = False,
    json: JsonFlag = False,
) -> None:
    """Ask whether work may start now: the same decision as KEDA's, in one line and an exit code.

    0 go, 75 wait, 77 denied or redirected, 69 no data and closed, 1 wrong metadata, 3 database.
    The mode is gate unless one is given.
    """
    asked = _gated(asked_from(metadata, scaledjob, namespace, name, at, unnamed=UNNAMED))
    settings, environment = prepared(quiet=True, policy_dir=policy_dir)
    document = run_loop(explain_trigger(settings, environment, asked))
    answer = answer_of(document)
    if json:
        print_json({**document, "check": {"answer": answer, "exit_code": EXITS[answer]}})
    elif not quiet:
        typer.echo(line_of(answer, document))
    if EXITS[answer]:
        raise typer.Exit(EXITS[answer])


def answer_of(document: dict[str, Any]) -> str:
    """The explanation in one word."""
    if document["reason"] == "bad_metadata":
        return "error"
    if document["verdict"] == "open":
        return "go"
    outcomes = (str(rule["outcome"]) for rule in document["rules"])
    forbidden = next((outcome for outcome in outcomes if outcome in FORBIDDING), None)
    if forbidden is not None:
        return forbidden
    return "no_data" if document["reason"] in NO_DATA else "wait"


def line_of(answer: str, document: dict[str, Any]) -> str:
    """The answer as one line."""
    because = document["why"]
    match answer:
        case "wait":
            return f"wait{_until(document)} because {because}"
        case "redirected":
            return f"redirected to {document['residency']['enforced_region']}: {because}"
        case "no_data":
            return f"no data: {because}"
        case _:
            return f"{answer}: {because}"


def _until(document: dict[str, Any]) -> str:
    """When time alone opens it, at the latest."""
    opens = (
        each["at"] for each in document["would_change"] if each["at"] and each["verdict"] == "open"
    )
    opens_at = next(opens, None)
    return "" if opens_at is None else f" until {plain(opens_at)} at the latest"


def _gated(asked: Asked) -> Asked:
    if {"mode", "modeFromEnv", "backlog", "backlogFromEnv"} & asked.metadata.keys():
        return asked
    return replace(asked, metadata={**asked.metadata, "mode": "gate"})
