"""What a check of `doctor` found."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How one check went."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result, with what to do about it."""

    check: str
    state: State
    text: str


def good(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check=check, state=State.GOOD, text=text)


def warning(check: str, text: str) -> Finding:
    """It works, and not as one would want."""
    return Finding(check=check, state=State.WARNING, text=text)


def bad(check: str, text: str) -> Finding:
    """It does not work."""
    return Finding(check=check, state=State.BAD, text=text)
