"""Which region shared work is best placed in, and whether a move is worth it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from carbon_scaler.decisions import place as places
from carbon_scaler.decisions.waiting import Costs, least_until
from carbon_scaler.decisions.weighing import share_of, usable_reading, weighed
from carbon_scaler.domain.expected import HOUR, ExpectedPath
from carbon_scaler.domain.intensity import Basis, Reading
from carbon_scaler.domain.place import Move, MoveReason, Place, SharedWork, Whereabouts
from carbon_scaler.domain.policy import Settings
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan

# What is gained by less is often lost again within the hour, and every move has its handover.
WORTH_A_MOVE = 0.10
# What waits is planned on one grid; a place that changes more often never gets to the good hour.
STAYS_FOR = timedelta(hours=1)
_NO_VALUE = "it has no usable value"

Series = Mapping[str, RegionSeries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What one region counts."""

    region: str
    grams_per_kwh: float | None = None
    # Against the first region listed that can be compared; None: it can't be.
    score: float | None = None
    # Why it can't be compared; None: it can.
    left_out: str | None = None


def move(plan: Plan, whereabouts: Whereabouts, series: Series, now: datetime) -> Move | None:
    """What should be chosen instead of the present place; None: it stays."""
    work, present = plan.shared, whereabouts.place
    if work is None:
        return None
    lawful, _ = places.permitted(plan, now)
    candidates = [each for each in lawful if each == plan.region or each in whereabouts.live]
    if not candidates or _is_anothers(work, present, whereabouts.live):
        return None
    reason = _why(present, lawful, candidates)
    at_will = present if reason is MoveReason.BETTER else None
    if at_will is not None and now < at_will.chosen_at + STAYS_FOR:
        return None
    counted = {each.region: each for each in compared(plan, series, now)}
    best = _best(work, candidates, counted)
    if at_will is not None and not _is_better(counted[at_will.region], best, plan.settings):
        return None
    return Move(key=work.key, former=present, region=best.region, reason=reason, score=best.score)


def compared(plan: Plan, series: Series, now: datetime) -> tuple[Weighed, ...]:
    """All listed regions, in their order; values of different bases are never compared."""
    work = plan.shared
    if work is None:
        return ()
    readings = {each: usable_reading(series.get(each), now) for each in work.regions}
    usable = {region: reading for region, reading in readings.items() if reading is not None}
    if not usable:
        return tuple(Weighed(region=each, left_out=_NO_VALUE) for each in work.regions)
    measure, first = next(iter(usable.items()))
    alike = {region: reading for region, reading in usable.items() if reading.basis == first.basis}
    grams = _grams(alike, series, plan.settings, now)
    return tuple(
        _scored(work, each, measure, grams)
        if each in grams
        else Weighed(region=each, left_out=_left_out(usable.get(each), measure, first.basis))
        for each in work.regions
    )


def _left_out(reading: Reading | None, measure: str, basis: Basis) -> str:
    if reading is None:
        return _NO_VALUE
    return f"its values are {reading.basis}, those of {measure} {basis}"


def _is_anothers(work: SharedWork, present: Place | None, live: Collection[str]) -> bool:
    """Whether others with another list placed it: two lists must not move it to and fro."""
    return present is not None and present.region not in work.regions and present.region in live


def _why(present: Place | None, lawful: Collection[str], candidates: Collection[str]) -> MoveReason:
    """Why another place is needed; where it is not, it has to be better."""
    if present is None:
        return MoveReason.FIRST
    if present.region not in lawful:
        return MoveReason.FORBIDDEN
    return MoveReason.BETTER if present.region in candidates else MoveReason.SILENT


def _best(work: SharedWork, candidates: list[str], counted: Mapping[str, Weighed]) -> Weighed:
    """The least score; of equal ones a preferred region, then the first listed."""

    def order(region: str) -> tuple[float, int, int]:
        score = counted[region].score
        preference = (
            work.preferred.index(region) if region in work.preferred else len(work.preferred)
        )
        return (np.inf if score is None else score, preference, work.regions.index(region))

    return counted[min(candidates, key=order)]


def _is_better(present: Weighed, best: Weighed, settings: Settings) -> bool:
    """Whether the best costs less by enough; what is known is better than what is not."""
    if best.score is None:
        return False
    if present.score is None:
        return True
    worth = max(WORTH_A_MOVE, settings.min_savings_percent / 100)
    return best.score < present.score and best.score <= present.score * (1 - worth)


def _scored(work: SharedWork, region: str, measure: str, grams: Mapping[str, float]) -> Weighed:
    return Weighed(
        region=region,
        grams_per_kwh=grams[region],
        score=weighed(
            work.weights,
            carbon=share_of(grams[region], grams[measure]),
            cost=work.costs.get(region, 1.0) / work.costs.get(measure, 1.0),
        ),
    )


def _grams(
    readings: Mapping[str, Reading], series: Series, settings: Settings, now: datetime
) -> dict[str, float]:
    """Of the best start within the slack where all have an expectation, else of now."""
    duration, slack = settings.job_duration.total_seconds(), settings.max_delay.total_seconds()
    planned: dict[str, float] = {}
    for region, reading in readings.items():
        expected = series[region].expected
        if expected is not None and expected.basis == reading.basis:
            grams = _planned(expected, duration, slack, now)
            planned |= {} if grams is None else {region: grams}
    if len(planned) == len(readings):
        return planned
    return {region: reading.grams_per_kwh for region, reading in readings.items()}


# Thousands of triggers are judged at one instant, and most of them ask for the same.
@lru_cache(maxsize=256)
def _planned(
    expected: ExpectedPath, duration_seconds: float, slack_seconds: float, now: datetime
) -> float | None:
    """The mean of the best run that starts within the slack, in g/kWh; None: it is not known."""
    index = expected.index_at(now)
    if index is None:
        return None
    begun = np.array([now.timestamp() - expected.begins - index * HOUR.total_seconds()])
    costs = Costs.of(expected.grams[None, index:], np.array([duration_seconds]))
    later, _ = least_until(costs, begun, begun + slack_seconds)
    best = np.fmin(costs.at(begun), later)[0]
    return float(best) if np.isfinite(best) else None
