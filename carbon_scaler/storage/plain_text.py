"""Text of others as PostgreSQL can keep it."""

import json
from collections.abc import Mapping, Sequence
from math import isfinite


def storable_text(text: str | None) -> str | None:
    """Without NUL and halves of surrogate pairs, which the server refuses."""
    if text is None:
        return None
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def storable_json(value: Mapping[str, object] | None) -> str | None:
    """As `jsonb` takes it; None where there is nothing to say."""
    return json.dumps(_plain(value), ensure_ascii=False) if value else None


def _plain(value: object) -> object:
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case Mapping():
            return {storable_text(str(key)): _plain(each) for key, each in value.items()}
        case str():
            return storable_text(value)
        case Sequence():
            return [_plain(each) for each in value]
        case _:
            return storable_text(str(value))
