"""Which channels there are, what they are called, and what is refused."""

import pytest
from structlog.testing import capture_logs

from carbon_scaler.alerts.apprise_channel import apprise_channel
from carbon_scaler.alerts.channel import headline
from carbon_scaler.alerts.channels import AlertUrlError, Channels
from carbon_scaler.application.alert_rules import Severity
from carbon_scaler.application.alerting import Message

PAGER = "pagerduty://0123456789abcdef@fedcba9876543210"


def channels(slack: str = "", urls: str = "") -> Channels:
    return Channels(slack_url=lambda: slack, apprise_urls=lambda: urls)


def names(made: Channels) -> list[str]:
    return [line.channel.name for line in made._present()]


def test_channels_are_named_by_scheme_and_host_without_their_keys():
    made = channels(
        "https://hooks.slack.com/services/T0/B0/key",
        f"json://user:password@host:8080/path?to=a@b.c,d@e.f, {PAGER},\n"
        "mailto://me:password@mail.example",
    )

    assert names(made) == [
        "slack webhook at hooks.slack.com",
        "json://host",
        "pagerduty://***",
        "mailto://mail.example",
    ]


@pytest.mark.parametrize(
    ("urls", "said"),
    [
        ("nonsense://sesame-open", 'URL number 1, of the scheme "nonsense", is not understood'),
        (f"{PAGER}, slack://sesame-open", 'URL number 2, of the scheme "slack", is not understood'),
        ("sesame-open", "URL number 1, without a scheme, is not understood"),
        ("mailto://", "of the scheme"),
    ],
)
def test_a_malformed_url_is_refused_at_once_and_not_shown(urls: str, said: str):
    with pytest.raises(AlertUrlError, match=said) as refusal:
        channels(urls=urls)

    assert "sesame-open" not in str(refusal.value)
    assert "docs/alerts.md" in str(refusal.value)


@pytest.mark.parametrize("url", ["sesame-open", "ftp://sesame-open/", "https://", "https://h:x/"])
def test_a_webhook_that_is_none_is_refused_and_not_shown(url: str):
    with pytest.raises(AlertUrlError, match="SLACK_WEBHOOK_URL is not usable") as refusal:
        channels(slack=url)

    assert "sesame-open" not in str(refusal.value)


def test_a_secret_that_is_replaced_counts_from_the_next_use():
    present = ["https://one.example/hook"]
    made = Channels(slack_url=lambda: present[0], apprise_urls=None)
    before = names(made)
    present[0] = "https://two.example/hook"

    assert (before, names(made)) == (
        ["slack webhook at one.example"],
        ["slack webhook at two.example"],
    )


def test_a_replacement_that_is_malformed_leaves_the_former_in_use_and_is_told_once():
    present = ["https://one.example/hook"]
    made = Channels(slack_url=lambda: present[0], apprise_urls=None)
    present[0] = "sesame-open"

    with capture_logs() as logs:
        assert names(made) == names(made) == ["slack webhook at one.example"]

    assert [log["event"] for log in logs] == ["alert.urls_refused"]
    assert "sesame-open" not in str(logs)


def test_only_what_is_critical_wakes_people():
    pager, mail = apprise_channel(PAGER), apprise_channel("mailto://me:pw@mail.example")
    assert pager is not None
    assert mail is not None

    def wanted(severity: Severity) -> tuple[bool, bool]:
        message = Message(severity=severity, title="", body="")
        return pager.wants(message), mail.wants(message)

    assert wanted(Severity.CRITICAL) == (True, True)
    assert wanted(Severity.WARNING) == wanted(Severity.INFO) == (False, True)


async def test_a_message_that_no_channel_wants_is_done_with():
    message = Message(severity=Severity.INFO, title="a chance", body="")

    await channels(urls=PAGER).send(message)


def test_pagerduty_closes_its_incident_when_it_is_over():
    channel = apprise_channel(PAGER)
    assert channel is not None

    assert "action=map" in channel._service.url()


@pytest.mark.parametrize(
    ("severity", "ended", "said"),
    [
        (Severity.CRITICAL, False, "Critical: no data"),
        (Severity.INFO, False, "Info: no data"),
        (Severity.CRITICAL, True, "Resolved: no data"),
    ],
)
def test_the_headline_tells_what_sort_of_news_it_is(severity: Severity, ended: bool, said: str):
    message = Message(severity=severity, title="no data", body="", ended=ended)

    assert headline(message) == said
