"""All configured channels; one that fails does not keep the others from theirs."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog

from carbon_scaler.alerts.channel import Channel
from carbon_scaler.alerts.line import Line
from carbon_scaler.alerts.webhook import SlackWebhook
from carbon_scaler.application.alerting import DeliveryError, Message
from carbon_scaler.domain.errors import CarbonScalerError

log = structlog.get_logger()

# A comma inside a URL is followed by no scheme.
BETWEEN_URLS = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)")

# Reads a secret anew; it may be replaced while the program runs.
Reveal = Callable[[], str]


class AlertUrlError(CarbonScalerError):
    """A URL of alerts is no such thing; the text holds its scheme only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a message fared on one channel."""

    channel: str
    failure: str | None


class Channels:
    """The notifier; raises AlertUrlError at once where a URL is malformed."""

    def __init__(self, *, slack_url: Reveal | None, apprise_urls: Reveal | None) -> None:
        self._slack_url = slack_url
        self._apprise_urls = apprise_urls
        self._read = self._reveal()
        self._lines = _lines(*self._read)

    async def send(self, message: Message) -> None:
        """To every channel that wants it; raises DeliveryError if none of these got it."""
        wanting = [line for line in self._present() if line.channel.wants(message)]
        failures = await asyncio.gather(*(line.offer(message) for line in wanting))
        if not wanting or None in failures:
            _log_failures(failures)
            return
        for line in wanting:
            line.withdraw(message)
        raise DeliveryError("; ".join(failure for failure in failures if failure is not None))

    async def retry(self) -> None:
        """Deliver what some channels still lack."""
        await asyncio.gather(*(line.retry() for line in self._lines))

    async def probe(self, message: Message) -> list[Delivery]:
        """Send once over each channel, wanted or not."""
        lines = [Line(line.channel) for line in self._present()]
        failures = await asyncio.gather(*(line.offer(message) for line in lines))
        return [
            Delivery(channel=line.channel.name, failure=failure)
            for line, failure in zip(lines, failures, strict=True)
        ]

    def _reveal(self) -> tuple[str, str]:
        return (
            "" if self._slack_url is None else self._slack_url(),
            "" if self._apprise_urls is None else self._apprise_urls(),
        )

    def _present(self) -> Sequence[Line]:
        """By the present secrets; new ones that are malformed leave the former in use."""
        read = self._reveal()
        if read != self._read:
            self._read = read
            try:
                self._lines = _lines(*read)
            except AlertUrlError as error:
                log.warning("alert.urls_refused", cause=str(error))
        return self._lines


def _lines(slack_url: str, apprise_urls: str) -> list[Line]:
    channels: list[Channel] = [_slack(slack_url)] if slack_url else []
    urls = [url.strip() for url in BETWEEN_URLS.split(apprise_urls.strip(" ,\n"))]
    channels += [_apprise(url, place) for place, url in enumerate(urls, 1) if url]
    return [Line(channel) for channel in channels]


def _slack(url: str) -> Channel:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # raises
    except ValueError:
        usable = False
    if not usable:
        raise AlertUrlError(
            "SLACK_WEBHOOK_URL is not usable; write the whole URL of the incoming webhook, "
            "like https://hooks.slack.com/services/…"
        )
    return SlackWebhook(url)


def _apprise(url: str, place: int) -> Channel:
    # Apprise takes a tenth of a second to import; most do without.
    from carbon_scaler.alerts.apprise_channel import apprise_channel  # noqa: PLC0415

    channel = apprise_channel(url)
    if channel is None:
        scheme, separator, _ = url.partition("://")
        said = f'of the scheme "{scheme[:20]}"' if separator else "without a scheme"
        raise AlertUrlError(
            f"CARBON_SCALER_ALERT_URLS: URL number {place}, {said}, is not understood; "
            "write it as docs/alerts.md shows, like pagerduty://INTEGRATION_KEY@API_KEY"
        )
    return channel


def _log_failures(failures: Sequence[str | None]) -> None:
    for failure in failures:
        if failure is not None:
            log.warning("alert.channel_failed", cause=failure)
