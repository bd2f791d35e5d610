"""The time for which one process writes, and what ends a write."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from carbon_scaler.application.ports import Term
from carbon_scaler.domain.errors import CarbonScalerError

T = TypeVar("T")


class SupersededError(CarbonScalerError):
    """A write of a term that is over was refused; another process writes now."""


class UnstorableError(CarbonScalerError):
    """The store can't ever keep a value, however often it is tried."""


async def while_leading(term: Term, work: Coroutine[Any, Any, T]) -> T | None:
    """Work until it ends or the term does, which stops it at once; None: the term ended."""
    working, lost = asyncio.ensure_future(work), asyncio.ensure_future(term.lost())
    try:
        await asyncio.wait((working, lost), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        working.cancel()
        lost.cancel()
        await asyncio.gather(working, lost, return_exceptions=True)
