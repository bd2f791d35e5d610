"""Forecasts of odd lengths, and answers that only look odd."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.ingest.world import World, world_of
from tests.peers import electricity_maps, neso
from tests.peers.electricity_maps import FORECAST, HOUR, LATEST
from tests.peers.server import Reply, Request

# Of the provider: one of our own is issued in the same cycle.
FORECASTS = """
SELECT target_at, gco2_per_kwh FROM carbon_intensity_forecasts
WHERE source <> 'own' ORDER BY target_at
"""
Rows = list[dict[str, Any]]


def answer_rows(world: World, change: Callable[[Rows], Rows]) -> None:
    """Electricity Maps' faithful forecast with its rows changed."""

    def changed(request: Request) -> Reply:
        body = world.provider.faithful(request).body
        return Reply(body=body | {"forecast": change(body["forecast"])})

    world.provider.overrides[FORECAST] = changed


def repeated_from(rows: Rows, place: int) -> Rows:
    value = rows[place]["carbonIntensity"]
    return [*rows[:place], *({**row, "carbonIntensity": value} for row in rows[place:])]


@pytest.mark.parametrize(
    ("change", "points"),
    [
        (lambda rows: rows, 73),
        (lambda rows: rows[:3], 3),
        (lambda rows: repeated_from(rows, 40), 41),
        (lambda rows: [*rows, rows[-1]], 73),
        (lambda rows: [{**row, "carbonIntensity": None} for row in rows[:2]] + rows[2:], 71),
        (lambda rows: [{**rows[0], "carbonIntensity": -1}, *rows[1:]], 72),
    ],
    ids=["N+1 rows", "3 rows", "a repeated tail", "a row twice", "two nulls", "-1"],
)
async def test_of_a_forecast_what_is_said_is_stored_and_no_more(
    change: Callable[[Rows], Rows], points: int, database_url: str, tmp_path: Path
):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        answer_rows(world, change)
        done = await world.cycle()
        stored = await world.rows(FORECASTS)

        assert done.usable == {world.region}
        assert len(stored) == points
        assert (await world.feed()).failure is None


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (lambda rows: [{**rows[0], "carbonIntensity": "12"}, *rows[1:]], "malformed"),
        (lambda rows: [*rows, {**rows[0], "carbonIntensity": 1}], "malformed"),
        (lambda _: [], "no_data"),
        (lambda rows: [{**row, "carbonIntensity": None} for row in rows], "no_data"),
    ],
    ids=["text", "two words for one hour", "no rows", "nulls only"],
)
async def test_a_forecast_that_is_none_costs_no_value_and_is_counted(
    change: Callable[[Rows], Rows], result: str, database_url: str, tmp_path: Path
):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        answer_rows(world, change)
        done = await world.cycle()
        feed = await world.feed()

        assert done.usable == {world.region}
        assert await world.rows(FORECASTS) == []
        assert feed.results[result] == 1
        assert feed.failure is None
        assert done.outcome is not None
        assert done.outcome.sources[0].failure_kind == result


async def test_a_forecast_that_cannot_be_is_stored_flagged(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        answer_rows(world, lambda rows: [{**rows[0], "carbonIntensity": 3387}, *rows[1:]])
        await world.cycle()
        flags = await world.rows(
            "SELECT flagged FROM carbon_intensity_forecasts WHERE flagged IS NOT NULL"
        )

        assert [row["flagged"] for row in flags] == ["above_2000"]


async def test_a_british_forecast_that_ends_at_midnight_ends_there(
    database_url: str, tmp_path: Path
):
    with world_of("neso", database_url, tmp_path) as world:
        present = neso.slot_of(world.now)
        midnight = present.replace(hour=0, minute=0) + timedelta(days=1)
        world.provider.longest_forecast = (midnight - present) // neso.STEP
        done = await world.cycle()
        stored = await world.rows(FORECASTS)

        assert done.usable == {world.region}
        assert stored[-1]["target_at"] == midnight - neso.STEP
        assert stored[0]["target_at"] >= present


async def test_data_that_are_called_a_page_are_data(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        world.provider.overrides[LATEST] = lambda request: Reply(
            body=world.provider.faithful(request).body, content_type="text/html"
        )
        done = await world.cycle()

        assert done.usable == {world.region}


async def test_an_instant_without_seconds_is_one(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        newest = electricity_maps.hour_of(world.now)
        world.provider.overrides[LATEST] = lambda request: Reply(
            body=world.provider.faithful(request).body | {"datetime": f"{newest:%Y-%m-%dT%H:%MZ}"}
        )
        done = await world.cycle()

        assert done.usable == {world.region}
        assert await world.value("SELECT max(timestamp) FROM co2e_emissions") == newest


async def test_a_value_of_the_future_is_left_out(database_url: str, tmp_path: Path):
    with world_of("electricity_maps", database_url, tmp_path) as world:
        ahead = electricity_maps.hour_of(world.now) + 2 * HOUR
        world.provider.overrides[LATEST] = lambda request: Reply(
            body=world.provider.faithful(request).body
            | {"datetime": electricity_maps.written(ahead)}
        )
        done = await world.cycle()
        feed = await world.feed()

        assert done.usable == frozenset()
        assert feed.failure_kind == "no_data"
        assert "only values of the future for DE; check our clock" in str(feed.failure)
        assert await world.value("SELECT count(*) FROM co2e_emissions") == 0
