"""What is found in a manifest: where, how bad, and what would be right."""

from dataclasses import dataclass
from enum import StrEnum

from carbon_scaler.config.manifest import Manifest
from carbon_scaler.domain.backlog import Items
from carbon_scaler.domain.trigger import Mode, Plan


class Severity(StrEnum):
    """Whether the trigger cannot work, or works otherwise than it seems."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong where, and what would be right."""

    severity: Severity
    key: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A manifest, the plan that its trigger resolves to, and what its backlog held."""

    manifest: Manifest
    plan: Plan | None
    items: Items | None

    @property
    def mode(self) -> Mode | None:
        """The mode that the trigger resolved to, if it did."""
        return None if self.plan is None else self.plan.mode


def error(key: str, text: str) -> Finding:
    """It cannot work so."""
    return Finding(severity=Severity.ERROR, key=key, text=text)


def warning(key: str, text: str) -> Finding:
    """It works otherwise than it seems."""
    return Finding(severity=Severity.WARNING, key=key, text=text)
