"""Great Britain's local days have 46 or 50 half hours twice a year; UTC's have 48."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from carbon_scaler.application.ingest.loop import Ingest, Stores
from carbon_scaler.config.regions_file import load_catalog
from carbon_scaler.domain.regions import RegionGrid
from carbon_scaler.providers.neso import answers as neso_answers
from carbon_scaler.providers.neso import source as neso
from carbon_scaler.providers.neso.source import NesoSource
from carbon_scaler.providers.transport import Transport, new_client
from carbon_scaler.storage.feeds import PostgresFeedLedger
from carbon_scaler.storage.forecasts import PostgresForecastStore
from carbon_scaler.storage.intensities import PostgresIntensityStore
from carbon_scaler.storage.leadership import PostgresElections
from carbon_scaler.storage.pool import Pool
from tests.fakes import FakeClock
from tests.peers.neso import NesoPeer
from tests.peers.server import Peer

REGION = "eu-west-2"
LONDON = ZoneInfo("Europe/London")
HALF_HOUR = timedelta(minutes=30)
DAY = timedelta(days=1)


@asynccontextmanager
async def british_ingest(clock: FakeClock, pool: Pool) -> AsyncIterator[Ingest]:
    """As wired, with a clock of the test's own."""

    async def spend() -> bool:
        return True

    grid = RegionGrid(region=load_catalog()[REGION], basis=neso.TRAITS.basis, chain=("neso",))
    with Peer(NesoPeer(now=clock.now)) as peer:
        async with new_client() as client:
            transport = Transport(
                client,
                source=neso.SOURCE,
                address=peer.url,
                spend=spend,
                refusals=neso_answers.refusal,
                clock=clock,
            )
            yield Ingest(
                [grid],
                {neso.SOURCE: NesoSource(transport, calls_per_minute=None)},
                stores=Stores(
                    intensities=PostgresIntensityStore(pool),
                    forecasts=PostgresForecastStore(pool),
                    feeds=PostgresFeedLedger(pool),
                ),
                clock=clock,
            )


@pytest.mark.parametrize(
    ("day", "in_london"),
    [(datetime(2026, 3, 29, tzinfo=UTC), 46), (datetime(2026, 10, 25, tzinfo=UTC), 50)],
    ids=["clocks go forward", "clocks go back"],
)
async def test_a_day_of_the_clock_change_is_48_half_hours_in_utc(
    day: datetime, in_london: int, database_url: str, pool: Pool
):
    clock = FakeClock(day + DAY + timedelta(hours=12, minutes=5))
    elections = PostgresElections(database_url, holder="a test")
    async with british_ingest(clock, pool) as ingest, elections.term() as term:
        await ingest.ingest_once(term)
    rows = await pool.fetch(
        "SELECT timestamp, lasts FROM co2e_emissions ORDER BY timestamp",
    )

    starts = [row["timestamp"] for row in rows]
    assert {row["lasts"] for row in rows} == {HALF_HOUR}
    assert len([at for at in starts if day <= at < day + DAY]) == 48
    assert len([at for at in starts if at.astimezone(LONDON).date() == day.date()]) == in_london
    assert {later - at for at, later in pairwise(starts)} == {HALF_HOUR}
