"""What a second cycle makes of the same answers, of changed ones, and of less than before."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.ingest.world import World, world_of
from tests.peers import electricity_maps, neso, watttime
from tests.peers.electricity_maps import MIX_V4
from tests.peers.server import Reply

WITH_MIX = {"CARBON_SCALER_MIX": "true"}
EVERY = pytest.mark.parametrize("source", ["electricity_maps", "neso", "watttime"])
MIXED = pytest.mark.parametrize(
    ("source", "mix_path"), [("electricity_maps", MIX_V4), ("neso", "/generation")]
)
REVISIONS = "SELECT count(*) FROM co2e_emissions_revisions"
MIX_KNOWN = "SELECT count(*) FROM co2e_emissions WHERE energy_mix_wind IS NOT NULL"
SHARES = """
SELECT timestamp, energy_mix_wind, renewable_percent, renewable_at_least, renewable_at_most, metadata
FROM co2e_emissions ORDER BY timestamp
"""


async def everything_is_due(world: World) -> None:
    """As if the last cycle had been hours ago, so that forecasts and corrections are asked for."""
    await world.rows(
        "UPDATE ingest_feeds SET forecast_asked_at = asked_at - interval '7 hours',"
        " history_asked_at = asked_at - interval '7 hours' RETURNING source"
    )


async def versions(world: World) -> list[tuple[str, ...]]:
    """Of every row that holds a value: where it lies and which transaction wrote it."""
    return [
        (table, row["place"], row["writer"])
        for table in ("co2e_emissions", "carbon_intensity_forecasts", "grid_regions")
        for row in await world.rows(
            f"SELECT ctid::text AS place, xmin::text AS writer FROM {table}"
        )
    ]


@EVERY
async def test_a_second_cycle_with_the_same_answers_writes_no_value(
    source: str, database_url: str, tmp_path: Path
):
    with world_of(source, database_url, tmp_path, **WITH_MIX) as world:
        first = await world.cycle()
        before = await versions(world)
        await everything_is_due(world)
        asked = len(world.peer.requests)
        second = await world.cycle()

        assert len(world.peer.requests) > asked + 2
        assert first.usable == second.usable == {world.region}
        assert second.outcome is not None
        assert second.outcome.changed == 0
        assert len(before) > 100
        assert await versions(world) == before
        assert await world.value(REVISIONS) == 0


@MIXED
async def test_a_mix_that_fails_the_second_time_takes_nothing_away_and_is_no_revision(
    source: str, mix_path: str, database_url: str, tmp_path: Path
):
    with world_of(source, database_url, tmp_path, **WITH_MIX) as world:
        await world.cycle()
        known, before = await world.value(MIX_KNOWN), await world.rows(SHARES)
        world.provider.overrides[mix_path] = Reply(status=500)
        await everything_is_due(world)
        second = await world.cycle()

        assert known > 0
        assert second.usable == {world.region}
        assert await world.rows(SHARES) == before
        assert await world.value(REVISIONS) == 0


@MIXED
async def test_a_mix_that_failed_the_first_time_is_taken_the_second_time(
    source: str, mix_path: str, database_url: str, tmp_path: Path
):
    with world_of(source, database_url, tmp_path, **WITH_MIX) as world:
        world.provider.overrides[mix_path] = Reply(status=500)
        first = await world.cycle()
        unknown = await world.value(MIX_KNOWN)
        world.provider.overrides.clear()
        await everything_is_due(world)
        await world.cycle()

        assert first.usable == {world.region}
        assert unknown == 0
        assert await world.value(MIX_KNOWN) > 0


async def test_of_a_revised_value_the_former_version_stays_and_decides_as_of_then(
    database_url: str, tmp_path: Path
):
    # When a value was replaced is told by the database's clock.
    present = datetime.now(UTC)
    with world_of("electricity_maps", database_url, tmp_path, now=present) as world:
        newest = electricity_maps.hour_of(world.now)
        world.provider.grams[world.zone, newest] = 111
        await world.cycle()
        then = datetime.now(UTC)
        world.provider.grams[world.zone, newest] = 222
        again = await world.cycle()

        assert again.outcome is not None
        assert again.outcome.changed == 1
        assert await world.value(REVISIONS) == 1
        assert (await world.explained(at=datetime.now(UTC)))["intensity"]["grams_per_kwh"] == 222
        assert (await world.explained(at=then))["intensity"]["grams_per_kwh"] == 111


async def test_revised_history_changes_only_the_hours_that_were_revised(
    database_url: str, tmp_path: Path
):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        await world.cycle()
        newest = electricity_maps.hour_of(world.now)
        for back in (2, 5):
            at = newest - timedelta(hours=back)
            world.provider.grams[world.zone, at] = electricity_maps.grams_at("DE", at) + 7
        await everything_is_due(world)
        again = await world.cycle()

        revised = await world.rows("SELECT timestamp FROM co2e_emissions_revisions ORDER BY 1")
        assert again.outcome is not None
        assert again.outcome.changed == 2
        assert [newest - row["timestamp"] for row in revised] == [
            timedelta(hours=5),
            timedelta(hours=2),
        ]


async def test_what_was_estimated_and_is_measured_now_is_a_revision(
    database_url: str, tmp_path: Path
):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        await world.cycle()
        estimated = "SELECT count(*) FROM co2e_emissions WHERE kind = 'estimated'"
        before = await world.value(estimated)
        world.provider.estimated_hours = 1
        await everything_is_due(world)
        await world.cycle()

        assert (before, await world.value(estimated)) == (3, 1)
        assert await world.value(REVISIONS) == 2


async def test_another_model_rewrites_the_past_and_each_value_names_its_own(
    database_url: str, tmp_path: Path
):
    with world_of("watttime", database_url, tmp_path) as world:
        await world.cycle()
        world.provider.model = "2026-06-01"
        old = watttime.slot_of(world.now) - timedelta(minutes=30)
        world.provider.lbs[old] = 1234.0
        await everything_is_due(world)
        again = await world.cycle()
        feed = await world.feed()
        methods = await world.rows("SELECT DISTINCT method FROM co2e_emissions ORDER BY method")
        former = await world.rows(
            "SELECT method FROM co2e_emissions_revisions WHERE timestamp = $1", old
        )

        assert again.usable == {world.region}
        assert [row["method"] for row in methods] == ["model 2026-01-15", "model 2026-06-01"]
        assert [row["method"] for row in former] == ["model 2026-01-15"]
        assert not any(word.startswith("flagged") for word in feed.results)


async def test_a_token_that_ended_costs_one_login_and_no_value(database_url: str, tmp_path: Path):
    with world_of("watttime", database_url, tmp_path) as world:
        ended: list[str] = []

        def ends_once(request: electricity_maps.Request) -> Reply:
            if not ended:
                ended.append(request.headers["authorization"])
                world.provider.expire_tokens()
            return world.provider.faithful(request)

        world.provider.overrides[watttime.FORECAST] = ends_once
        done = await world.cycle()

        assert done.usable == {world.region}
        assert world.logins == 2
        assert (await world.feed()).failure is None


async def test_british_half_hours_keep_their_actual_value_when_it_comes_later(
    database_url: str, tmp_path: Path
):
    with world_of("neso", database_url, tmp_path) as world:
        late = neso.slot_of(world.now) - 2 * neso.STEP
        world.provider.actuals[late] = None
        await world.cycle()
        missing = await world.rows("SELECT FROM co2e_emissions WHERE timestamp = $1", late)
        world.provider.actuals[late] = 77
        await world.cycle()

        assert missing == []
        grams = "SELECT gco2_per_kwh FROM co2e_emissions WHERE timestamp = $1"
        assert await world.value(grams, late) == 77
        assert await world.value(REVISIONS) == 0
