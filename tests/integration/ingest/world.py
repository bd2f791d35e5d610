"""One source with its provider, the database that it fills, and what a user sees of both."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_state import GridState
from carbon_scaler.config.settings import load_settings
from carbon_scaler.providers.transport import Patience
from carbon_scaler.storage.grid_state import PostgresGridState
from carbon_scaler.storage.pool import open_pool
from carbon_scaler.wiring.ingest import OneCycle, ingest
from carbon_scaler.wiring.look import Asked, explain_trigger
from tests.fakes import FakeClock
from tests.peers.electricity_maps import (
    FORECAST,
    HISTORY,
    LATEST,
    LIVE_TOKEN,
    PAST,
    ElectricityMapsPeer,
)
from tests.peers.neso import NesoPeer
from tests.peers.server import Handler, Peer, Reply, Request
from tests.peers.watttime import FORECAST as WT_FORECAST
from tests.peers.watttime import HISTORY as WT_HISTORY
from tests.peers.watttime import LOGIN, PASSWORD, USERNAME, WattTimePeer

# As many tries as ever, without their pauses.
AT_ONCE = Patience(first_backoff_seconds=0.0, longest_backoff_seconds=0.0)
# For a peer that never ends its answer.
IMPATIENT = Patience(first_backoff_seconds=0.0, longest_backoff_seconds=0.0, total_seconds=0.5)
SECRETS = (LIVE_TOKEN, PASSWORD)
REGIONS = {"electricity_maps": "eu-central-1", "neso": "eu-west-2", "watttime": "us-west-1"}
ZONES = {"electricity_maps": "DE", "neso": "GB", "watttime": "CAISO_NORTH"}
# Where the present is asked for, as its path begins.
PRESENT = {
    "electricity_maps": f"/v4/{LATEST}",
    "neso": "/intensity/",
    "watttime": WT_FORECAST,
}
DATA = {
    "electricity_maps": (LATEST, HISTORY, PAST, FORECAST),
    "neso": ("/intensity",),
    "watttime": (WT_FORECAST, WT_HISTORY),
}
COORDINATES = ("37.35", "-121.96")
MARGINAL = """
regions:
  us-west-1: {signal: marginal, factors: direct}
"""
# Takes any value that may decide, and waits for one where there is none.
WAITS_FOR_DATA = {"mode": "brake", "workloadClass": "deferrable", "threshold": "5000"}


class Provider(Protocol):
    """A peer's handler whose answers can be spoiled."""

    overrides: dict[str, Any]

    def __call__(self, request: Request) -> Reply: ...

    def faithful(self, request: Request) -> Reply: ...


def a_quiet_instant() -> datetime:
    """Past by our clock, far from a day's and an hour's ends and from the release of any class."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return yesterday.replace(hour=9, minute=17)


def provider_of(source: str, now: datetime) -> Provider:
    """Faithful, with a clock that stands still."""
    match source:
        case "electricity_maps":
            return ElectricityMapsPeer(now=lambda: now)
        case "neso":
            return NesoPeer(now=lambda: now)
        case _:
            zone = ZONES["watttime"]
            return _StandingStill(now=lambda: now, places={COORDINATES: zone}, access={zone})


class _StandingStill(WattTimePeer):
    """Has nothing of what comes after its clock, whatever it is asked for."""

    def faithful(self, request: Request) -> Reply:
        end = request.query.get("end")
        if end is not None and datetime.fromisoformat(end) > self.now():
            query = {**request.query, "end": self.now().isoformat()}
            return super().faithful(replace(request, query=query))
        return super().faithful(request)


@dataclass(kw_only=True)
class World:
    """`source` is asked for one region unless `environment` says otherwise."""

    url: str
    source: str
    provider: Any
    peer: Peer
    now: datetime
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def region(self) -> str:
        return REGIONS[self.source]

    @property
    def zone(self) -> str:
        return ZONES[self.source]

    def spoil(self, answer: Reply | Handler) -> None:
        """The answer to every request for data."""
        self.provider.overrides |= dict.fromkeys(DATA[self.source], answer)

    def asked(self) -> Counter[tuple[str, ...]]:
        """How often each thing was asked for; a login is one thing."""
        return Counter(
            (request.path, *sorted(f"{name}={value}" for name, value in request.query.items()))
            for request in self.peer.requests
        )

    def asked_for_present(self) -> int:
        """How often the newest values were asked for."""
        return sum(
            request.path.startswith(PRESENT[self.source]) and _is_of_present(request)
            for request in self.peer.requests
        )

    @property
    def logins(self) -> int:
        return self.peer.paths.count(LOGIN)

    async def cycle(self, patience: Patience = AT_ONCE) -> OneCycle:
        """`ingest --once`."""
        settings = load_settings(self.environment)
        done = await ingest(
            settings, self.environment, once=True, patience=patience, clock=FakeClock(self.now)
        )
        assert done is not None
        return done

    async def explained(self, *, at: datetime | None = None, region: str = "") -> dict[str, Any]:
        """What `explain` says at an instant, or at the one that the clock stands at."""
        metadata = WAITS_FOR_DATA | {"region": region or self.region}
        asked = Asked(namespace="default", name="work", metadata=metadata, at=at or self.now)
        return await explain_trigger(load_settings(self.environment), self.environment, asked)

    async def state(self) -> GridState:
        async with open_pool(self.url) as pool:
            return await PostgresGridState(pool).read(self.now)

    async def feed(self) -> FeedRecord:
        """Of the one zone that is asked."""
        [feed] = [each for each in (await self.state()).feeds if each.source == self.source]
        return feed

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url, timeout=10)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def value(self, query: str, *arguments: object) -> Any:
        [[value]] = await self.rows(query, *arguments)
        return value


def _is_of_present(request: Request) -> bool:
    """Some have one path for more than the newest values."""
    horizon = request.query.get("horizon_hours", "0")
    return horizon == "0" and (
        not request.path.startswith("/intensity/") or request.path.endswith("/pt24h")
    )


@contextmanager
def world_of(
    source: str,
    url: str,
    directory: Path,
    *,
    tls: bool = False,
    now: datetime | None = None,
    **environment: str,
) -> Iterator[World]:
    """A faithful provider and settings that ask it for one region, without the mix."""
    now = now or a_quiet_instant()
    provider = provider_of(source, now)
    with Peer(provider, tls=tls) as peer:
        (directory / "region-profiles.yaml").write_text(MARGINAL)
        settings: Mapping[str, str] = {
            "DATABASE_URL": url,
            "CARBON_SCALER_POLICY_DIR": str(directory),
            "CARBON_SCALER_SOURCES": source,
            "CARBON_SCALER_REGIONS": REGIONS[source],
            "CARBON_SCALER_MIX": "false",
            f"CARBON_SCALER_{source.upper()}_URL": peer.url,
            "ELECTRICITY_MAPS_API_KEY": LIVE_TOKEN,
            "WATTTIME_USERNAME": USERNAME,
            "WATTTIME_PASSWORD": PASSWORD,
        }
        yield World(
            url=url,
            source=source,
            provider=provider,
            peer=peer,
            now=now,
            environment={**settings, **environment},
        )
