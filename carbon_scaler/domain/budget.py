"""What a service may emit in a month, and what it has emitted."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BudgetAction(StrEnum):
    """What happens once the budget is spent."""

    WARN = "warn"
    THROTTLE = "throttle"
    DEFER = "defer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One service's limit for a calendar month in UTC."""

    service: str
    monthly_kg: float
    # From this share of the budget on it is warned.
    alert_percent: float = 80.0
    action: BudgetAction = BudgetAction.WARN
    # While throttled: how much of the ceiling, or of the waiting items, may run.
    throttle_percent: float = 50.0
    # Classes that go on as if nothing were spent.
    exempt_classes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """What a service is known to have emitted since a month began."""

    service: str
    month_begins_at: datetime
    spent_kg: float
    as_of: datetime
