"""`python -m tests.bench.grid`: many zones' provider, each answer late."""

import argparse
import asyncio

from carbon_scaler.application.clock import SystemClock
from tests.bench.servers import obey
from tests.bench.world import zones
from tests.peers.electricity_maps import ElectricityMapsPeer
from tests.peers.server import Peer


async def main(options: argparse.Namespace) -> None:
    known = set(zones(options.zones))
    # Time stands still there, so that a second cycle finds nothing new at any minute.
    now = SystemClock().now()
    provider = ElectricityMapsPeer(now=lambda: now, zones=known, latency_seconds=options.latency)
    with Peer(provider) as peer:

        async def requests() -> object:
            return {"requests": len(peer.requests)}

        await obey({"url": peer.url}, {"requests": requests})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zones", type=int, default=400)
    parser.add_argument("--latency", type=float, default=0.05)
    asyncio.run(main(parser.parse_args()))
