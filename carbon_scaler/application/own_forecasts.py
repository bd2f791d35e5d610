"""Forecasts of our own, issued whenever a further hour of a region is known."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from carbon_scaler.application.own_issue import LEARNED_FROM, Lesson, OwnIssue
from carbon_scaler.application.ports import Clock, Term
from carbon_scaler.application.snapshots import Averages
from carbon_scaler.application.terms import SupersededError
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.forecasting.hours import Column
from carbon_scaler.forecasting.provider import ProviderIssue

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 3.0
# A store that takes long to tell what is measured is asked less often.
LEAST_REST = 20
# One region: reading its past, learning, issuing and keeping.
REGION_SECONDS = 30.0
TRY_AGAIN_AFTER = timedelta(minutes=5)
# The past is fetched part by part: not each part wants a forecast of its own.
SETTLES_WITHIN = timedelta(seconds=15)

Sleep = Callable[[float], Awaitable[None]]


class ForecastingFailedError(CarbonScalerError):
    """One region's forecast could not be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionHours:
    """What is measured of a region, and what its newest own forecast was made from."""

    region: str
    measured_until: datetime  # a whole hour
    measured_since: datetime
    values: int  # of the last two weeks, without the youngest hours
    forecast_from: datetime | None = None  # None: none was issued yet

    def knows_more_than(self, former: "RegionHours") -> bool:
        """A further hour, a longer past, or one with fewer gaps; hours that grew old are no news."""
        return (
            self.measured_until > former.measured_until
            or self.measured_since < former.measured_since
            or self.values > former.values
        )


class MeasuredPast(Protocol):
    """Where the past that forecasts are made from is kept."""

    async def read(
        self, region: str, *, since: datetime, until: datetime
    ) -> tuple[Column, Column, Column]:
        """Starts in Unix seconds, means in g/kWh, and how many seconds of each hour are known."""
        ...


class ProviderPast(Protocol):
    """What providers said would come."""

    async def provider_issues(self, grid: RegionGrid, now: datetime) -> Sequence[ProviderIssue]:
        """Of the last weeks, by the first source of the chain that says anything."""
        ...


class IssueStore(Protocol):
    """Where own forecasts are kept."""

    async def hours(self, grids: Sequence[RegionGrid], now: datetime) -> Sequence[RegionHours]:
        """Of each of these regions of which anything was measured in the last day."""
        ...

    async def keep(self, issue: OwnIssue, *, kept_at: datetime, term: int | None = None) -> None:
        """Keep this forecast. Refused if the term is over."""
        ...


