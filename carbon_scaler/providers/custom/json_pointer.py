"""JSON pointers (RFC 6901): `/data/0/intensity`."""

import re

from carbon_scaler.providers.fields import FieldError

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


class NothingThereError(FieldError):
    """A pointer leads nowhere in this document."""


def resolve(document: object, pointer: str) -> object:
    """What the pointer points to; `` is the document itself."""
    found = document
    for token in _tokens(pointer):
        found = _step(found, token, pointer)
    return found


def _tokens(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise FieldError(f"{pointer!r} is no JSON pointer; begin it with /")
    # In this order, so that ~01 is ~1 and not a slash.
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _step(found: object, token: str, pointer: str) -> object:
    match found:
        case dict() if token in found:
            return found[token]
        case list() if _INDEX.fullmatch(token) and int(token) < len(found):
            return found[int(token)]
        case _:
            raise NothingThereError(f"nothing is at {pointer} (`{token[:40]}` is not there)")
