"""A past, a store and a forecaster that tests see through."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import numpy as np

from carbon_scaler.application.own_forecasts import (
    ForecastingFailedError,
    ForecastStores,
    OwnForecasts,
    RegionHours,
)
from carbon_scaler.application.own_issue import Lesson, OwnIssue, issue_of
from carbon_scaler.application.snapshots import no_averages
from carbon_scaler.application.terms import SupersededError
from carbon_scaler.config.forecast_priors import load_priors
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.intensity import Basis
from carbon_scaler.domain.regions import CloudRegion, RegionGrid
from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.provider import ProviderIssue

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
NOON = NOW.replace(minute=0)
HOUR = timedelta(hours=1)


def grid(name: str) -> RegionGrid:
    region = CloudRegion(
        name=name,
        provider="aws",
        country="US",
        zone=name.upper(),
        latitude=0.0,
        longitude=0.0,
        eu_eea="no",
    )
    return RegionGrid(region=region, basis=Basis(), chain=("meter",))


def lesson(*grams: float, until: datetime = NOON, now: datetime = NOW) -> Lesson:
    first = until.timestamp() - 3600 * len(grams)
    return Lesson(
        region="us-west-1",
        basis=Basis(),
        now=now,
        starts=first + 3600.0 * np.arange(len(grams)),
        grams=np.array(grams, dtype=np.float64),
        covered=np.full(len(grams), 3600.0),
        average=None,
    )


class FakeTerm:
    token = 7

    async def lost(self) -> None:
        raise AssertionError


class FakeClock:
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time


class World:
    """All that own forecasts reach, in memory."""

    def __init__(self, *regions: str) -> None:
        self.measured_until = dict.fromkeys(regions, NOON)
        self.measured_since = NOON - 10 * HOUR
        self.values = 7
        self.kept: list[tuple[OwnIssue, int | None]] = []
        self.asked: list[str] = []
        self.opened = 0
        self.failing: set[str] = set()
        self.hanging: set[str] = set()
        self.seconds_each = 0.0
        self.away: CarbonScalerError | None = None
        self.superseded = False
        self.clock = FakeClock()
        self.slept = 0
        self.forecasts = self.anew()

    def anew(self) -> OwnForecasts:
        """As after a restart."""
        return OwnForecasts(
            [grid(name) for name in self.measured_until],
            stores=ForecastStores(past=self, provider=self, issues=self),
            forecasting=self.forecasting,
            averages=no_averages,
            clock=self.clock,
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.slept += 1
        self.clock.time += timedelta(seconds=seconds)

    async def read(
        self, region: str, *, since: datetime, until: datetime
    ) -> tuple[Column, Column, Column]:
        first = self.measured_until[region].timestamp() - 3 * 3600
        return first + 3600.0 * np.arange(3), np.array([100.0, 200.0, 300.0]), np.full(3, 3600.0)

    async def provider_issues(self, grid: RegionGrid, now: datetime) -> Sequence[ProviderIssue]:
        return ()

    async def hours(self, grids: Sequence[RegionGrid], now: datetime) -> Sequence[RegionHours]:
        if self.away is not None:
            raise self.away
        kept = {issue.region: issue.known_until for issue, _ in self.kept}
        return [
            RegionHours(
                region=each.region.name,
                measured_until=self.measured_until[each.region.name],
                measured_since=self.measured_since,
                values=self.values,
                forecast_from=kept.get(each.region.name),
            )
            for each in grids
        ]

    async def keep(self, issue: OwnIssue, *, kept_at: datetime, term: int | None = None) -> None:
        if self.superseded:
            raise SupersededError("another ingest process leads now")
        self.kept.append((issue, term))

    @asynccontextmanager
    async def forecasting(self) -> AsyncIterator["World"]:
        self.opened += 1
        yield self

    async def issue(self, lesson: Lesson) -> OwnIssue | None:
        self.asked.append(lesson.region)
        self.clock.time += timedelta(seconds=self.seconds_each)
        if lesson.region in self.hanging:
            await asyncio.Event().wait()
        if lesson.region in self.failing:
            raise ForecastingFailedError("singular matrix")
        return issue_of(lesson, load_priors())
