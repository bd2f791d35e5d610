"""Who serves a region when its first source does not."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.world import World, provider_of, world_of
from tests.peers import electricity_maps
from tests.peers.electricity_maps import LATEST
from tests.peers.server import Handler, Peer, Reply

DOWN = Reply(status=503)
WITH_ROOF = {"CARBON_SCALER_SOURCES": "electricity_maps,roof,static"}
ROOF = """
sources:
  roof:
    url: "{url}/api"
    zones: {{eu-central-1: roof}}
    value: /grams
    time: /from
    unit: g_per_kwh
    interval: 15m
"""


def roof(now: datetime) -> Handler:
    """A meter with a value of the present quarter of an hour."""
    quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    return lambda _: Reply(body={"grams": 55, "from": quarter.isoformat()})


def names(told: dict[str, Any]) -> tuple[str, str]:
    return told["intensity"]["source"], told["verdict"]


async def test_when_the_first_source_fails_the_next_of_its_basis_serves_the_next_interval(
    database_url: str, tmp_path: Path
):
    with (
        world_of("electricity_maps", database_url, tmp_path, **WITH_ROOF) as world,
        Peer(lambda _: DOWN) as meter,
    ):
        (tmp_path / "sources.yaml").write_text(ROOF.format(url=meter.url))
        an_hour_ago = world.now - timedelta(hours=1)
        world.provider.now = lambda: an_hour_ago
        await world.cycle()
        first = await world.explained()
        world.spoil(DOWN)
        meter.handler = roof(world.now)
        done = await world.cycle()
        second = await world.explained()

        assert names(first) == ("electricity_maps", "open")
        assert names(second) == ("roof", "open")
        assert second["intensity"]["provenance"]["licence"] == "own"
        assert second["intensity"]["grams_per_kwh"] == 55
        change = second["source_change"]
        assert (change["from"], change["to"]) == ("electricity_maps", "roof")
        assert done.usable == {world.region}
        assert done.outcome is not None
        assert "503" in done.outcome.failures["electricity_maps"]


async def test_while_the_first_source_has_a_value_of_the_present_the_next_one_waits(
    database_url: str, tmp_path: Path
):
    with (
        world_of("electricity_maps", database_url, tmp_path, **WITH_ROOF) as world,
        Peer(lambda _: DOWN) as meter,
    ):
        (tmp_path / "sources.yaml").write_text(ROOF.format(url=meter.url))
        meter.handler = roof(world.now)
        await world.cycle()
        told = await world.explained()

        assert names(told) == ("electricity_maps", "open")
        assert told["source_change"] is None
        stored = await world.rows("SELECT DISTINCT source FROM co2e_emissions ORDER BY source")
        assert [row["source"] for row in stored] == ["electricity_maps", "roof"]


@pytest.mark.parametrize(
    ("profile", "verdict"),
    [("{}", "closed"), ("{us-west-1: {stand_ins: [marginal/direct]}}", "open")],
    ids=["by itself", "where the profile says so"],
)
async def test_a_marginal_value_stands_in_for_an_average_one_only_where_it_may(
    profile: str, verdict: str, database_url: str, tmp_path: Path
):
    chain = {
        "CARBON_SCALER_SOURCES": "electricity_maps,watttime,static",
        "CARBON_SCALER_REGIONS": "us-west-1",
    }
    with (
        world_of("electricity_maps", database_url, tmp_path, **chain) as world,
        Peer(provider_of("watttime", world.now)) as watttime,
    ):
        world.environment["CARBON_SCALER_WATTTIME_URL"] = watttime.url
        (tmp_path / "region-profiles.yaml").write_text(f"regions: {profile}")
        world.spoil(DOWN)
        done = await world.cycle()
        told = await world.explained(region="us-west-1")
        stored = await world.rows("SELECT DISTINCT source, signal FROM co2e_emissions")

        assert told["verdict"] == verdict
        assert told["intensity"]["source"] == ("watttime" if verdict == "open" else "static")
        assert [tuple(row) for row in stored] in ([], [("watttime", "marginal")])
        assert done.usable == ({"us-west-1"} if verdict == "open" else frozenset())


async def test_a_yearly_average_is_a_label_and_never_decides(database_url: str, tmp_path: Path):
    chain = {"CARBON_SCALER_SOURCES": "electricity_maps,static"}
    with world_of("electricity_maps", database_url, tmp_path, **chain) as world:
        world.spoil(DOWN)
        done = await world.cycle()
        told = await world.explained()

        assert names(told) == ("static", "closed")
        assert told["intensity"]["kind"] == "static"
        assert told["intensity"]["usable"] is False
        assert told["intensity"]["observed_at"].year < world.now.year
        assert done.usable == frozenset()
        assert await world.value("SELECT count(*) FROM co2e_emissions") == 0


async def test_regions_of_one_zone_are_one_request_and_each_has_the_values(
    database_url: str, tmp_path: Path
):
    regions = ("eu-central-1", "europe-west3", "germanywestcentral")
    wanted = {"CARBON_SCALER_REGIONS": ",".join(regions)}
    with world_of("electricity_maps", database_url, tmp_path, **wanted) as world:
        done = await world.cycle()
        counts = await world.rows(
            "SELECT region, count(*), avg(gco2_per_kwh) FROM co2e_emissions GROUP BY region"
            " ORDER BY region"
        )
        feed = await world.feed()

        assert set(world.asked().values()) == {1}
        assert world.asked_for_present() == 1
        assert done.usable == set(regions) == set(feed.regions)
        assert [row["region"] for row in counts] == list(regions)
        assert len({(row["count"], row["avg"]) for row in counts}) == 1


async def test_one_zones_failure_leaves_the_others_alone(database_url: str, tmp_path: Path):
    wanted = {"CARBON_SCALER_REGIONS": "eu-central-1,eu-west-3"}
    with world_of("electricity_maps", database_url, tmp_path, **wanted) as world:
        world.provider.overrides[LATEST] = lambda request: (
            DOWN if request.query["zone"] == "FR" else world.provider.faithful(request)
        )
        done = await world.cycle()
        feeds = {feed.zone: feed for feed in (await world.state()).feeds}

        assert done.usable == {"eu-central-1"}
        assert done.outcome is not None
        assert "503 (FR)" in done.outcome.failures["electricity_maps"]
        assert feeds["DE"].failures == 0
        assert (feeds["FR"].failures, feeds["FR"].failure_kind) == (1, "server")
        assert (await world.explained())["verdict"] == "open"
        assert (await world.explained(region="eu-west-3"))["verdict"] == "closed"


async def test_after_an_outage_of_hours_the_missing_ones_are_fetched(
    database_url: str, tmp_path: Path
):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        before = world.now - timedelta(hours=9)
        world.provider.now = lambda: before
        await world.cycle()
        gap = await hours_without_value(world)
        world.provider.now = lambda: world.now
        await world.cycle()

        assert gap == 9
        assert await hours_without_value(world) == 0


async def hours_without_value(world: World) -> int:
    """Of the last day."""
    newest = electricity_maps.hour_of(world.now)
    rows = await world.rows(
        "SELECT timestamp FROM co2e_emissions WHERE timestamp > $1", newest - timedelta(days=1)
    )
    return 24 - len(rows)
