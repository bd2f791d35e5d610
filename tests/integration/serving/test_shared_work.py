"""Three scalers in three regions, one database and one backlog: each item starts in one region."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.application.backlogs import Backlogs
from carbon_scaler.application.evaluate import Evaluator
from carbon_scaler.application.known import Known
from carbon_scaler.application.places import PlaceStates
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.application.tasks import Tasks
from carbon_scaler.backlogs.postgres import PostgresBacklog
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.decision import Decision
from carbon_scaler.domain.place import UNKNOWN_WHEREABOUTS, Place
from carbon_scaler.domain.policy import BUILT_IN_POLICY, StatedSettings, Strategy
from carbon_scaler.domain.residency import Level, Residency, Tenant
from carbon_scaler.domain.trigger import Plan, Trigger
from carbon_scaler.storage.notifications import PLACES_CHANNEL, PostgresChanges
from carbon_scaler.storage.places import PostgresPlaces
from carbon_scaler.storage.pool import Pool
from tests.builders import DAY, HOUR, MINUTE, SECOND, a_series, a_trigger
from tests.fakes import (
    FakeChanges,
    FakeClock,
    FakeDirectives,
    FakeIntensityStore,
    FakeNotes,
    a_rulebook,
)

EAST, WEST, EU = "us-east-1", "us-west-1", "eu-central-1"
REGIONS = (EAST, WEST, EU)
GRAMS = {EAST: 400.0, WEST: 300.0, EU: 100.0}
# Only the clean grid of EU is below it.
THRESHOLD = 250.0
MAX_DELAY, LEAD, POLLED_EVERY = 20 * MINUTE, 3 * MINUTE, 30 * SECOND
POLICY = replace(
    BUILT_IN_POLICY,
    residency=Residency(tenants={"acme": Tenant(name="acme", level=Level.EU_STRICT)}),
)
WORK = """
CREATE TABLE work (
  id bigint GENERATED ALWAYS AS IDENTITY, enqueued_at timestamptz NOT NULL,
  started_at timestamptz, started_in text
)
"""
START = """
UPDATE work SET started_at = $1, started_in = $2
WHERE id IN (SELECT id FROM work WHERE started_at IS NULL ORDER BY enqueued_at LIMIT $3)
"""


def shared(region: str, tenant: str | None) -> Trigger:
    return a_trigger(
        region=region,
        regions=REGIONS,
        backlog="orders",
        tenant=tenant,
        stated=StatedSettings(
            strategy=Strategy.THRESHOLD,
            threshold=THRESHOLD,
            min_renewable_percent=0.0,
            max_delay=MAX_DELAY,
            lead=LEAD,
        ),
    )


class Scaler:
    """One region's server, as far as it takes to answer for shared work."""

    def __init__(
        self, region: str, *, clock: FakeClock, pool: Pool, url: str, tenant: str | None
    ) -> None:
        self.region = region
        grids = {
            name: replace(a_series(grams, since=clock.now(), usable_for=DAY), region=name)
            for name, grams in GRAMS.items()
        }
        self.snapshots = Snapshots(
            store=FakeIntensityStore(grids), changes=FakeChanges(), clock=clock
        )
        settings = BacklogSettings(
            name="orders",
            kind=BacklogKind.POSTGRES,
            url_env="ORDERS",
            url=url,
            query="SELECT enqueued_at FROM work WHERE started_at IS NULL",
        )
        self.backlogs = Backlogs([PostgresBacklog(settings)], clock)
        self.places = PlaceStates(
            store=PostgresPlaces(pool),
            changes=PostgresChanges(url, channel=PLACES_CHANNEL),
            clock=clock,
            series=lambda: self.snapshots.current.regions,
            holder=f"scaler in {region}",
        )
        self.evaluator = Evaluator(
            rulebook=a_rulebook(load_catalog(), POLICY),
            default_region=region,
            known=Known(
                snapshots=self.snapshots,
                backlogs=self.backlogs,
                directives=FakeDirectives(),
                places=self.places,
            ),
            notes=FakeNotes(),
            clock=clock,
        )
        self._subject = self.evaluator.subject(shared(region, tenant))

    @property
    def place(self) -> Place | None:
        """Where this server believes the work to run."""
        assert isinstance(self._subject.plan, Plan)
        return self.places.of(self._subject.plan).place

    def answer(self) -> Decision:
        decision = self.evaluator.answer(self._subject)
        assert isinstance(decision, Decision)
        return decision


