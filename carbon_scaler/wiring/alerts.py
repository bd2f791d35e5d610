"""The channels that the settings name."""

from carbon_scaler.alerts.channels import Channels
from carbon_scaler.config.settings import Settings


def notifier(settings: Settings) -> Channels | None:
    """Where alerts go; None where nothing is configured. Refuses malformed URLs."""
    slack, others = settings.slack_webhook_url, settings.alert_urls
    if slack is None and others is None:
        return None
    return Channels(
        slack_url=None if slack is None else slack.reveal,
        apprise_urls=None if others is None else others.reveal,
    )
