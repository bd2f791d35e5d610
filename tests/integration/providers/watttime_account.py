"""An account at WattTime's peer, and the source that uses it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from carbon_scaler.domain.regions import CloudRegion
from carbon_scaler.providers.transport import Transport, new_client
from carbon_scaler.providers.watttime.answers import SOURCE, refusal
from carbon_scaler.providers.watttime.source import WattTimeSource
from tests.peers.server import Peer
from tests.peers.watttime import PASSWORD, USERNAME

NOW = datetime(2026, 3, 1, 12, 2, 30, tzinfo=UTC)
SLOT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ZONE = "PJM_DC"
DAY = timedelta(days=1)
VIRGINIA = CloudRegion(
    name="us-east-1",
    provider="aws",
    country="US",
    zone="US-MIDA-PJM",
    latitude=39.04,
    longitude=-77.49,
    eu_eea="no",
)


class Directory:
    """Zones in a dictionary."""

    def __init__(self) -> None:
        self.zones: dict[tuple[str, str], tuple[str, datetime]] = {}

    async def known(self, source: str, region: str) -> tuple[str, datetime] | None:
        return self.zones.get((source, region))

    async def keep(self, source: str, region: str, zone: str, looked_up_at: datetime) -> None:
        self.zones[source, region] = (zone, looked_up_at)


class Account:
    """What the user typed, and a clock that only a test moves."""

    def __init__(self) -> None:
        self.password = PASSWORD
        self.seconds = 0.0
        self.directory = Directory()


@asynccontextmanager
async def watttime_source(peer: Peer, account: Account) -> AsyncIterator[WattTimeSource]:
    """The source as wired, but for what takes time."""
    async with new_client() as client:
        transport = Transport(
            client,
            source=SOURCE,
            address=peer.url,
            spend=_unlimited,
            refusals=refusal,
            sleep=_no_time,
        )
        yield WattTimeSource(
            transport,
            username=lambda: USERNAME,
            password=lambda: account.password,
            directory=account.directory,
            monotonic=lambda: account.seconds,
        )


async def _unlimited() -> bool:
    return True


async def _no_time(seconds: float) -> None:
    """Takes none."""
