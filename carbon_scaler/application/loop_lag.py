"""Measure how late the event loop is."""

import asyncio

from carbon_scaler.observability.counters import LoopLag

EVERY_SECONDS = 0.25


async def watch_loop_lag(lag: LoopLag) -> None:
    """Note for ever by how much a short sleep overruns."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + EVERY_SECONDS
        await asyncio.sleep(EVERY_SECONDS)
        lag.observe(max(0.0, loop.time() - due))
