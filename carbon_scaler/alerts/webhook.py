"""Slack's incoming webhook, and whatever understands the same."""

import httpx

from carbon_scaler.alerts.channel import headline
from carbon_scaler.application.alerting import DeliveryError, Message

SEND_SECONDS = 10.0


class SlackWebhook:
    """Posts `{"text": …}` to a URL, whatever its host."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = httpx.URL(url)
        port = "" if parts.port is None else f":{parts.port}"
        self.name = f"slack webhook at {parts.host}{port}"

    def wants(self, message: Message) -> bool:  # noqa: ARG002
        """Everything."""
        return True

    async def send(self, message: Message) -> None:
        """Deliver; errors tell the status, never the URL, which is a secret."""
        text = f"*{headline(message)}*\n{message.body}"
        try:
            async with httpx.AsyncClient(timeout=SEND_SECONDS) as client:
                response = await client.post(self._url, json={"text": text})
        except httpx.TimeoutException:
            raise DeliveryError(f"{self.name}: no answer in time") from None
        except httpx.HTTPError:
            raise DeliveryError(f"{self.name}: cannot be reached") from None
        if not response.is_success:
            raise DeliveryError(f"{self.name}: answered status {response.status_code}")
