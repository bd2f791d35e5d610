"""The one starter of tasks: named, supervised, ended together."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from carbon_scaler.domain.errors import CarbonScalerError

log = structlog.get_logger()

RESTART_SECONDS = 1.0


class Tasks:
    """Background loops; one that fails is logged and started again, so none dies unseen."""

    def __init__(self) -> None:
        self._running: list[asyncio.Task[None]] = []

    def start(self, name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Keep this loop going until `stop`."""
        self._running.append(asyncio.create_task(_supervise(name, loop), name=name))

    async def stop(self, *, seconds: float = 2.0) -> None:
        """Cancel all loops and wait for them, but not for ever."""
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        self._running.clear()


async def _supervise(name: str, loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await loop()
        except CarbonScalerError as error:
            log.warning("task.failed", task=name, cause=str(error))
        except Exception:
            log.exception("task.failed", task=name)
        else:
            return
        await asyncio.sleep(RESTART_SECONDS)
