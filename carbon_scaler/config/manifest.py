"""The carbon-scaler trigger in a ScaledJob's or ScaledObject's manifest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from carbon_scaler.domain.errors import CarbonScalerError

MOST_BYTES = 1_000_000
SCALED_JOB = "ScaledJob"
SCALED_OBJECT = "ScaledObject"
KINDS = (SCALED_JOB, SCALED_OBJECT)
EXTERNAL = ("external", "external-push")
# What tells our trigger from another external scaler's.
_OUR_MARKS = frozenset({"mode", "workloadClass", "region"})
FROM_ENV = "FromEnv"


class ManifestError(CarbonScalerError):
    """A manifest holds no trigger of ours, or is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object of KEDA's, with its trigger of ours."""

    kind: str
    namespace: str
    name: str
    spec: Mapping[str, Any]
    trigger: Mapping[str, Any]
    # All of its triggers, ours among them.
    triggers: tuple[Mapping[str, Any], ...]
    # The other objects in the file that have a trigger of ours.
    beside: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, str]:
        """The trigger's metadata as KEDA sends them, less what only the cluster knows."""
        stated = {str(key): text_of(value) for key, value in _mapping_of(self.trigger).items()}
        variables = self._variables
        return {
            key: variables.get(value, "") if key.endswith(FROM_ENV) else value
            for key, value in stated.items()
            if key not in self.unresolved
        }

    @property
    def unresolved(self) -> tuple[str, ...]:
        """Keys whose values come from variables that the manifest does not write out."""
        variables = self._variables
        return tuple(
            str(key)
            for key, value in _mapping_of(self.trigger).items()
            if str(key).endswith(FROM_ENV) and text_of(value) not in variables
        )

    @property
    def _variables(self) -> dict[str, str]:
        """What the manifest writes out of its first container's environment."""
        template = mapping(mapping(self.spec.get("jobTargetRef")).get("template"))
        containers = mapping(template.get("spec")).get("containers")
        first = mapping(containers[0]) if isinstance(containers, list) and containers else {}
        listed = first.get("env")
        entries = map(mapping, listed if isinstance(listed, list) else ())
        return {
            text_of(entry["name"]): text_of(entry["value"])
            for entry in entries
            if "name" in entry and "value" in entry
        }


def read_manifest(path: Path, name: str | None = None) -> Manifest:
    """The object of this name, or else the first, that has an external trigger."""
    found = [
        manifest for document in _documents(path) for manifest in _manifests_in(_objects(document))
    ]
    if not found:
        raise ManifestError(
            f"{path}: holds no ScaledJob or ScaledObject with a trigger of type external"
        )
    chosen = found[0] if name is None else _named(found, name, path)
    beside = tuple(each.name for each in found if each is not chosen)
    return replace(chosen, beside=beside)


def is_ours(trigger: Mapping[str, Any]) -> bool:
    """Whether an external trigger says what only ours says."""
    keys = {str(key).removesuffix(FROM_ENV) for key in _mapping_of(trigger)}
    return trigger.get("type") in EXTERNAL and bool(keys & _OUR_MARKS)


def _named(found: list[Manifest], name: str, path: Path) -> Manifest:
    for manifest in found:
        if manifest.name == name:
            return manifest
    names = ", ".join(each.name for each in found)
    raise ManifestError(f'{path}: holds no object "{name}" with our trigger; it holds {names}')


def _documents(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ManifestError(f"{path}: is larger than {MOST_BYTES} bytes")
        return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ManifestError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error


def _objects(document: object) -> Iterator[dict[str, Any]]:
    """The document itself, or the members of a List."""
    content = mapping(document)
    members = content.get("items")
    if content.get("kind") == "List" and isinstance(members, list):
        yield from map(mapping, members)
    else:
        yield content


def _manifests_in(objects: Iterator[dict[str, Any]]) -> Iterator[Manifest]:
    for content in objects:
        if content.get("kind") not in KINDS:
            continue
        about, spec = mapping(content.get("metadata")), mapping(content.get("spec"))
        listed = spec.get("triggers")
        triggers = tuple(map(mapping, listed if isinstance(listed, list) else ()))
        external = [each for each in triggers if each.get("type") in EXTERNAL]
        if external:
            yield Manifest(
                kind=str(content["kind"]),
                namespace=text_of(about.get("namespace")) or "default",
                name=text_of(about.get("name")),
                spec=spec,
                trigger=next(filter(is_ours, external), external[0]),
                triggers=triggers,
            )


def text_of(value: object) -> str:
    """A scalar as it is written; what nests is only named, for aliases can make it endless."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case dict():
            return "a mapping"
        case list() | set():
            return "a list"
        case _:
            return str(value)


def _mapping_of(trigger: Mapping[str, Any]) -> dict[str, Any]:
    return mapping(trigger.get("metadata"))


def mapping(value: object) -> dict[str, Any]:
    """What should be a mapping; anything else holds nothing of ours."""
    return value if isinstance(value, dict) else {}
