"""Work that several regions share: where each piece runs, who asks for it, and when it moves."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from carbon_scaler.application.first_load import FirstLoad
from carbon_scaler.application.ports import Clock, IntensityChanges
from carbon_scaler.decisions import place_choice
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.place import LIVE_FOR, UNKNOWN_WHEREABOUTS, Move, Whereabouts
from carbon_scaler.domain.snapshot import RegionSeries
from carbon_scaler.domain.trigger import Plan

log = structlog.get_logger()

Series = Mapping[str, RegionSeries]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often, and how much."""

    # Often enough for a region to be heard of many times before it counts as silent.
    beat_seconds: float = 10.0
    # What is asked for the first time is told at once, together with what comes along.
    collect_seconds: float = 0.2
    retry_seconds: float = 1.0
    # Per server; what comes on top has no heartbeat, so its work is left to other regions.
    most_asked: int = 10_000


PACE = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """Somebody asked for shared work in a region, so long ago."""

    key: str
    region: str
    age: timedelta


class PlaceStore(Protocol):
    """Where places and heartbeats are kept for all servers."""

    async def load(self) -> Mapping[str, Whereabouts]:
        """Of all shared work."""
        ...

    async def beat(self, beats: Sequence[Beat], *, holder: str) -> None:
        """Somebody asked in these regions."""
        ...

    async def choose(self, move: Move, *, by: str) -> bool:
        """Whether it is chosen; not, where another server was first."""
        ...


class PlaceStates:
    """Holds the places, tells who asks here, and moves work when that is worth it.

    Until a trigger with several regions is asked for, it does nothing at all.
    """

    def __init__(
        self,
        *,
        store: PlaceStore,
        changes: IntensityChanges,
        clock: Clock,
        series: Callable[[], Series],
        holder: str,
        pace: Pace = PACE,
    ) -> None:
        """`series` are the grids as known; `holder` is what others are told of this server."""
        self._store = store
        self._changes = changes
        self._clock = clock
        self._series = series
        self._holder = holder
        self._pace = pace
        self._first_load = FirstLoad()
        self._wanted, self._news = asyncio.Event(), asyncio.Event()
        # By work and region: the trigger asked for last, and when.
        self._asked: dict[tuple[str, str], tuple[Plan, datetime]] = {}
        # From the first to the last of the rounds that succeeded one soon after the other.
        self._watching: tuple[datetime, datetime] | None = None
        self.current: Mapping[str, Whereabouts] = {}
        self.failure: str | None = None
        self.moves: Counter[tuple[str]] = Counter()

    @property
    def is_loaded(self) -> bool:
        """Whether the store was read at least once."""
        return self._first_load.is_done

    async def wait_loaded(self, *, seconds: float) -> bool:
        """Wait for the first load, not for ever; whether it is there."""
        self._wanted.set()
        return await self._first_load.wait(seconds=seconds)

    def of(self, plan: Plan) -> Whereabouts:
        """What is known of a plan's shared work."""
        if plan.shared is None:
            return UNKNOWN_WHEREABOUTS
        return self.current.get(plan.shared.key, UNKNOWN_WHEREABOUTS)

    def note(self, plan: Plan, now: datetime) -> None:
        """Somebody asks for shared work; called while KEDA waits."""
        if plan.shared is None:
            return
        subject = plan.shared.key, plan.region
        if subject not in self._asked:
            if len(self._asked) >= self._pace.most_asked:
                return
            self._wanted.set()
            self._news.set()
        self._asked[subject] = plan, now

    async def follow(self) -> None:
        """Read the places whenever one moves, for ever; a failing store leaves the last view."""
        await self._wanted.wait()
        await self._refresh()
        async for _ in self._changes.changes():
            await self._refresh()

    async def keep(self) -> None:
        """Tell who asks here, and move what is better off elsewhere, for ever."""
        await self._wanted.wait()
        while True:
            await self.keep_once()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pace.beat_seconds):
                    await self._news.wait()
                    await asyncio.sleep(self._pace.collect_seconds)

    async def keep_once(self) -> None:
        """One round; what fails is done in a later one."""
        self._news.clear()
        now = self._clock.now()
        self._asked = {
            subject: asked for subject, asked in self._asked.items() if now - asked[1] <= LIVE_FOR
        }
        if not self._asked:
            return
        try:
            await self._store.beat(self._beats(now), holder=self._holder)
            self._take(await self._store.load())
            if self._has_watched(now):
                await self._move_all(now)
        except CarbonScalerError as error:
            self._note_failure(str(error))

    def _beats(self, now: datetime) -> list[Beat]:
        return [
            Beat(key=key, region=region, age=max(timedelta(0), now - at))
            for (key, region), (_, at) in self._asked.items()
        ]

    def _has_watched(self, now: datetime) -> bool:
        """Who has just come, or come back, has not heard yet who else is there."""
        since, last = self._watching or (now, now)
        if now - last > LIVE_FOR:
            since = now
        self._watching = since, now
        return now - since >= LIVE_FOR

    async def _move_all(self, now: datetime) -> None:
        for plan, _ in tuple(self._asked.values()):
            move = place_choice.move(plan, self.of(plan), self._series(), now)
            if move is not None and await self._store.choose(move, by=self._holder):
                self._note_move(move)
            # One after the other, and the answers in between.
            await asyncio.sleep(0)

    async def _refresh(self) -> None:
        while True:
            try:
                loaded = await self._store.load()
            except CarbonScalerError as error:
                self._note_failure(str(error))
                await asyncio.sleep(self._pace.retry_seconds)
            else:
                self._take(loaded)
                return

    def _take(self, loaded: Mapping[str, Whereabouts]) -> None:
        # The old object where nothing changed: answers that were computed from it stay valid.
        former = self.current
        self.current = {
            key: former[key] if former.get(key) == each else each for key, each in loaded.items()
        }
        if self.failure is not None:
            log.info("places.loaded_again")
        self.failure = None
        self._first_load.note()

    def _note_move(self, move: Move) -> None:
        self.moves[move.reason.value,] += 1
        log.info(
            "place.moved",
            work=move.key,
            region=move.region,
            former=None if move.former is None else move.former.region,
            reason=move.reason.value,
            score=move.score,
        )

    def _note_failure(self, cause: str) -> None:
        if cause != self.failure:
            log.warning("places.not_kept", cause=cause)
        self.failure = cause
        self._watching = None
