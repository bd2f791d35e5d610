"""Alerts reach a peer over HTTP once, whatever happens in between."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from typer.testing import CliRunner

from carbon_scaler.alerts.apprise_channel import apprise_channel
from carbon_scaler.alerts.channels import Channels
from carbon_scaler.application.alert_episodes import Episode
from carbon_scaler.application.alert_rules import Condition, Judgement, Severity
from carbon_scaler.application.alerting import Alerting, DeliveryError, Message
from carbon_scaler.cli.alerts import app
from carbon_scaler.storage.alert_episodes import PostgresEpisodeStore
from carbon_scaler.storage.pool import Pool, open_pool
from tests.fakes import FakeClock
from tests.peers.server import Fault, Peer, Reply, Request
from tests.secret_scan import leaks

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
NOTHING = Judgement(conditions=())
NO_DATA = Judgement(
    conditions=(
        Condition(
            key="no_data:us-west-1",
            severity=Severity.CRITICAL,
            title="us-west-1: no usable grid value for over 3 hours",
            body="The newest is of 08:00.",
        ),
    )
)
MESSAGE = Message(severity=Severity.WARNING, title="a title", body="a body")


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer(lambda request: Reply(body="ok", content_type="text/plain")) as running:
        yield running


def slack(peer: Peer) -> Channels:
    return Channels(slack_url=lambda: f"{peer.url}/services/T0/B0/key", apprise_urls=None)


def both(peer: Peer) -> Channels:
    return Channels(
        slack_url=lambda: f"{peer.url}/slack",
        apprise_urls=lambda: f"json://127.0.0.1:{peer.port}/apprise",
    )


def failing(path: str, status: int = 500) -> Peer:
    return Peer(lambda request: Reply(status=status if request.path == path else 200))


async def minutes(alerting: Alerting, clock: FakeClock, judgement: Judgement, count: int) -> None:
    for _ in range(count):
        clock.advance(timedelta(minutes=1))
        await alerting.observe_once(judgement)


async def test_an_episode_is_one_post_across_restarts_and_its_end_another(pool: Pool, peer: Peer):
    clock, store = FakeClock(NOW), PostgresEpisodeStore(pool)
    for _ in range(3):
        restarted = Alerting(clock=clock, store=store, notifier=slack(peer))
        await minutes(restarted, clock, NO_DATA, 10)
    begun = list(peer.requests)
    for _ in range(3):
        restarted = Alerting(clock=clock, store=store, notifier=slack(peer))
        await minutes(restarted, clock, NOTHING, 10)

    assert len(begun) == 1
    assert len(peer.requests) == 2
    first, last = (json.loads(request.body)["text"] for request in peer.requests)
    assert first.startswith("*Critical: us-west-1: no usable grid value for over 3 hours*\n")
    assert last.startswith("*Resolved: us-west-1: no usable grid value for over 3 hours*\n")
    assert [request.path for request in peer.requests] == ["/services/T0/B0/key"] * 2


@pytest.mark.parametrize(
    "fault",
    [
        Reply(status=500),
        Reply(status=404),
        Reply(status=302, headers={"Location": "/elsewhere"}),
        Reply().broken(Fault.CUT_BEFORE),
    ],
    ids=["500", "404", "redirect", "cut"],
)
async def test_what_a_failing_peer_missed_it_gets_later(pool: Pool, peer: Peer, fault: Reply):
    clock = FakeClock(NOW)
    well, peer.handler = peer.handler, lambda request: fault
    store = PostgresEpisodeStore(pool)
    alerting = Alerting(clock=clock, store=store, notifier=slack(peer))
    await minutes(alerting, clock, NO_DATA, 10)
    missed = len(peer.requests)
    untold = [episode.notified_at for episode in await store.episodes()]
    peer.handler = well
    await minutes(alerting, clock, NO_DATA, 40)

    assert untold == [None]
    assert missed == 4, "after 0, 1, 3 and 7 minutes"
    assert len(peer.requests) == missed + 1


async def test_apprise_reaches_the_peer_too(peer: Peer):
    await both(peer).send(MESSAGE)

    bodies = {request.path: json.loads(request.body) for request in peer.requests}
    assert bodies["/slack"] == {"text": "*Warning: a title*\na body"}
    assert bodies["/apprise"]["title"] == "Warning: a title"
    assert bodies["/apprise"]["message"] == "a body"
    assert bodies["/apprise"]["type"] == "warning"


@pytest.mark.parametrize("path", ["/slack", "/apprise"])
async def test_one_channel_that_fails_does_not_keep_the_other_from_its_message(path: str):
    with failing(path) as peer:
        channels = both(peer)

        await channels.send(MESSAGE)

        assert sorted(peer.paths) == ["/apprise", "/slack"]
        peer.handler = lambda request: Reply()
        for line in channels._lines:
            await line.settle()
        assert sorted(peer.paths) == sorted(["/apprise", "/slack", path])


async def test_a_message_that_reached_nobody_is_refused_with_all_causes(peer: Peer):
    peer.handler = lambda request: Reply(status=403)

    with pytest.raises(DeliveryError) as refusal:
        await both(peer).send(MESSAGE)

    said = str(refusal.value)
    assert f"slack webhook at 127.0.0.1:{peer.port}: answered status 403" in said
    assert "json://127.0.0.1: not delivered" in said


@pytest.mark.parametrize("scheme", ["slack", "apprise"])
async def test_a_peer_that_does_not_answer_holds_up_nothing_else(scheme: str):
    asked, released = threading.Event(), threading.Event()

    def waits(request: Request) -> Reply:
        asked.set()
        assert released.wait(30)
        return Reply()

    with Peer(waits) as peer:
        url = f"json://127.0.0.1:{peer.port}/?rto=30" if scheme == "apprise" else f"{peer.url}/"
        channels = Channels(
            slack_url=(lambda: url) if scheme == "slack" else None,
            apprise_urls=(lambda: url) if scheme == "apprise" else None,
        )
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(channels.send(MESSAGE))
            assert await asyncio.to_thread(asked.wait, 30)
            # Only a loop that still runs gets here.
            assert not sending.done()
            released.set()


async def test_apprise_sends_one_message_at_a_time_even_when_the_first_was_given_up():
    asked, released = threading.Event(), threading.Event()

    def waits(request: Request) -> Reply:
        asked.set()
        assert released.wait(30)
        return Reply()

    with Peer(waits) as peer:
        channel = apprise_channel(f"json://127.0.0.1:{peer.port}/?rto=30")
        assert channel is not None
        first = asyncio.ensure_future(channel.send(MESSAGE))
        assert await asyncio.to_thread(asked.wait, 30)
        first.cancel()

        with pytest.raises(DeliveryError, match="still busy with the former message"):
            await channel.send(MESSAGE)
        released.set()

    assert len(peer.requests) == 1


async def test_errors_do_not_tell_the_webhooks_url(peer: Peer):
    peer.handler = lambda request: Reply(status=500)
    secret = "T00000000/B00000000/XXXXXXXXXXXXXXXX"
    gone = Channels(slack_url=lambda: f"http://127.0.0.1:9/{secret}", apprise_urls=None)
    refusing = Channels(slack_url=lambda: f"{peer.url}/{secret}", apprise_urls=None)

    said = {}
    for name, channels in {"gone": gone, "refusing": refusing}.items():
        with pytest.raises(DeliveryError) as refusal:
            await channels.send(MESSAGE)
        said[name] = str(refusal.value)

    assert "cannot be reached" in said["gone"]
    assert leaks({"webhook": secret}, said) == []


# The command


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers = list(root.handlers)
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers


@pytest.mark.usefixtures("logs_as_before")
def test_the_test_command_tells_how_each_channel_fared(monkeypatch: pytest.MonkeyPatch):
    with failing("/bad", 404) as peer:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{peer.url}/hook")
        monkeypatch.setenv("CARBON_SCALER_ALERT_URLS", f"json://me:key@127.0.0.1:{peer.port}/good")
        well = CliRunner().invoke(app, ["test"])
        monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{peer.url}/bad")
        badly = CliRunner().invoke(app, ["test", "--json"])

        assert sorted(peer.paths) == ["/bad", "/good", "/good", "/hook"]

    assert well.exit_code == 0
    assert well.stdout.count("delivered") == 2
    assert badly.exit_code == 1
    slack_channel, other = json.loads(badly.stdout)["channels"]
    assert slack_channel["failure"].endswith("answered status 404")
    assert other == {"channel": "json://127.0.0.1", "failure": None, "delivered": True}


@pytest.mark.usefixtures("logs_as_before")
def test_the_test_command_without_any_channel_says_what_to_set(monkeypatch: pytest.MonkeyPatch):
    for name in ("SLACK_WEBHOOK_URL", "CARBON_SCALER_ALERT_URLS"):
        monkeypatch.delenv(name, raising=False)

    result = CliRunner().invoke(app, ["test"])

    assert result.exit_code == 1
    assert "set SLACK_WEBHOOK_URL or CARBON_SCALER_ALERT_URLS" in str(result.exception)


@pytest.mark.usefixtures("logs_as_before")
def test_the_list_command_shows_what_is_open_and_what_is_over(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", database_url)
    empty = CliRunner().invoke(app, ["list", "--json"])
    asyncio.run(_keep_two_episodes(database_url))

    listed = CliRunner().invoke(app, ["list", "--json"])
    table = CliRunner().invoke(app, ["list"])

    assert json.loads(empty.stdout) == {"episodes": []}
    still, over = json.loads(listed.stdout)["episodes"]
    assert (still["key"], still["resolved_at"]) == ("no_data:us-west-1", None)
    assert (over["key"], over["severity"]) == ("source_failing:neso", "warning")
    _, first, second = table.stdout.splitlines()
    assert first.startswith("open")
    assert "us-west-1: no usable grid value" in first
    assert second.startswith("over since 05 12:00")


async def _keep_two_episodes(database_url: str) -> None:
    still = Episode(
        key="no_data:us-west-1",
        severity=Severity.CRITICAL,
        title="us-west-1: no usable grid value",
        body="",
        began_at=NOW - timedelta(hours=2),
        last_seen_at=NOW,
        notified_at=NOW - timedelta(hours=2),
    )
    over = replace(
        still,
        key="source_failing:neso",
        severity=Severity.WARNING,
        began_at=NOW - timedelta(hours=1),
        resolved_at=NOW,
    )
    async with open_pool(database_url) as pool:
        await PostgresEpisodeStore(pool).keep([over, still])
