"""`carbon-scaler explain`: why this answer."""

from typing import Annotated

import typer

from carbon_scaler.cli.asking import At, Metadata, Name, Namespace, ScaledJob, asked_from
from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.exits import CONFIGURATION
from carbon_scaler.cli.explanation_tree import explanation_tree
from carbon_scaler.cli.output import JsonFlag, console, print_json
from carbon_scaler.wiring.look import explain_trigger, recorded_answer

UNNAMED = "explain"


def explain(
    metadata: Metadata = None,
    scaledjob: ScaledJob = None,
    namespace: Namespace = None,
    name: Name = None,
    at: At = None,
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="What a server answered, instead of computing it anew."),
    ] = False,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Say what KEDA would be told now, by which rules, from which figures, and until when.

    Reads DATABASE_URL, else the embedded Postgres that `run` started. With --scaledjob the manifest
    is examined as well.
    """
    if recorded and (metadata or (name is None and scaledjob is None)):
        raise typer.BadParameter(
            "--recorded takes no metadata; name the object with --namespace and --name, or give "
            "--scaledjob"
        )
    asked = asked_from(metadata, scaledjob, namespace, name, at, unnamed=UNNAMED)
    settings, environment = prepared(quiet=True, policy_dir=policy_dir)
    document = run_loop(
        recorded_answer(settings, asked)
        if recorded
        else explain_trigger(settings, environment, asked)
    )
    if json:
        print_json(document)
    else:
        console().print(explanation_tree(document))
    if document["reason"] == "bad_metadata":
        raise typer.Exit(CONFIGURATION)
