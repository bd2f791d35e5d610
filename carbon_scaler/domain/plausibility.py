"""Which values can't be right; they are kept with a word that says why, and never decide."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import isnan

import numpy as np
from numpy.typing import NDArray

from carbon_scaler.domain.columns import Column
from carbon_scaler.domain.intensity import UNKNOWN_SHARE, Factors
from carbon_scaler.domain.observation import Observation
from carbon_scaler.domain.snapshot import HOUR_SECONDS

MOST_GRAMS = 2000.0
AHEAD = timedelta(seconds=60)
# How much of a zone's past is judged by, and how little is too little.
PAST_SECONDS = 8 * 86_400.0
MOST_PAST = 2_500
LEAST_PAST = 48
SMALLEST_JUMP = 150.0
JUMP_FACTOR = 6.0
USUAL_PERCENTILE = 99.0
FROZEN_INTERVALS = 24
FROZEN_FOR = timedelta(hours=12)
# A zone in which more of the values repeat the one before is one that stands still by nature.
MOST_REPEATS = 0.2
# As many values as a frozen half day has in minutes; what is older can't matter to the next.
NEAR_PAST = 800
MIX_TOLERANCE = 2.0

Flags = NDArray[np.bool_]


def _no_column() -> Column:
    return np.empty(0)


def _no_flags() -> Flags:
    return np.empty(0, dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Past:
    """A zone's values of the last days as its source gave them, ascending."""

    starts: Column = field(default_factory=_no_column)  # Unix seconds
    grams: Column = field(default_factory=_no_column)
    flagged: Flags = field(default_factory=_no_flags)
    # How the newest came about, "" where the source has no word for it; None: not known.
    method: str | None = None

    def followed_by(
        self, observations: Sequence[Observation], flags: Sequence[str | None]
    ) -> "Past":
        """With these values in place of what was known of the same intervals, bounded."""
        seen = [
            (each, flag)
            for each, flag in zip(observations, flags, strict=True)
            if flag != "future" and not isnan(each.grams_per_kwh)
        ]
        if not seen:
            return self
        starts = np.array([each.starts_at.timestamp() for each, _ in seen])
        kept = ~np.isin(self.starts, starts)
        all_starts = np.concatenate((self.starts[kept], starts))
        grams = [each.grams_per_kwh for each, _ in seen]
        all_grams = np.concatenate((self.grams[kept], np.array(grams)))
        flagged = np.array([flag is not None for _, flag in seen])
        all_flagged = np.concatenate((self.flagged[kept], flagged))
        order = np.argsort(all_starts, kind="stable")
        order = order[_worth_keeping(all_starts[order], all_flagged[order])]
        newest_is_new = not len(self.starts) or starts[-1] >= self.starts[-1]
        return Past(
            starts=all_starts[order],
            grams=all_grams[order],
            flagged=all_flagged[order],
            method=(seen[-1][0].method or "") if newest_is_new else self.method,
        )

    def usual_before(self, at: float) -> Column:
        """The unflagged values of the days before an instant, as pairs of start and grams."""
        wanted = (self.starts < at) & ~self.flagged
        return np.stack((self.starts[wanted], self.grams[wanted]))


def flags(
    observations: Sequence[Observation], past: Past, *, factors: Factors, now: datetime
) -> tuple[str | None, ...]:
    """For each of these ascending values: why it can't be right, or None.

    A value that is known and was accepted stays accepted, so that reading it again changes nothing.
    """
    if not observations:
        return ()
    walk = _Walk(past, observations[0].starts_at.timestamp())
    return tuple(
        each.flagged
        or _out_of_bounds(each.grams_per_kwh, factors)
        or ("future" if each.starts_at > now + AHEAD else None)
        or verdict
        for each, verdict in ((each, walk.judge(each, factors)) for each in observations)
    )


def outside_range(grams: float, plausible: tuple[float, float] | None) -> str | None:
    """`outside_range` where a region's profile says what is plausible there and this is not."""
    if plausible is None or plausible[0] <= grams <= plausible[1]:
        return None
    return "outside_range"


def with_sound_mix(observation: Observation) -> Observation:
    """A mix that does not add up is kept, but nothing is concluded from it."""
    if not observation.mix:
        return observation
    total = sum(observation.mix.values())
    if abs(total - 100.0) <= MIX_TOLERANCE:
        return observation
    remark = f"mix_sum: the mix adds up to {total:.1f} %, so the renewable share is not known"
    return replace(observation, renewable=UNKNOWN_SHARE, remarks=(*observation.remarks, remark))


