"""`carbon-scaler explain`: why this answer."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.tree import Tree

from carbon_scaler.application.explain import plain
from carbon_scaler.cli.context import PolicyDir, prepared, run_loop
from carbon_scaler.cli.exits import CONFIGURATION
from carbon_scaler.cli.output import JsonFlag, console, print_json
from carbon_scaler.config.manifest import read_trigger
from carbon_scaler.wiring.look import Asked, explain_trigger


def explain(
    metadata: Annotated[
        list[str] | None,
        typer.Argument(help="Trigger metadata: region=us-east-1 workloadClass=deferrable …"),
    ] = None,
    scaledjob: Annotated[
        Path | None, typer.Option(help="Take the trigger from this manifest instead.")
    ] = None,
    namespace: Annotated[str, typer.Option(help="Namespace of the object.")] = "default",
    name: Annotated[str, typer.Option(help="Name of the object.")] = "explain",
    at: Annotated[
        str | None,
        typer.Option(help="An instant with its offset, like 2026-03-01T12:00Z: as known then."),
    ] = None,
    policy_dir: PolicyDir = None,
    json: JsonFlag = False,
) -> None:
    """Say what KEDA would be told now, by which rules, from which figures, and until when.

    Reads DATABASE_URL, else the embedded Postgres that `run` started.
    """
    if scaledjob is not None:
        namespace, name, pairs = read_trigger(scaledjob)
    else:
        pairs = _pairs(metadata or [])
    settings, environment = prepared(quiet=True, policy_dir=policy_dir)
    asked = Asked(namespace=namespace, name=name, metadata=pairs, at=_instant(at))
    document = run_loop(explain_trigger(settings, environment, asked))
    if json:
        print_json(document)
    else:
        _print_tree(document)
    if document["reason"] == "bad_metadata":
        raise typer.Exit(CONFIGURATION)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter(f"--at {text!r} is no instant with its offset: 2026-03-01T12:00Z")
    return instant.astimezone(UTC)


def _pairs(arguments: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals:
            raise typer.BadParameter(f"{argument!r} is no metadata; write key=value")
        if key in pairs:
            raise typer.BadParameter(f"{key} is given twice")
        pairs[key] = value
    return pairs


def _print_tree(document: dict[str, Any]) -> None:
    colour = {"open": "green", "closed": "yellow"}.get(str(plain(document["verdict"])), "red")
    tree = Tree(f"[bold {colour}]{plain(document['verdict'])}[/] ({document['reason']})")
    rules = tree.add("[bold]rules[/]")
    for ruling in document["rules"]:
        rules.add(
            f"{ruling['rule']}: [bold]{plain(ruling['outcome'])}[/] {_escaped(ruling['text'])}"
        )
    answer = tree.add("[bold]KEDA gets[/]")
    answer.add(f"value {document['metric_value']:g}, target {document['target']:g}")
    answer.add("active" if document["active"] else "inactive")
    if document["changes_at"] is not None:
        answer.add(f"until {plain(document['changes_at'])} at the latest, or until data change")
    _add_figures(tree, document)
    console().print(tree, soft_wrap=True)


def _add_figures(tree: Tree, document: dict[str, Any]) -> None:
    for title in ("intensity", "backlog"):
        if document[title]:
            branch = tree.add(f"[bold]{title}[/]")
            for key, value in document[title].items():
                branch.add(f"{key}: {_escaped(value)}")
    if document["settings"]:
        branch = tree.add("[bold]settings[/]")
        for key, setting in document["settings"].items():
            if setting["value"] is not None:
                branch.add(f"{key}: {_escaped(setting['value'])} [dim]({setting['origin']})[/]")
    for warning in document["warnings"]:
        tree.add(f"[yellow]warning[/] {_escaped(warning)}")


def _escaped(value: object) -> str:
    text = value if isinstance(value, str | int | float) else plain(value)
    return str(text).replace("[", "\\[")
