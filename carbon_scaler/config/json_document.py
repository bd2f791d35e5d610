"""One JSON file, read so that every complaint about it can name the path."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from carbon_scaler.config.csv_table import TableError, unreadable

# As objects they take several times as much memory.
MOST_BYTES = 256 * 1024 * 1024

Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class JsonNode:
    """A value and where it stands; None where there is none."""

    file: Path
    path: Keys
    value: object

    def at(self, *names: str) -> "JsonNode":
        """What is below; what is on the way there must be objects, or nothing."""
        node = self
        for name in names:
            value = node.value
            if value is not None and not isinstance(value, dict):
                raise node.refused("should be an object")
            below = None if value is None else value.get(name)
            node = JsonNode(file=self.file, path=(*node.path, name), value=below)
        return node

    def entries(self) -> Iterator["JsonNode"]:
        """Of a list."""
        for place, value in enumerate(self.list()):
            yield JsonNode(file=self.file, path=(*self.path, place), value=value)

    def list(self) -> "list[object]":
        """The entries as they are; none where there is no list."""
        if self.value is not None and not isinstance(self.value, list):
            raise self.refused("should be a list")
        return self.value or []

    def text(self) -> str:
        """Empty where there is none."""
        if self.value is not None and not isinstance(self.value, str):
            raise self.refused("should be text")
        return (self.value or "").strip()

    def refused(self, wrong: str) -> TableError:
        """An error that names the place, and the value where it is short."""
        said = self.value if isinstance(self.value, str) else None
        return TableError(wrong, file=self.file, path=self.shown(), value=said)

    def shown(self) -> str:
        """The path, like `items[3].metadata.name`."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.path)
        return "".join(steps).removeprefix(".") or "the document"


def read_json(file: Path, form: str) -> JsonNode:
    """The whole document, in any of Unicode's encodings; `form` is what it should be."""
    try:
        with file.open("rb") as text:
            content = text.read(MOST_BYTES + 1)
    except OSError as error:
        raise unreadable(file, error, "JSON") from error
    if len(content) > MOST_BYTES:
        most = MOST_BYTES // 1024**2
        raise TableError(f"is over {most} MiB; write it as CSV, or in parts", file=file)
    if not content.strip():
        raise TableError(f"is empty; it should be {form}", file=file)
    try:
        return JsonNode(file=file, path=(), value=json.loads(content))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise TableError(
            f"is no JSON ({error.msg}); it should be {form}", file=file, path=place
        ) from error
    except UnicodeDecodeError as error:
        raise TableError("is no text in UTF-8; save it as JSON in UTF-8", file=file) from error
    except (ValueError, RecursionError) as error:
        raise TableError(
            f"is no JSON that can be read ({error}); it should be {form}", file=file
        ) from error
