"""Answers that are no data: nothing is stored, the user is told why, and nobody is pestered."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.integration.ingest.bad_answers import BAD, TRIES, Bad
from tests.integration.ingest.world import SECRETS, World, world_of
from tests.peers.electricity_maps import SANDBOX_TOKEN


@pytest.mark.parametrize(
    "case",
    [
        pytest.param((bad, source), id=f"{source}: {bad.name}")
        for bad in BAD
        for source in bad.sources
    ],
)
async def test_of_an_answer_that_is_no_data_nothing_is_stored_and_the_cause_is_told(
    case: tuple[Bad, str], database_url: str, tmp_path: Path
):
    bad, source = case
    with world_of(source, database_url, tmp_path) as world:
        world.spoil(bad.reply)
        with capture_logs() as logged:
            done = await world.cycle(bad.patience)
        feed = await world.feed()

        assert await world.value("SELECT count(*) FROM co2e_emissions") == 0
        assert await world.value("SELECT count(*) FROM carbon_intensity_forecasts") == 0
        assert done.usable == frozenset()
        assert feed.failure is not None
        assert bad.said in feed.failure
        assert feed.failure_kind == bad.result
        assert set(feed.results) == {bad.result}
        assert world.asked_for_present() == bad.asked
        assert max(world.asked().values()) <= TRIES
        assert world.logins == (bad.logins if source == "watttime" else 0)
        assert (await world.state()).calls_today == {source: len(world.peer.requests)}
        await assert_blind(world)
        assert any(bad.said in str(line.get("cause")) for line in logged)
        assert not any(secret in repr((feed, done, logged)) for secret in SECRETS)


async def test_a_peer_that_nobody_vouches_for_is_asked_once_and_told_as_tls(
    database_url: str, tmp_path: Path
):
    with world_of("neso", database_url, tmp_path, tls=True) as world:
        done = await world.cycle()
        feed = await world.feed()

        assert done.usable == frozenset()
        assert (feed.failure_kind, feed.results) == ("tls", {"tls": 1})
        assert "neso: TLS failed" in str(feed.failure)
        assert (await world.state()).calls_today == {"neso": 1}
        assert await world.value("SELECT count(*) FROM co2e_emissions") == 0
        await assert_blind(world)


@pytest.mark.parametrize("allowed", ["false", "true"])
async def test_values_of_a_sandbox_key_are_refused_unless_they_are_asked_for(
    allowed: str, database_url: str, tmp_path: Path
):
    key = {"ELECTRICITY_MAPS_API_KEY": SANDBOX_TOKEN, "CARBON_SCALER_ALLOW_SANDBOX": allowed}
    with world_of("electricity_maps", database_url, tmp_path, **key) as world:
        done = await world.cycle()
        feed = await world.feed()
        methods = await world.rows("SELECT DISTINCT method FROM co2e_emissions")

        if allowed == "true":
            assert done.usable == {world.region}
            assert [row["method"] for row in methods] == ["SANDBOX_MODE_DATA"]
        else:
            assert done.usable == frozenset()
            assert methods == []
            assert feed.results == {"sandbox": 1}
            assert "invented values, because the key is a sandbox key" in str(feed.failure)
            assert world.asked_for_present() == 1
            await assert_blind(world)


async def assert_blind(world: World) -> None:
    """Who waits for data goes on waiting, and is told that there are none."""
    told = await world.explained()
    assert (told["verdict"], told["reason"]) == ("closed", "blind_closed")
    assert told["intensity"] is None or told["intensity"]["kind"] == "static"
