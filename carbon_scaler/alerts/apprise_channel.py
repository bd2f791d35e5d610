"""E-mail, PagerDuty and the hundred other services that Apprise reaches."""

import asyncio
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import apprise
from apprise.plugins.base import NotifyBase

from carbon_scaler.alerts.channel import headline
from carbon_scaler.application.alert_rules import Severity
from carbon_scaler.application.alerting import DeliveryError, Message

# Services that wake somebody: they get what is critical, and its end.
PAGERS = frozenset(
    {
        "betterstack",
        "firehydrant",
        "goalert",
        "ilert",
        "incidentio",
        "opsgenie",
        "pagerduty",
        "pagertree",
    }
    | {"signl4", "spike", "splunk", "squadcast", "victorops", "xmatters"}
)
# Only of these the host is a host; of others it may be a key.
HOSTED = frozenset({"form", "forms", "json", "jsons", "mailto", "mailtos", "xml", "xmls"})


class AppriseChannel:
    """One Apprise URL; the library blocks, so it works in a thread of its own."""

    def __init__(self, service: NotifyBase, *, scheme: str, host: str | None) -> None:
        self._service = service
        self._scheme = scheme
        self._busy = threading.Lock()
        self.name = f"{scheme}://{host}" if host and scheme in HOSTED else f"{scheme}://***"

    def wants(self, message: Message) -> bool:
        """Everything, but pagers only what is critical."""
        return message.severity is Severity.CRITICAL or self._scheme not in PAGERS

    async def send(self, message: Message) -> None:
        """Deliver; one at a time, for a thread can't be ended."""
        if not self._busy.acquire(blocking=False):
            raise DeliveryError(f"{self.name}: still busy with the former message")
        if not await _in_thread(lambda: self._notify(message)):
            raise DeliveryError(f"{self.name}: not delivered; the log tells what Apprise said")

    def _notify(self, message: Message) -> bool:
        try:
            return self._service.notify(
                # PagerDuty knows an incident again by its title.
                title=message.title if self._scheme in PAGERS else headline(message),
                body=message.body,
                notify_type=_type_of(message),
            )
        finally:
            self._busy.release()


def apprise_channel(url: str) -> AppriseChannel | None:
    """The channel that a URL means; None where Apprise does not understand it."""
    scheme = urlsplit(url).scheme.lower()
    with warnings.catch_warnings():
        # Apprise looks for modules that Python is about to drop.
        warnings.simplefilter("ignore", DeprecationWarning)
        service = apprise.Apprise.instantiate(_with_resolution(url, scheme), asset=_asset())
    if service is None:
        return None
    return AppriseChannel(service, scheme=scheme, host=urlsplit(url).hostname)


def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(
        app_id="carbon-scaler",
        app_desc="carbon-scaler",
        app_url="",
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )


def _with_resolution(url: str, scheme: str) -> str:
    """PagerDuty closes an incident only where that is asked for."""
    if scheme != "pagerduty" or "action=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}action=map"


def _type_of(message: Message) -> apprise.NotifyType:
    if message.ended:
        return apprise.NotifyType.SUCCESS
    match message.severity:
        case Severity.CRITICAL:
            return apprise.NotifyType.FAILURE
        case Severity.WARNING:
            return apprise.NotifyType.WARNING
        case Severity.INFO:
            return apprise.NotifyType.INFO


async def _in_thread(work: Callable[[], bool]) -> bool:
    """A daemon: the program's end does not wait for a server that does not answer."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bool] = loop.create_future()

    def settle(delivered: bool) -> None:  # noqa: FBT001  a callback's only argument
        if not done.done():
            done.set_result(delivered)

    def run() -> None:
        delivered = False
        with suppress(Exception):  # a plugin's own mistake is a failed delivery
            delivered = bool(work())
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, delivered)

    threading.Thread(target=run, name="alert", daemon=True).start()
    return await done
