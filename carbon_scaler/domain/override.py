"""An operator's word that stands above every rule but residency."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OverrideAction(StrEnum):
    """What the operator wants."""

    HOLD = "hold"
    RELEASE = "release"


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """Holds or releases one object, one class or one region until an instant."""

    id: int
    action: OverrideAction
    until: datetime
    reason: str
    by: str
    created_at: datetime
    # Exactly one of the three is stated; an object is (namespace, name).
    scaled_object: tuple[str, str] | None = None
    workload_class: str | None = None
    region: str | None = None

    @property
    def subject(self) -> str:
        """What it applies to, as a person says it."""
        if self.scaled_object is not None:
            return "object " + "/".join(self.scaled_object)
        if self.workload_class is not None:
            return f"class {self.workload_class}"
        return f"region {self.region}"

    @property
    def specificity(self) -> int:
        """An object's counts before its class's, a class's before a region's."""
        if self.scaled_object is not None:
            return 2
        return 1 if self.workload_class is not None else 0

    def applies_to(self, namespace: str, name: str, workload_class: str, region: str) -> bool:
        """Whether an object of this class in this region is meant."""
        if self.scaled_object is not None:
            return self.scaled_object == (namespace, name)
        if self.workload_class is not None:
            return self.workload_class == workload_class
        return self.region == region
