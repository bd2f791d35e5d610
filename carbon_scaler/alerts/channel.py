"""What all channels have in common."""

from typing import Protocol

from carbon_scaler.application.alert_rules import Severity
from carbon_scaler.application.alerting import Message

MARKS = {Severity.INFO: "Info", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}


class Channel(Protocol):
    """One place that messages go to."""

    @property
    def name(self) -> str:
        """Fit for people's eyes: scheme and host, nothing secret."""
        ...

    def wants(self, message: Message) -> bool:
        """Whether such a message belongs there."""
        ...

    async def send(self, message: Message) -> None:
        """Deliver, or raise DeliveryError."""
        ...


def headline(message: Message) -> str:
    """The title with what sort of news it is."""
    return f"{'Resolved' if message.ended else MARKS[message.severity]}: {message.title}"
