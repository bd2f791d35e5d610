"""Where each job may run, and where it does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.decisions import residency
from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.decision import Outcome
from carbon_scaler.domain.trigger import Tenancy
from carbon_scaler.simulation.history import History, meter
from carbon_scaler.simulation.jobs import Jobs, Places

NOWHERE = -1
LOOKED_BACK = 30 * 86400.0
LEAST_PAST = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sites:
    """The regions, and which of them each job may use."""

    regions: tuple[str, ...]
    allowed: NDArray[np.bool_]  # jobs x regions
    home: Places  # into `regions`; NOWHERE where none is allowed


def lawful_until(tenancy: Tenancy | None, region: str, since: float) -> float:
    """Until when work may run in a region, in Unix seconds; what is not lawful never becomes so."""
    if tenancy is None:
        return np.inf
    at: datetime | None = datetime.fromtimestamp(since, UTC)
    while at is not None:
        ruling = residency.judge(tenancy, region, at)
        if ruling.outcome is not Outcome.PASSED:
            return at.timestamp() if at.timestamp() > since else -np.inf
        at = ruling.until
    return np.inf


def sites(jobs: Jobs, regions: tuple[str, ...], lawful: Mapping[str, float]) -> Sites:
    """`lawful` says until when a region may be used; a job stays out that might start later."""
    until = np.array([lawful[region] for region in regions])
    listed = np.zeros((len(jobs.choices), len(regions)), dtype=np.bool_)
    for row, choice in enumerate(jobs.choices):
        listed[row, [regions.index(region) for region in choice]] = True
    allowed = listed[jobs.choice_of] & (jobs.latest[:, None] < until)
    return Sites(regions=regions, allowed=allowed, home=_homes(jobs, regions, allowed))


def cleanest(jobs: Jobs, found: Sites, histories: Mapping[str, History], lag: float) -> Places:
    """The region whose last 30 days were the cleanest, as known at the submission; else home."""
    means = np.stack([_past_mean(jobs.submitted, histories[r], lag) for r in found.regions], axis=1)
    means = np.where(found.allowed, means, np.inf)
    known = np.isfinite(means).any(axis=1)
    return np.where(known, means.argmin(axis=1), found.home)


def _homes(jobs: Jobs, regions: tuple[str, ...], allowed: NDArray[np.bool_]) -> Places:
    """The first of its list that is allowed."""
    home = np.full(len(jobs), NOWHERE, dtype=np.intp)
    for row, choice in enumerate(jobs.choices):
        here = jobs.choice_of == row
        for region in reversed(choice):
            place = regions.index(region)
            home[here & allowed[:, place]] = place
    return home


def _past_mean(submitted: Column, history: History, lag: float) -> Column:
    """Over whole intervals; infinite where less than a day is known."""
    known = np.floor((submitted - lag - history.begins) / history.step)
    ends = history.begins + np.maximum(known, 0) * history.step
    begins = np.maximum(ends - LOOKED_BACK, history.begins)
    enough = ends - begins >= LEAST_PAST
    spans = np.where(enough, ends - begins, LEAST_PAST)
    means = meter(history).mean_grams(np.where(enough, begins, history.begins), spans)
    return np.where(enough, means, np.inf)