class Forecaster(Protocol):
    """Makes forecasts where they hold nobody up."""

    async def issue(self, lesson: Lesson) -> OwnIssue | None:
        """What is expected; None: nothing is known. Raises ForecastingFailedError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastStores:
    """All that forecasts are made from, and where they go."""

    past: MeasuredPast
    provider: ProviderPast
    issues: IssueStore


class OwnForecasts:
    """Looks for regions with a new hour, and forecasts one after the other."""

    def __init__(
        self,
        grids: Sequence[RegionGrid],
        *,
        stores: ForecastStores,
        forecasting: Callable[[], AbstractAsyncContextManager[Forecaster]],
        averages: Averages,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._grids = {grid.region.name: grid for grid in grids}
        self._stores = stores
        self._forecasting = forecasting
        self._averages = averages
        self._clock = clock
        self._sleep = sleep
        # What was known of each region when it was last forecast.
        self._done: dict[str, RegionHours] = {}
        self._not_before: dict[str, datetime] = {}
        self._failures: dict[str, str] = {}
        self._cause: str | None = None
        self._look_seconds = 0.0

    async def run(self, term: Term) -> None:
        """For as long as the term lasts, whatever fails."""
        while True:
            try:
                await self.issue_due(term)
            except SupersededError as error:
                log.warning("forecast.superseded", cause=str(error))
                return
            except (CarbonScalerError, TimeoutError) as error:
                self._note_failed_round(str(error) or "no answer in time")
            else:
                self._cause = None
            await self._sleep(max(LOOK_EVERY_SECONDS, LEAST_REST * self._look_seconds))

    async def issue_once(self, term: Term, *, within: timedelta) -> None:
        """What is due, as far as there is time; only a term that is over raises."""
        try:
            await self.issue_due(term, within=within)
        except SupersededError:
            raise
        except (CarbonScalerError, TimeoutError) as error:
            self._note_failed_round(str(error) or "no answer in time")

    async def issue_due(self, term: Term, *, within: timedelta | None = None) -> int:
        """A forecast of each region with a new hour, as far as there is time; how many were kept."""
        now = self._clock.now()
        due = [each for each in await self._look(now) if self._is_due(each, now)]
        if not due:
            return 0
        issued, give_up_at = 0, None if within is None else now + within
        async with self._forecasting() as forecaster:
            for place, each in enumerate(due):
                seconds = self._seconds_left(give_up_at)
                if seconds <= 0:
                    log.info("forecast.out_of_time", left=len(due) - place)
                    break
                issued += await self._forecast(each, forecaster, term, seconds=seconds)
        log.info("forecast.issued", regions=issued)
        return issued

    async def _look(self, now: datetime) -> Sequence[RegionHours]:
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(REGION_SECONDS):
            hours = await self._stores.issues.hours(tuple(self._grids.values()), now)
        self._look_seconds = asyncio.get_running_loop().time() - began
        return hours

    def _is_due(self, hours: RegionHours, now: datetime) -> bool:
        """After a restart the newest forecast that is kept counts as made from what is there."""
        if now < self._not_before.get(hours.region, now):
            return False
        done = self._done.get(hours.region)
        if done is None:
            if hours.forecast_from is None or hours.forecast_from < hours.measured_until:
                return True
            self._done[hours.region] = hours
            return False
        if hours.knows_more_than(done):
            return True
        self._done[hours.region] = hours
        return False

    def _seconds_left(self, give_up_at: datetime | None) -> float:
        if give_up_at is None:
            return REGION_SECONDS
        return min(REGION_SECONDS, (give_up_at - self._clock.now()).total_seconds())

    async def _forecast(
        self, hours: RegionHours, forecaster: Forecaster, term: Term, *, seconds: float
    ) -> bool:
        """One region's failure is told once and keeps no other region waiting for long."""
        try:
            async with asyncio.timeout(seconds):
                issue = await forecaster.issue(await self._lesson(self._grids[hours.region]))
                if issue is not None:
                    await self._stores.issues.keep(
                        issue, kept_at=self._clock.now(), term=term.token
                    )
        except (ForecastingFailedError, TimeoutError) as error:
            self._note_failure(hours.region, str(error) or f"not done in {seconds:.0f} s")
            return False
        self._failures.pop(hours.region, None)
        self._done[hours.region] = hours
        self._not_before[hours.region] = self._clock.now() + SETTLES_WITHIN
        return issue is not None

    async def _lesson(self, grid: RegionGrid) -> Lesson:
        return await lesson_of(grid, self._stores, self._averages, self._clock.now())

    def _note_failure(self, region: str, cause: str) -> None:
        self._not_before[region] = self._clock.now() + TRY_AGAIN_AFTER
        if self._failures.get(region) != cause:
            log.warning("forecast.failed", region=region, cause=cause)
        self._failures[region] = cause

    def _note_failed_round(self, cause: str) -> None:
        if cause != self._cause:
            log.warning("forecast.round_failed", cause=cause)
        self._cause = cause


async def lesson_of(
    grid: RegionGrid, stores: ForecastStores, averages: Averages, now: datetime
) -> Lesson:
    """All that is known of a region now, or was of what had begun then."""
    region = grid.region.name
    starts, grams, covered = await stores.past.read(region, since=now - LEARNED_FROM, until=now)
    average = averages(region, grid.basis)
    return Lesson(
        region=region,
        basis=grid.basis,
        now=now,
        starts=starts,
        grams=grams,
        covered=covered,
        average=None if average is None else average.grams_per_kwh,
        provider=tuple(await stores.provider.provider_issues(grid, now)),
    )
