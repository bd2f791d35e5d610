"""The view of ingest that a server keeps beside its snapshot."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from carbon_scaler.application.grid_state import READ_EVERY_SECONDS, GridState, GridStates, Leader
from carbon_scaler.domain.errors import CarbonScalerError
from tests.builders import NOW
from tests.fakes import FakeClock

LED = GridState(leader=Leader(holder="ingest-0", since=NOW, token=1), calls_today={"neso": 3})


class AwayError(CarbonScalerError):
    """What an adapter raises."""


class FakeStore:
    """Gives these states one after another; an exception is raised."""

    def __init__(self, *states: GridState | Exception) -> None:
        self.states = list(states)

    async def read(self, now: datetime) -> GridState:
        state = self.states.pop(0)
        if isinstance(state, Exception):
            raise state
        return state


async def test_nothing_is_known_before_the_first_reading():
    states = GridStates(FakeStore(), clock=FakeClock(NOW))

    assert states.current == GridState()
    assert states.failure == "not read yet"


async def test_it_is_read_again_and_again_and_the_newest_stands():
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            raise asyncio.CancelledError

    states = GridStates(FakeStore(GridState(), LED), clock=FakeClock(NOW), sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await states.run()

    assert states.current == LED
    assert states.failure is None
    assert slept == [READ_EVERY_SECONDS] * 2


async def test_while_the_store_is_away_the_last_view_stands_and_it_is_told_once():
    states = GridStates(
        FakeStore(LED, AwayError("away"), AwayError("away"), LED), clock=FakeClock(NOW)
    )
    await states.read_once()
    with capture_logs() as logs:
        for _ in range(2):
            await states.read_once()

    assert states.current == LED
    assert states.failure == "away"
    assert [log["cause"] for log in logs] == ["away"]

    await states.read_once()
    assert states.failure is None


async def test_clocks_that_differ_by_more_than_the_usual_lead_are_told_when_that_begins_and_ends():
    seconds = (0, -61, -75, 59)
    views = [replace(LED, database_ahead=timedelta(seconds=each)) for each in seconds]
    states = GridStates(FakeStore(*views), clock=FakeClock(NOW))

    with capture_logs() as logs:
        for _ in seconds:
            await states.read_once()

    assert [(log["log_level"], log["seconds"]) for log in logs] == [("warning", -61), ("info", 59)]
