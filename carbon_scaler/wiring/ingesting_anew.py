"""Ingest that follows its policy documents: regions and sources may change while it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import structlog

from carbon_scaler.application.tasks import Tasks
from carbon_scaler.config.policy_directory import PROFILES, SOURCES
from carbon_scaler.config.policy_signature import Signature, policy_signature
from carbon_scaler.config.settings import Settings
from carbon_scaler.domain.errors import CarbonScalerError
from carbon_scaler.wiring.ingesting import Ingesting

log = structlog.get_logger()

LOOK_EVERY_SECONDS = 2.0

Open = Callable[[], AbstractAsyncContextManager[Ingesting]]


async def keep_ingesting(settings: Settings, first: Ingesting, open_another: Open) -> None:
    """Run the first one, and another whenever the documents change to something that works."""
    ingesting = first
    async with AsyncExitStack() as opened:
        changes = _changes(settings)
        while True:
            running = Tasks()
            running.start("ingest", ingesting.run)
            try:
                ingesting, stack = await _another(changes, open_another)
            finally:
                await running.stop()
            await opened.aclose()
            await opened.enter_async_context(stack)
            log.info("ingest.policy_reloaded", regions=len(ingesting.grid.plan.grids))


async def _another(
    changes: AsyncIterator[None], open_another: Open
) -> tuple[Ingesting, AsyncExitStack]:
    """The next that can be opened; what can't be leaves the present one at work."""
    async for _ in changes:
        async with AsyncExitStack() as stack:
            try:
                ingesting = await stack.enter_async_context(open_another())
            except CarbonScalerError as error:
                log.warning("ingest.policy_refused", cause=str(error))
                continue
            ingesting.log_warnings()
            return ingesting, stack.pop_all()
    raise AssertionError  # changes never end


async def _changes(settings: Settings) -> AsyncIterator[None]:
    """Each time that the documents changed and are written no more."""
    known = before = await _signature(settings)
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        seen = await _signature(settings)
        if seen != known and seen == before:
            known = seen
            yield
        before = seen


async def _signature(settings: Settings) -> Signature:
    names = {PROFILES, SOURCES}
    return await asyncio.to_thread(policy_signature, settings.policy_dir, names)
