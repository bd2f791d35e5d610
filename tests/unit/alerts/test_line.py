"""A line owes its channel what it did not deliver, in order and within bounds."""

import asyncio

from carbon_scaler.alerts.line import MOST_OWED, Line
from carbon_scaler.application.alert_rules import Severity
from carbon_scaler.application.alerting import DeliveryError, Message


class FakeChannel:
    """Delivers, refuses or hangs, as the test says."""

    def __init__(self) -> None:
        self.name = "fake://host"
        self.titles: list[str] = []
        self.attempts = 0
        self.down = False
        self.hangs = False

    def wants(self, message: Message) -> bool:
        return True

    async def send(self, message: Message) -> None:
        self.attempts += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.down:
            raise DeliveryError("fake://host: answered status 500")
        self.titles.append(message.title)


def a_message(title: str) -> Message:
    return Message(severity=Severity.WARNING, title=title, body="")


async def test_what_failed_is_delivered_later_and_before_what_is_newer():
    channel = FakeChannel()
    line = Line(channel)
    channel.down = True
    failure = await line.offer(a_message("first"))
    waits = await line.offer(a_message("second"))
    channel.down = False

    assert await line.settle() is None

    assert failure == "fake://host: answered status 500"
    assert waits == "fake://host: waits behind what failed before"
    assert channel.titles == ["first", "second"]
    assert not line.owed


async def test_a_failing_channel_is_not_asked_again_at_once():
    channel = FakeChannel()
    channel.down = True
    line = Line(channel)
    await line.offer(a_message("first"))

    await line.retry()

    assert channel.attempts == 1


async def test_what_is_owed_is_bounded_and_the_newest_stay():
    channel = FakeChannel()
    channel.down = True
    line = Line(channel)
    for number in range(2 * MOST_OWED):
        await line.offer(a_message(str(number)))
    channel.down = False
    await line.settle()

    assert channel.titles == [str(number) for number in range(MOST_OWED, 2 * MOST_OWED)]


async def test_a_channel_that_hangs_is_left():
    channel = FakeChannel()
    channel.hangs = True

    failure = await Line(channel, send_seconds=0.01).offer(a_message("first"))

    assert failure == "fake://host: no answer in time"


async def test_what_is_withdrawn_is_not_owed():
    channel = FakeChannel()
    channel.down = True
    line = Line(channel)
    await line.offer(a_message("first"))
    line.withdraw(a_message("first"))
    line.withdraw(a_message("never offered"))
    channel.down = False

    await line.settle()

    assert channel.titles == []
