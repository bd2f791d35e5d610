import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from carbon_scaler.application.grid_sources import ErrorKind, SourceError
from carbon_scaler.providers.watttime.answers import SOURCE
from carbon_scaler.providers.watttime.source import WattTimeSource
from carbon_scaler.providers.watttime.tokens import MOST_LOGINS, RENEWED_AFTER_SECONDS
from tests.integration.providers.watttime_account import (
    NOW,
    ZONE,
    Account,
    watttime_source,
)
from tests.peers.server import Peer, Reply, Request, in_order, page
from tests.peers.watttime import (
    FORECAST,
    LOGIN,
    PASSWORD,
    WattTimePeer,
)


@pytest.fixture
def watttime() -> WattTimePeer:
    return WattTimePeer(now=lambda: NOW)


@pytest.fixture
def peer(watttime: WattTimePeer) -> Iterator[Peer]:
    with Peer(watttime) as peer:
        yield peer


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
async def source(peer: Peer, account: Account) -> AsyncIterator[WattTimeSource]:
    async with watttime_source(peer, account) as source:
        yield source


async def _refused(source: WattTimeSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.latest(ZONE, NOW)
    assert caught.value.source == SOURCE
    assert PASSWORD not in str(caught.value)
    assert "token-" not in str(caught.value)
    return caught.value


async def test_twenty_at_once_log_in_once(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.login_latency_seconds = 0.05

    await asyncio.gather(*(source.latest(ZONE, NOW) for _ in range(20)))

    assert peer.paths.count(LOGIN) == 1
    assert peer.paths.count(FORECAST) == 20


async def test_a_token_is_renewed_before_it_ends(
    source: WattTimeSource, peer: Peer, account: Account
) -> None:
    await source.latest(ZONE, NOW)
    account.seconds = RENEWED_AFTER_SECONDS - 1
    await source.latest(ZONE, NOW)
    assert peer.paths.count(LOGIN) == 1

    account.seconds = RENEWED_AFTER_SECONDS
    await source.latest(ZONE, NOW)

    assert peer.paths.count(LOGIN) == 2


async def test_tokens_that_end_early_cost_one_login_for_all(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    await source.latest(ZONE, NOW)
    watttime.expire_tokens()

    answers = await asyncio.gather(*(source.latest(ZONE, NOW) for _ in range(10)))

    assert all(answers)
    assert peer.paths.count(LOGIN) == 2


async def test_a_403_page_means_log_in_again(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    nginx = page(403, "<html>403 Forbidden</html>")
    override = in_order(nginx, Reply(status=299))

    def once(request: Request) -> Reply:
        reply = override(request)
        return watttime.faithful(request) if reply.status == 299 else reply

    watttime.overrides[FORECAST] = once

    assert await source.latest(ZONE, NOW)
    assert peer.paths == [LOGIN, FORECAST, LOGIN, FORECAST]


@pytest.mark.parametrize("reply", [Reply(status=401, body={"error": "no"}), page(403)])
async def test_a_second_refusal_in_a_row_ends_the_matter(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer, reply: Reply
) -> None:
    watttime.overrides[FORECAST] = reply

    assert (await _refused(source)).kind is ErrorKind.KEY
    assert peer.paths == [LOGIN, FORECAST, LOGIN, FORECAST]


async def test_refusals_without_end_do_not_reach_the_limit_of_logins(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer, account: Account
) -> None:
    watttime.overrides[FORECAST] = Reply(status=401, body={"error": "no"})
    for _ in range(MOST_LOGINS + 5):
        await _refused(source)

    assert (await _refused(source)).kind is ErrorKind.RATE_LIMITED
    assert peer.paths.count(LOGIN) == MOST_LOGINS
    # What takes the last token goes on.
    assert (await source.signal_index(ZONE)).zone == ZONE

    account.seconds = 300
    assert (await _refused(source)).kind is ErrorKind.KEY


async def test_what_the_plan_lacks_costs_no_second_login(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.access = {"CAISO_NORTH"}

    refused = await _refused(source)

    assert refused.kind is ErrorKind.PLAN
    assert "/v3/my-access" in str(refused)
    assert peer.paths == [LOGIN, FORECAST]


async def test_a_wrong_password_is_tried_once_until_it_changes(
    source: WattTimeSource, peer: Peer, account: Account
) -> None:
    account.password = "wrong-one"
    for _ in range(3):
        refused = await _refused(source)
        assert refused.kind is ErrorKind.KEY
        assert "WATTTIME_PASSWORD" in str(refused)
    assert peer.paths == [LOGIN]

    account.password = PASSWORD

    assert await source.latest(ZONE, NOW)
    assert peer.paths == [LOGIN, LOGIN, FORECAST]


async def test_a_wrong_password_is_tried_again_after_a_while(
    source: WattTimeSource, peer: Peer, account: Account
) -> None:
    account.password = "wrong-one"
    await _refused(source)
    account.seconds = 300

    await _refused(source)

    assert peer.paths == [LOGIN, LOGIN]


async def test_who_waits_for_a_login_that_fails_does_not_repeat_it(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.overrides[LOGIN] = Reply(body={"no": "token"}).late(0.05)

    found = await asyncio.gather(
        *(source.latest(ZONE, NOW) for _ in range(10)), return_exceptions=True
    )

    kinds = {error.kind for error in found if isinstance(error, SourceError)}
    assert kinds == {ErrorKind.MALFORMED}
    assert peer.paths == [LOGIN]


async def test_a_login_that_the_server_cannot_answer_is_no_wrong_password(
    source: WattTimeSource, watttime: WattTimePeer, peer: Peer
) -> None:
    watttime.overrides[LOGIN] = Reply(status=500)
    assert (await _refused(source)).kind is ErrorKind.SERVER
    assert peer.paths == [LOGIN, LOGIN, LOGIN]
    watttime.overrides.clear()

    assert await source.latest(ZONE, NOW)


async def test_a_login_that_is_given_up_leaves_the_next_one_to_who_waits(
    source: WattTimeSource, watttime: WattTimePeer
) -> None:
    await _with_a_failed_login(source, watttime)
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()

    def slow(request: Request) -> Reply:
        loop.call_soon_threadsafe(arrived.set)
        return watttime.faithful(request).late(0.1)

    watttime.overrides[LOGIN] = slow
    async with asyncio.TaskGroup() as tasks:
        given_up = tasks.create_task(source.latest(ZONE, NOW))
        await arrived.wait()
        waiting = tasks.create_task(source.latest(ZONE, NOW))
        await asyncio.sleep(0)
        given_up.cancel()

    assert waiting.result()


async def _with_a_failed_login(source: WattTimeSource, watttime: WattTimePeer) -> None:
    watttime.overrides[LOGIN] = Reply(body={"no": "token"})
    await _refused(source)
    watttime.overrides.clear()
