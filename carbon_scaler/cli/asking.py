"""A trigger as it is given on the command line: by pairs, or by the manifest that holds it."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from carbon_scaler.config.manifest import read_manifest
from carbon_scaler.wiring.look import Asked

Metadata = Annotated[
    list[str] | None,
    typer.Argument(help="Trigger metadata: region=us-east-1 workloadClass=deferrable …"),
]
ScaledJob = Annotated[
    Path | None, typer.Option(help="Take the trigger from this manifest instead.")
]
Namespace = Annotated[
    str | None, typer.Option(help="Namespace of the object; else the manifest's, else default.")
]
Name = Annotated[
    str | None, typer.Option(help="Name of the object; in a manifest of several it chooses one.")
]
At = Annotated[
    str | None,
    typer.Option(help="An instant with its offset, like 2026-03-01T12:00Z: as known then."),
]


def asked_from(
    metadata: Iterable[str] | None,
    scaledjob: Path | None,
    namespace: str | None,
    name: str | None,
    at: str | None,
    *,
    unnamed: str,
) -> Asked:
    """What is asked about; `unnamed` stands for an object without a name."""
    if scaledjob is None:
        return Asked(
            namespace=namespace or "default",
            name=name or unnamed,
            metadata=_pairs(metadata or ()),
            at=instant_of(at),
        )
    if metadata:
        raise typer.BadParameter("give key=value pairs or --scaledjob, not both")
    manifest = read_manifest(scaledjob, name)
    return Asked(
        namespace=namespace or manifest.namespace,
        name=manifest.name,
        metadata=manifest.metadata,
        at=instant_of(at),
        manifest=manifest,
    )


def instant_of(text: str | None) -> datetime | None:
    """The instant that an option names; None where it is not given."""
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
