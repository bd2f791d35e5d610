"""The carbon-scaler trigger in a ScaledJob's or ScaledObject's manifest."""

from pathlib import Path
from typing import Any

import yaml

from carbon_scaler.domain.errors import CarbonScalerError

MOST_BYTES = 1_000_000
KINDS = ("ScaledJob", "ScaledObject")


class ManifestError(CarbonScalerError):
    """A manifest holds no trigger of ours, or is none."""


def read_trigger(path: Path) -> tuple[str, str, dict[str, str]]:
    """Namespace, name and metadata of the first external trigger in the file."""
    for document in _documents(path):
        if isinstance(document, dict) and document.get("kind") in KINDS:
            about, spec = _mapping(document.get("metadata")), _mapping(document.get("spec"))
            triggers = spec.get("triggers")
            for trigger in map(_mapping, triggers if isinstance(triggers, list) else ()):
                if trigger.get("type") == "external":
                    metadata = _mapping(trigger.get("metadata"))
                    return (
                        str(about.get("namespace") or "default"),
                        str(about.get("name") or ""),
                        {str(key): str(value) for key, value in metadata.items()},
                    )
    raise ManifestError(
        f"{path}: holds no ScaledJob or ScaledObject with a trigger of type external"
    )


def _documents(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ManifestError(f"{path}: is larger than {MOST_BYTES} bytes")
        return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise ManifestError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error


def _mapping(value: object) -> dict[str, Any]:
    """What should be a mapping; anything else holds nothing of ours."""
    return value if isinstance(value, dict) else {}
