"""What a day's requests are counted as, and what is refused before the first one."""

from datetime import timedelta
from pathlib import Path

import pytest

from carbon_scaler.config.settings import SettingsError
from tests.integration.ingest.world import World, world_of
from tests.peers.server import Reply

QUOTA = {"ELECTRICITY_MAPS_QUOTA_PER_DAY": "100"}


async def spent(world: World, calls: int, *, days_ago: int = 0) -> None:
    await world.rows(
        "INSERT INTO ingest_calls (source, day, calls) VALUES ($1, $2, $3) RETURNING day",
        world.source,
        world.now.date() - timedelta(days=days_ago),
        calls,
    )


async def test_every_try_counts_against_the_quota(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path, **QUOTA) as world:
        world.spoil(Reply(status=500))
        await world.cycle()

        assert len(world.peer.requests) == 3
        assert (await world.state()).calls_today == {"electricity_maps": 3}


async def test_a_quota_that_ends_within_a_cycle_ends_its_requests_and_keeps_its_values(
    database_url: str, tmp_path: Path
):
    with world_of("electricity_maps", database_url, tmp_path, **QUOTA) as world:
        await spent(world, 99)
        done = await world.cycle()
        feed = await world.feed()

        assert len(world.peer.requests) == 1
        assert (await world.state()).calls_today == {"electricity_maps": 100}
        assert done.usable == {world.region}
        assert done.outcome is not None
        assert done.outcome.sources[0].failure_kind == "quota"
        assert "the day's quota is used up; not asked" in done.outcome.failures["electricity_maps"]
        assert feed.results["ok"] == 1
        assert feed.results["quota"] >= 1
        assert (await world.explained())["verdict"] == "open"


async def test_a_used_up_quota_asks_nobody(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path, **QUOTA) as world:
        await spent(world, 100)
        done = await world.cycle()

        assert world.peer.requests == []
        assert done.usable == frozenset()
        assert (await world.feed()).failure_kind == "quota"


async def test_the_next_utc_day_has_a_quota_of_its_own(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path, **QUOTA) as world:
        await spent(world, 100, days_ago=1)
        done = await world.cycle()

        assert done.usable == {world.region}
        assert (await world.feed()).failure is None


async def test_one_retry_too_many_is_not_made(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path, **QUOTA) as world:
        await spent(world, 98)
        world.spoil(Reply(status=500))
        await world.cycle()

        assert len(world.peer.requests) == 2
        assert (await world.state()).calls_today == {"electricity_maps": 100}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"ELECTRICITY_MAPS_QUOTA_PER_DAY": "30"},
            ("ELECTRICITY_MAPS_QUOTA_PER_DAY allows 30", "this would fit: CARBON_SCALER_"),
        ),
        (
            {"CARBON_SCALER_REGIONS": "eu-centrl-1"},
            ('"eu-centrl-1"', "did you mean", "eu-central-1"),
        ),
        ({"ELECTRICITY_MAPS_API_KEY": ""}, ("needs ELECTRICITY_MAPS_API_KEY",)),
        ({"CARBON_SCALER_SOURCES": "electricity_map"}, ('"electricity_map"', "electricity_maps")),
        (
            {"CARBON_SCALER_SOURCES": "neso"},
            ("eu-central-1", "neso"),
        ),
    ],
    ids=[
        "a plan above the quota",
        "an unknown region",
        "a source without its key",
        "an unknown source",
        "a region that no source serves",
    ],
)
async def test_what_cannot_work_is_refused_before_any_request(
    change: dict[str, str], said: tuple[str, ...], database_url: str, tmp_path: Path
):
    with world_of("electricity_maps", database_url, tmp_path, **change) as world:
        world.environment["CARBON_SCALER_NESO_URL"] = world.peer.url
        with pytest.raises(SettingsError) as refused:
            await world.cycle()

        assert all(words in str(refused.value) for words in said), refused.value
        assert "\n" not in str(refused.value)
        assert world.peer.requests == []
        assert await world.value("SELECT count(*) FROM grid_regions") == 0
