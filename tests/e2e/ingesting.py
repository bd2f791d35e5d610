"""Settings of an ingest process and what it left in the database."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.e2e.postgres import Postgres
from tests.e2e.program import finished
from tests.peers.electricity_maps import LIVE_TOKEN, ElectricityMapsPeer
from tests.peers.server import Handler, Peer

REGION = "us-west-1"
DONE, WRONG, NO_DATA, DATABASE = 0, 1, 2, 3

# A slot is one interval of one region from one source on one basis.
DOUBLED = """
SELECT count(*) FROM (
  SELECT FROM co2e_emissions GROUP BY region, timestamp, source, signal, factors
  HAVING count(*) > 1
) AS doubled
"""
# What every value of a source must say of itself.
HALF_WRITTEN = """
SELECT count(*) FROM co2e_emissions
WHERE gco2_per_kwh IS NULL OR kind IS NULL OR provider_zone IS NULL OR fetched_at IS NULL
  OR lasts IS NULL OR confidence_score IS NULL OR licence_class IS NULL
"""
CALLS = "SELECT coalesce(sum(calls), 0)::int FROM ingest_calls"
ROWS = "SELECT count(*)::int FROM co2e_emissions"
TERM = "SELECT token FROM ingest_leadership"


def electricity_maps(at: datetime | None = None) -> ElectricityMapsPeer:
    """A faithful peer for which it stays the same hour however long a test takes."""
    pinned = at or datetime.now(UTC)
    return ElectricityMapsPeer(now=lambda: pinned)


@contextmanager
def provider(handler: Handler | None = None) -> Iterator[Peer]:
    """Electricity Maps, faithful unless told otherwise."""
    with Peer(handler or electricity_maps()) as peer:
        yield peer


def settings_of(url: str, peer: Peer | str, **more: str) -> dict[str, str]:
    """One region from one source with a key."""
    return {
        "DATABASE_URL": url,
        "CARBON_SCALER_SOURCES": "electricity_maps",
        "CARBON_SCALER_REGIONS": REGION,
        "CARBON_SCALER_ELECTRICITY_MAPS_URL": peer if isinstance(peer, str) else peer.url,
        "ELECTRICITY_MAPS_API_KEY": LIVE_TOKEN,
        **more,
    }


def one_cycle(settings: Mapping[str, str]) -> tuple[int, Any, str]:
    """Exit code, the document on stdout (None: there is none) and stderr."""
    done = finished("ingest", "--once", "--json", settings=settings, seconds=180)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def is_whole(postgres: Postgres, url: str) -> bool:
    """No interval twice, none without what it must say."""
    return postgres.value(url, DOUBLED) == 0 and postgres.value(url, HALF_WRITTEN) == 0
