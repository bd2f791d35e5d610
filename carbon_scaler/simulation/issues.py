"""Forecasts as they were issued, one after the other."""

from dataclasses import dataclass

import numpy as np

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.expected import LASTS
from carbon_scaler.domain.snapshot import HOUR_SECONDS
from carbon_scaler.forecasting.provider import ProviderIssue

LASTS_HOURS = int(LASTS.total_seconds() // HOUR_SECONDS)
# Before every hour that anybody asks about.
LONG_AGO = -1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Issues:
    """What was expected of one region, and from when on that was known; hours without a gap."""

    # Unix seconds, ascending; -inf: known from the beginning.
    issued: Column
    # The first hour that each issue speaks of, in Unix seconds; a whole hour of UTC.
    starts: Column
    # By issue: g/kWh of that hour and of those that follow it.
    grams: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.issued)

    def by_hour(self) -> tuple[ProviderIssue, ...]:
        """As forecasts take them up: from the next full hour on, and silent when they are too old.

        What was known from the beginning does not age.
        """
        known = np.where(np.isfinite(self.issued), np.ceil(self.issued / HOUR_SECONDS), LONG_AGO)
        firsts = (self.starts // HOUR_SECONDS).astype(np.int64)
        issues: list[ProviderIssue] = []
        for issued, first, grams in zip(known.astype(np.int64), firsts, self.grams, strict=True):
            _silence(issues, int(issued))
            issues.append(ProviderIssue(issued=int(issued), first=int(first), grams=grams))
        _silence(issues, None)
        return tuple(issues)


def _silence(issues: list[ProviderIssue], until: int | None) -> None:
    """An issue of nothing where the last one has got too old before the next one comes."""
    if not issues or issues[-1].issued == LONG_AGO:
        return
    ends = issues[-1].issued + LASTS_HOURS
    if until is None or ends < until:
        issues.append(ProviderIssue(issued=ends, first=ends, grams=np.empty(0)))
