"""Where a tenant's data may go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType


class Level(StrEnum):
    """Which regions a tenant's work may run in."""

    EU_STRICT = "EU_STRICT"  # EU and EEA
    EU_ADEQUATE = "EU_ADEQUATE"  # and what an adequacy entry that is in force adds
    US_ONLY = "US_ONLY"
    GLOBAL = "GLOBAL"  # every known region
    SINGLE_REGION = "SINGLE_REGION"  # the primary one alone


class Enforcement(StrEnum):
    """What happens to work in a region that is not allowed."""

    STRICT = "STRICT"  # it does not run there
    ADVISORY = "ADVISORY"  # it runs, and is warned of
    DISABLED = "DISABLED"  # it runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """One tenant's rules; a list of regions only narrows what the level allows."""

    name: str
    level: Level
    mode: Enforcement = Enforcement.STRICT
    # Bound to it: their work is this tenant's, and no other namespace may name it. Empty: any may.
    namespaces: frozenset[str] = frozenset()
    primary_region: str | None = None
    # None: all that the level allows.
    allowed_regions: frozenset[str] | None = None


# The last day before an adequacy decision ends, by region: on its date it no longer counts.
Adequacy = Mapping[str, date]

# London: the Commission's decision on the United Kingdom, renewed until 27 December 2031.
# Zurich: the decision on Switzerland names no end; ours is the day to look at it again.
_UK_UNTIL = date(2031, 12, 27)
_SWISS_UNTIL = date(2028, 1, 15)
BUILT_IN_ADEQUACY: Adequacy = MappingProxyType(
    {
        "eu-west-2": _UK_UNTIL,
        "europe-west2": _UK_UNTIL,
        "uksouth": _UK_UNTIL,
        "ukwest": _UK_UNTIL,
        "eu-central-2": _SWISS_UNTIL,
        "europe-west6": _SWISS_UNTIL,
        "switzerlandnorth": _SWISS_UNTIL,
        "switzerlandwest": _SWISS_UNTIL,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Residency:
    """All tenants, and who is bound to which namespace."""

    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    # Namespace → the one tenant that it is bound to.
    bound: Mapping[str, str] = field(default_factory=dict)
    adequacy: Adequacy = field(default_factory=lambda: BUILT_IN_ADEQUACY)


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonHint:
    """A cleaner region, for whoever may go there."""

    suggested_region: str
    current_grams_per_kwh: float
    suggested_grams_per_kwh: float
    renewable_percent: float | None = None

    @property
    def savings_percent(self) -> float:
        """How much cleaner it is; computed here, never taken from whoever suggests."""
        if not self.current_grams_per_kwh > 0:
            return 0.0
        difference = self.current_grams_per_kwh - self.suggested_grams_per_kwh
        return 100 * difference / self.current_grams_per_kwh


@dataclass(frozen=True, slots=True, kw_only=True)
class HintRuling:
    """What becomes of a hint: followed, or overridden by the law, and what that costs."""

    hint: CarbonHint
    overridden: bool
    reason: str
    # The grams that staying costs, of one job.
    penalty_grams: float
