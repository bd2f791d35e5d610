"""One YAML file, read so that every complaint about it can name the line."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from carbon_scaler.domain.errors import CarbonScalerError

MOST_BYTES = 1_000_000
DEEPEST = 20

KeyPath = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset(_TAG + name for name in ("str", "float", "timestamp", "merge", "value"))
_WHOLE = re.compile(r"[-+]?\d{1,18}", re.ASCII)
# YAML can spell it as "\ud800", and nobody can print it.
_SURROGATE = re.compile("[\ud800-\udfff]")


class PolicyFileError(CarbonScalerError):
    """A policy file that cannot be used; the message names file, line and what to do."""

    def __init__(self, text: str, *, file: Path, line: int | None = None) -> None:
        super().__init__(f"{file}: {text}" if line is None else f"{file}:{line}: {text}")
        self.file = file
        self.line = line


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class YamlDocument:
    """Plain values, and where each key or list entry stands."""

    file: Path
    value: object
    lines: Mapping[KeyPath, int]

    def line_of(self, path: KeyPath) -> int | None:
        """The line of this key, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def error(self, path: KeyPath, text: str) -> PolicyFileError:
        """A complaint about what stands at this path."""
        return PolicyFileError(text, file=self.file, line=self.line_of(path))


class _RefusedError(ValueError):
    def __init__(self, text: str, where: yaml.Node | yaml.Event) -> None:
        super().__init__(text)
        mark = where.start_mark
        self.line = None if mark is None else mark.line + 1


class _Loader(yaml.SafeLoader):
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            # A few nested aliases expand without bound.
            raise _RefusedError("aliases (*name) are not read; write the value out", event)
        if self.depth == DEEPEST:
            raise _RefusedError("is nested too deeply to be read", event)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(file: Path) -> YamlDocument:
    """The file's only document; an empty file's value is None."""
    text = _text(file)
    lines: dict[KeyPath, int] = {}
    try:
        node = _Loader(text).get_single_node()
        value = None if node is None else _plain(node, (), lines.__setitem__)
    except _RefusedError as refused:
        raise PolicyFileError(str(refused), file=file, line=refused.line) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyFileError(
            "holds an unprintable character; save it as plain text in UTF-8", file=file, line=line
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _malformed(file, error) from None
    return YamlDocument(file=file, value=value, lines=lines)


def _text(file: Path) -> str:
    try:
        if not file.is_file():
            raise PolicyFileError("is not a file that can be read", file=file)
        with file.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise PolicyFileError(f"cannot be read: {error.strerror}", file=file) from error
    if len(raw) > MOST_BYTES:
        raise PolicyFileError(f"is larger than {MOST_BYTES:,} bytes", file=file)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PolicyFileError(
            "is not text in UTF-8; save it as that", file=file, line=line
        ) from None


def _malformed(file: Path, error: yaml.MarkedYAMLError) -> PolicyFileError:
    mark = error.problem_mark or error.context_mark
    if mark is not None and mark.buffer and mark.buffer[mark.pointer : mark.pointer + 1] == "\t":
        text = "a tab stands where YAML wants spaces; indent with spaces"
    elif error.context == "expected a single document in the stream":
        text = "a second document begins here; keep one, without ---"
    else:
        text = f"is not YAML: {error.problem or error.context}"
    return PolicyFileError(text, file=file, line=None if mark is None else mark.line + 1)


def _plain(node: yaml.Node, path: KeyPath, note: Callable[[KeyPath, int], None]) -> object:
    match node:
        case yaml.MappingNode() if node.tag == _TAG + "map":
            return _mapping(node, path, note)
        case yaml.SequenceNode() if node.tag == _TAG + "seq":
            return _sequence(node, path, note)
        case yaml.ScalarNode():
            return _scalar(node)
        case _:
            raise _unknown_tag(node)


def _mapping(
    node: yaml.MappingNode, path: KeyPath, note: Callable[[KeyPath, int], None]
) -> dict[str, object]:
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode) or _SURROGATE.search(key_node.value):
            raise _RefusedError("a key must be plain text", key_node)
        key = str(key_node.value)
        if key in values:
            raise _RefusedError(f'the key "{key}" occurs twice; keep one', key_node)
        note((*path, key), key_node.start_mark.line + 1)
        values[key] = _plain(value_node, (*path, key), note)
    return values


def _sequence(
    node: yaml.SequenceNode, path: KeyPath, note: Callable[[KeyPath, int], None]
) -> list[object]:
    values: list[object] = []
    for index, entry in enumerate(node.value):
        note((*path, index), entry.start_mark.line + 1)
        values.append(_plain(entry, (*path, index), note))
    return values


def _scalar(node: yaml.ScalarNode) -> object:
    text = str(node.value)
    if node.tag == _TAG + "null":
        return None
    if node.tag == _TAG + "bool":
        return text.lower() in ("true", "yes", "on")
    if node.tag == _TAG + "int":
        # YAML 1.1 reads 1:30 as 90 and 0b1 as 1: such things stay text.
        return int(text) if _WHOLE.fullmatch(text) else text
    if node.tag in _TEXT_TAGS:
        return text
    raise _unknown_tag(node)


def _unknown_tag(node: yaml.Node) -> _RefusedError:
    return _RefusedError("tags (!name) are not read; write a plain value", node)