def _out_of_bounds(grams: float, factors: Factors) -> str | None:
    """In the words of the database, which has the last one."""
    if isnan(grams):
        return "not_a_number"
    if grams < 0:
        return "negative"
    if grams == 0 and factors is Factors.LIFECYCLE:
        return "zero"
    return "above_2000" if grams > MOST_GRAMS else None


class _Walk:
    """Goes through past and new values in order and remembers what the next is judged by."""

    def __init__(self, past: Past, first: float) -> None:
        self._past = past
        self._place = max(0, int(np.searchsorted(past.starts, first)) - NEAR_PAST)
        self._usual = past.usual_before(first)
        self._largest = _largest_change(self._usual)
        self._method = past.method
        self._previous_start: float | None = None
        self._previous = 0.0
        self._accepted: float | None = None
        self._run_start = 0.0
        self._run = 0

    def judge(self, observation: Observation, factors: Factors) -> str | None:
        """`frozen`, `jump` or None; then this value belongs to the past of the next."""
        start = observation.starts_at.timestamp()
        grams = observation.grams_per_kwh
        known = self._go_to(start)
        if known is not None and known == grams:
            verdict = None
        elif self._is_frozen(observation, start):
            verdict = "frozen"
        else:
            verdict = "jump" if self._is_jump(observation, start) else None
        unfit = observation.flagged or _out_of_bounds(grams, factors) or verdict
        self._see(start, grams, flagged=unfit is not None)
        self._method = observation.method or ""
        return verdict

    def _go_to(self, start: float) -> float | None:
        """Past everything before an instant; the accepted value that is known of it."""
        past = self._past
        while self._place < len(past.starts) and past.starts[self._place] < start:
            place = self._place
            self._see(
                float(past.starts[place]),
                float(past.grams[place]),
                flagged=bool(past.flagged[place]),
            )
            self._place += 1
        if self._place == len(past.starts) or past.starts[self._place] != start:
            return None
        self._place += 1
        known = self._place - 1
        return None if past.flagged[known] else float(past.grams[known])

    def _see(self, start: float, grams: float, *, flagged: bool) -> None:
        if not self._run or grams != self._previous:
            self._run, self._run_start = 0, start
        self._run += 1
        self._previous_start, self._previous = start, grams
        if not flagged:
            self._accepted = grams

    def _is_frozen(self, observation: Observation, start: float) -> bool:
        if self._run + 1 < FROZEN_INTERVALS or observation.grams_per_kwh != self._previous:
            return False
        lasted = start - self._run_start + observation.lasts.total_seconds()
        return lasted >= FROZEN_FOR.total_seconds() and _varies(self._usual, self._run_start)

    def _is_jump(self, observation: Observation, start: float) -> bool:
        if self._largest is None or self._previous_start is None or self._accepted is None:
            return False
        if self._method is not None and self._method != (observation.method or ""):
            return False
        near = max(2 * observation.lasts.total_seconds(), HOUR_SECONDS)
        if start - self._previous_start > near:
            return False
        grams = observation.grams_per_kwh
        return min(abs(grams - self._previous), abs(grams - self._accepted)) > self._largest


def _worth_keeping(starts: Column, flagged: Flags) -> Flags:
    """Days of accepted values, however long ago the last of them was, and what is near."""
    near = np.arange(len(starts)) >= len(starts) - NEAR_PAST
    if flagged.all():
        return near
    accepted = starts[~flagged]
    oldest = max(accepted[-1] - PAST_SECONDS, accepted[max(0, len(accepted) - MOST_PAST)] - 1)
    kept: Flags = np.where(flagged, near, starts > oldest)
    return kept


def _largest_change(usual: Column) -> float | None:
    """What a change may be: by how values differed from the one before, and from hour to hour."""
    starts, grams = usual
    if len(grams) < LEAST_PAST:
        return None
    usually = float(np.percentile(np.abs(np.diff(grams)), USUAL_PERCENTILE))
    hours, places = np.unique(starts // HOUR_SECONDS, return_index=True)
    hourly = np.abs(np.diff(grams[places]))[np.diff(hours) == 1]
    if len(hourly):
        usually = max(usually, float(np.percentile(hourly, USUAL_PERCENTILE)))
    return max(SMALLEST_JUMP, JUMP_FACTOR * usually)


def _varies(usual: Column, before: float) -> bool:
    grams = usual[1][usual[0] < before]
    if len(grams) < LEAST_PAST:
        return False
    return float(np.mean(np.diff(grams) == 0)) <= MOST_REPEATS
