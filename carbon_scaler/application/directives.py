"""What people and accounts say beside the grid: operators' overrides, and what services emitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from carbon_scaler.domain.budget import BudgetUse
from carbon_scaler.domain.override import Override


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Directives:
    """All of it at one moment; replaced as a whole, never changed."""

    # Not ended; some may have expired since.
    overrides: tuple[Override, ...] = ()
    # By service, of the present month.
    budget_use: Mapping[str, BudgetUse] = field(default_factory=dict)


NO_DIRECTIVES = Directives()


class DirectiveStore(Protocol):
    """Where they are kept."""

    async def load(self, now: datetime) -> Directives:
        """All that may apply from now on."""
        ...