@dataclass(kw_only=True)
class World:
    clock: FakeClock
    pool: Pool
    scalers: dict[str, Scaler]
    connected: set[str] = field(default_factory=lambda: set(REGIONS))
    admitted_at_once: int = 0

    async def goes_on(self, span: timedelta, *, items: int = 1) -> None:
        """KEDA polls every region that is there, and items come."""
        for _ in range(span // POLLED_EVERY):
            await self.pool.executemany(
                "INSERT INTO work (enqueued_at) VALUES ($1)", [(self.clock.now(),)] * items
            )
            await self._polled()
            self.clock.advance(POLLED_EVERY)
            # The database's clock has stood still meanwhile.
            await self.pool.execute(
                "UPDATE place_heartbeats SET polled_at = polled_at - $1::interval", POLLED_EVERY
            )

    async def _polled(self) -> None:
        here = [self.scalers[region] for region in REGIONS if region in self.connected]
        for scaler in here:
            await scaler.backlogs.read_once("orders")
        answers = {scaler.region: scaler.answer() for scaler in here}
        admitted = {region: each.admitted for region, each in answers.items() if each.admitted}
        self.admitted_at_once = max(self.admitted_at_once, len(admitted))
        for region, count in admitted.items():
            await self.pool.execute(START, self.clock.now(), region, count)
        for scaler in here:
            await scaler.places.keep_once()
        await self._heard(here)

    async def _heard(self, here: list[Scaler]) -> None:
        """Wait until every server there has heard of the last move."""
        stored = (await PostgresPlaces(self.pool).load()).get("orders", UNKNOWN_WHEREABOUTS)
        async with asyncio.timeout(20):
            while any(scaler.place != stored.place for scaler in here):  # noqa: ASYNC110  it is told to the servers
                await asyncio.sleep(0.005)

    async def started(self, since: datetime) -> dict[str, int]:
        """How many started in each region, of those that came since then."""
        rows = await self.pool.fetch(
            "SELECT started_in, count(*) FROM work WHERE enqueued_at >= $1 "
            "AND started_at IS NOT NULL GROUP BY 1",
            since,
        )
        return {row["started_in"]: row["count"] for row in rows}

    async def late(self) -> int:
        """How many started after their latest start, or should have."""
        count: int = await self.pool.fetchval(
            "SELECT count(*) FROM work WHERE coalesce(started_at, $1) > enqueued_at + $2::interval",
            self.clock.now(),
            MAX_DELAY,
        )
        return count

    async def place(self) -> tuple[str, str]:
        place = (await PostgresPlaces(self.pool).load())["orders"].place
        assert place is not None
        return place.region, place.reason.value


@asynccontextmanager
async def three_scalers(pool: Pool, url: str, tenant: str | None = None) -> AsyncIterator[World]:
    await pool.execute(WORK)
    clock, tasks = FakeClock(datetime.now(UTC)), Tasks()
    scalers = {
        region: Scaler(region, clock=clock, pool=pool, url=url, tenant=tenant) for region in REGIONS
    }
    for scaler in scalers.values():
        await scaler.snapshots.refresh(None)
        tasks.start(f"places of {scaler.region}", scaler.places.follow)
    try:
        yield World(clock=clock, pool=pool, scalers=scalers)
    finally:
        await tasks.stop()
        for scaler in scalers.values():
            await scaler.backlogs.close()


async def test_one_region_starts_all_and_another_takes_over_in_time(pool: Pool, database_url: str):
    async with three_scalers(pool, database_url) as world:
        began = world.clock.now()
        await world.goes_on(10 * MINUTE)
        assert await world.place() == (EU, "first")
        assert set(await world.started(began)) == {EU}

        # In the middle, with items that are due within the heartbeat's time.
        await pool.execute(
            "INSERT INTO work (enqueued_at) SELECT $1::timestamptz - step * interval '10 seconds' "
            "FROM generate_series(0, 50) AS step",
            world.clock.now() - MAX_DELAY + 10 * MINUTE,
        )
        stopped = world.clock.now()
        world.connected.remove(EU)
        await world.goes_on(2 * MINUTE)
        assert await world.place() == (WEST, "silent")

        await world.goes_on(68 * MINUTE)
        taken_over = await world.started(stopped + 2 * MINUTE)
        assert set(taken_over) == {WEST}
        assert world.admitted_at_once == 1
        assert await world.late() == 0

        # Back again, it gets the work back, once the last move is an hour old.
        world.connected.add(EU)
        await world.goes_on(2 * MINUTE)
        assert await world.place() == (EU, "better")
        back = world.clock.now()
        await world.goes_on(2 * MINUTE)
        assert set(await world.started(back)) == {EU}
        assert await world.late() == 0


async def test_what_must_stay_in_the_union_never_starts_elsewhere(pool: Pool, database_url: str):
    async with three_scalers(pool, database_url, tenant="acme") as world:
        began = world.clock.now()
        await world.goes_on(5 * MINUTE)
        assert set(await world.started(began)) == {EU}
        assert await world.place() == (EU, "first")

        world.connected.remove(EU)
        stopped = world.clock.now()
        await world.goes_on(30 * MINUTE)

        assert await world.started(stopped) == {}
        assert await world.place() == (EU, "first")
        assert await world.late() > 0


async def test_while_the_database_of_places_is_away_the_last_place_stands(
    pool: Pool, database_url: str
):
    async with three_scalers(pool, database_url) as world:
        await world.goes_on(3 * MINUTE)
        assert await world.place() == (EU, "first")
        await pool.execute("ALTER TABLE place_heartbeats RENAME TO away")
        for scaler in world.scalers.values():
            await scaler.places.keep_once()
            assert "place_heartbeats" in str(scaler.places.failure)
        world.clock.advance(HOUR)
        await pool.execute("INSERT INTO work (enqueued_at) VALUES ($1)", world.clock.now())
        for scaler in world.scalers.values():
            await scaler.backlogs.read_once("orders")

        admitted = {region: each.answer().admitted for region, each in world.scalers.items()}

    assert admitted == {EAST: 0, WEST: 0, EU: 1}
