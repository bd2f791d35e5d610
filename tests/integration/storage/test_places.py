"""Places and heartbeats, the same for all servers of a database."""

import asyncio
from contextlib import aclosing
from datetime import timedelta

import asyncpg
import pytest

from carbon_scaler.application.places import Beat
from carbon_scaler.domain.place import HANDOVER, Move, MoveReason, Place, Whereabouts
from carbon_scaler.storage.notifications import PLACES_CHANNEL, PostgresChanges
from carbon_scaler.storage.places import PostgresPlaces
from carbon_scaler.storage.pool import Pool, open_connection, open_pool
from tests.builders import DAY, HOUR, SECOND

NOTHING_AGO = timedelta(0)


def a_move(region: str = "eu-west-1", former: Place | None = None, **stated: object) -> Move:
    reason = MoveReason.FIRST if former is None else MoveReason.BETTER
    said = {"key": "orders", "former": former, "region": region, "reason": reason, **stated}
    return Move(**said)  # type: ignore[arg-type]


def a_beat(region: str = "eu-west-1", *, age: timedelta = NOTHING_AGO, key: str = "orders") -> Beat:
    return Beat(key=key, region=region, age=age)


async def placed(places: PostgresPlaces) -> Place:
    place = (await places.load())["orders"].place
    assert place is not None
    return place


async def test_nothing_shared_is_nothing(pool: Pool):
    assert await PostgresPlaces(pool).load() == {}


async def test_who_asked_within_the_last_90_seconds_is_live(pool: Pool):
    places = PostgresPlaces(pool)
    await places.beat(
        [
            a_beat("us-east-1", age=80 * SECOND),
            a_beat("us-west-1", age=100 * SECOND),
            a_beat("eu-west-1", key="letters"),
        ],
        holder="host:1",
    )

    assert await places.load() == {
        "orders": Whereabouts(live=frozenset({"us-east-1"})),
        "letters": Whereabouts(live=frozenset({"eu-west-1"})),
    }
    assert await places.load(["letters"]) == {
        "letters": Whereabouts(live=frozenset({"eu-west-1"})),
    }


async def test_of_two_servers_in_a_region_the_newest_question_counts(pool: Pool):
    places = PostgresPlaces(pool)
    await places.beat([a_beat()], holder="host:1")
    await places.beat([a_beat(age=HOUR)], holder="host:2")

    rows = await pool.fetch(
        "SELECT holder, polled_at > now() - interval '1 minute' AS fresh FROM place_heartbeats"
    )

    assert [tuple(row) for row in rows] == [("host:1", True)]


async def test_heartbeats_of_what_is_no_longer_there_are_forgotten(pool: Pool):
    places = PostgresPlaces(pool)
    await places.beat([a_beat("us-east-1", age=2 * DAY), a_beat()], holder="host:1")

    assert await pool.fetchval("SELECT array_agg(region) FROM place_heartbeats") == ["eu-west-1"]


async def test_a_first_choice_is_kept_with_who_made_it_and_why(pool: Pool):
    places = PostgresPlaces(pool)

    assert await places.choose(a_move(score=0.25), by="host:1")

    place = await placed(places)
    assert (place.region, place.chosen_by, place.reason, place.score) == (
        "eu-west-1",
        "host:1",
        MoveReason.FIRST,
        0.25,
    )
    assert place.begins_at == place.chosen_at


async def test_a_move_for_a_gain_begins_when_the_former_starts_are_told(pool: Pool):
    places = PostgresPlaces(pool)
    await places.choose(a_move(), by="host:1")
    former = await placed(places)

    assert await places.choose(a_move("us-east-1", former), by="host:2")

    place = await placed(places)
    assert (place.region, place.begins_at - place.chosen_at) == ("us-east-1", HANDOVER)
    assert place.score is None


async def test_of_many_servers_that_choose_at_once_one_is_first(pool: Pool):
    places = PostgresPlaces(pool)
    regions = ["us-east-1", "us-west-1", "eu-west-1", "eu-central-1"]
    firsts = await asyncio.gather(*(places.choose(a_move(each), by=each) for each in regions))
    former = await placed(places)
    others = [each for each in regions if each != former.region]
    moves = await asyncio.gather(*(places.choose(a_move(each, former), by=each) for each in others))

    assert (sum(firsts), sum(moves)) == (1, 1)
    assert (await placed(places)).chosen_by == others[moves.index(True)]


async def test_who_saw_an_older_place_changes_nothing(pool: Pool):
    places = PostgresPlaces(pool)
    await places.choose(a_move(), by="host:1")
    first = await placed(places)
    await places.choose(a_move("us-east-1", first), by="host:1")
    await places.choose(a_move("eu-west-1", await placed(places)), by="host:1")
    third = await placed(places)

    assert not await places.choose(a_move("us-west-1", first), by="host:2")
    assert not await places.choose(a_move("us-west-1"), by="host:2")
    assert await placed(places) == third


async def test_every_move_is_told(database_url: str, pool: Pool):
    places = PostgresPlaces(pool)
    changes = PostgresChanges(database_url, channel=PLACES_CHANNEL, poll=HOUR)
    async with aclosing(changes.changes()) as stream, asyncio.timeout(20):
        assert await anext(stream) is None
        await places.choose(a_move(), by="host:1")
        assert await anext(stream) is None
        await places.choose(a_move("us-east-1", await placed(places)), by="host:1")
        assert await anext(stream) is None


async def test_the_role_of_the_server_keeps_them(database_url: str):
    async with open_pool(database_url, max_size=1) as served:
        await served.execute("SET ROLE carbon_scaler_serve")
        places = PostgresPlaces(served)
        await places.beat([a_beat()], holder="host:1")
        await places.beat([a_beat()], holder="host:1")
        await places.choose(a_move(), by="host:1")
        await places.choose(a_move("us-east-1", await placed(places)), by="host:1")

        assert (await places.load())["orders"].live == {"eu-west-1"}


async def test_readers_move_nothing_and_maintenance_may_forget(database_url: str, pool: Pool):
    await PostgresPlaces(pool).choose(a_move(), by="host:1")
    async with open_connection(database_url) as connection:
        await connection.execute("SET ROLE carbon_scaler_read")
        assert await connection.fetchval("SELECT count(*) FROM backlog_places") == 1
        for statement in (
            "UPDATE backlog_places SET region = 'us-east-1'",
            "DELETE FROM place_heartbeats",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        await connection.execute("SET ROLE carbon_scaler_maintain")
        assert await connection.execute("DELETE FROM backlog_places") == "DELETE 1"
