"""Reading a backlog from a real Postgres, and from peers that are none."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import numpy as np
import pytest

from carbon_scaler.application.backlog_settings import BacklogKind, BacklogSettings
from carbon_scaler.backlogs.errors import BacklogUnavailableError
from carbon_scaler.backlogs.postgres import APPLICATION_NAME, PostgresBacklog
from carbon_scaler.backlogs.registry import backlog_sources
from carbon_scaler.domain.backlog import Item, Items
from carbon_scaler.domain.phases import phase_of, phases_of_instants
from carbon_scaler.storage.databases import with_database

PASSWORD = "s3cr3t"
AT = datetime(2026, 3, 4, 5, 6, 7, 891234, tzinfo=UTC)
ONE_ROW = "SELECT timestamptz '2026-03-04 05:06:07.891234Z' AS enqueued_at"

Reader = Callable[..., PostgresBacklog]
Refusal = Callable[..., Awaitable[str]]


@pytest.fixture
async def connection(empty_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute(
        """
        CREATE TABLE queue (
          id bigint GENERATED ALWAYS AS IDENTITY, enqueued_at timestamptz,
          deadline_at timestamptz, duration interval, started_at timestamptz, payload text
        )
        """
    )
    yield connection
    await connection.close()


@pytest.fixture
async def reading(empty_database_url: str) -> AsyncIterator[Reader]:
    """Backlogs of this database, closed in the end."""
    made: list[PostgresBacklog] = []

    def make(query: str = "SELECT * FROM queue", **stated: object) -> PostgresBacklog:
        made.append(backlog(query, **{"url": empty_database_url, **stated}))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
def refusal(reading: Reader) -> Refusal:
    """Why a query's backlog is unavailable; fit for a user's eyes."""

    async def read(query: str = "SELECT * FROM queue", **stated: object) -> str:
        return await cause_of(reading(query, **stated))

    return read


def backlog(query: str = ONE_ROW, **stated: object) -> PostgresBacklog:
    defaults: dict[str, Any] = {
        "name": "q2q",
        "kind": BacklogKind.POSTGRES,
        "url_env": "QUEUE_URL",
        "timeout": timedelta(seconds=20),
    }
    (source,) = backlog_sources([BacklogSettings(**{**defaults, "query": query, **stated})])
    return source


async def cause_of(source: PostgresBacklog) -> str:
    with pytest.raises(BacklogUnavailableError) as raised:
        await source.read()
    cause = str(raised.value)
    assert raised.value.backlog == "q2q"
    assert PASSWORD not in cause
    assert cause.isprintable()
    assert len(cause) <= 200
    return cause


@asynccontextmanager
async def peer(
    converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[tuple[str, list[asyncio.StreamWriter]]]:
    """The URL of a TCP peer that is not Postgres, and those who came."""
    came: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        await converse(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://carbon:{PASSWORD}@127.0.0.1:{port}/queue", came
    finally:
        server.close()
        for writer in came:
            writer.close()


async def backends(connection: asyncpg.Connection) -> list[int]:
    rows = await connection.fetch(
        "SELECT pid FROM pg_stat_activity "
        "WHERE application_name = $1 AND datname = current_database()",
        APPLICATION_NAME,
    )
    return [row["pid"] for row in rows]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():
            pass


def assert_same(found: Items, expected: Items) -> None:
    for column in ("enqueued", "deadline", "duration"):
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    assert found.in_progress == expected.in_progress


async def test_an_empty_queue_has_no_items(connection: asyncpg.Connection, reading: Reader):
    found = await reading().read()

    assert_same(found, Items.of([]))
    assert found.enqueued.dtype == np.float64


@pytest.mark.parametrize("postgres", ["embedded", "debian15"], indirect=True)
async def test_items_are_read_as_they_were_written(connection: asyncpg.Connection, reading: Reader):
    rows = [
        Item(enqueued_at=AT),
        Item(enqueued_at=AT + timedelta(microseconds=1), deadline_at=AT + timedelta(hours=3)),
        Item(enqueued_at=AT + timedelta(hours=1), duration=timedelta(minutes=20)),
        Item(
            enqueued_at=AT + timedelta(hours=2),
            deadline_at=AT + timedelta(days=1),
            duration=timedelta(0),
        ),
    ]
    await connection.executemany(
        "INSERT INTO queue (enqueued_at, deadline_at, duration) VALUES ($1, $2, $3)",
        [(row.enqueued_at, row.deadline_at, row.duration) for row in reversed(rows)],
    )

    assert_same(await reading().read(), Items.of(rows))


async def test_started_rows_are_counted_as_in_progress(
    connection: asyncpg.Connection, reading: Reader
):
    await connection.execute(
        "INSERT INTO queue (enqueued_at, started_at) SELECT $1, CASE WHEN i <= 3 THEN now() END "
        "FROM generate_series(1, 10) i",
        AT,
    )

    found = await reading().read()

    assert (len(found.enqueued), found.in_progress) == (7, 3)


async def test_a_query_without_started_at_tells_that_it_counts_nothing_in_progress(
    reading: Reader,
):
    silent = await reading("SELECT now() AS enqueued_at").read()
    telling = await reading("SELECT now() AS enqueued_at, NULL::timestamptz AS started_at").read()

    assert not silent.counts_in_progress
    assert telling.counts_in_progress


async def test_a_duration_is_an_interval_or_minutes(reading: Reader):
    for minutes in (
        "90",
        "90::int2",
        "90::int8",
        "90.0",
        "90::float4",
        "90::float8",
        "interval '90m'",
    ):
        found = await reading(f"SELECT now() AS enqueued_at, {minutes} AS duration").read()
        assert found.duration.tolist() == [5400], minutes


async def test_a_deadline_at_the_end_of_time_is_none(
    connection: asyncpg.Connection, reading: Reader
):
    found = await reading(ONE_ROW + ", timestamptz 'infinity' AS deadline_at").read()

    assert_same(found, Items.of([Item(enqueued_at=AT)]))


async def test_a_query_may_be_written_freely(reading: Reader):
    queries = (
        ONE_ROW + ";",
        ONE_ROW + " ; \n",
        ONE_ROW + " -- newest last",
        "/* all */ " + ONE_ROW,
        f"WITH item AS ({ONE_ROW}) TABLE item",
        f"{ONE_ROW} ORDER BY 1 LIMIT 5",
        ONE_ROW + ", '$1' AS id, 1 AS id, '{}'::jsonb AS payload",
    )
    for query in queries:
        assert_same(await reading(query).read(), Items.of([Item(enqueued_at=AT)]))


async def test_other_columns_do_not_matter_whatever_their_type(
    connection: asyncpg.Connection, reading: Reader
):
    await connection.execute(
        """
        CREATE TYPE mood AS ENUM ('good');
        CREATE DOMAIN aware AS timestamptz;
        CREATE TABLE odd (enqueued_at aware, mood mood, moods mood[], "Enqueued_At" text);
        INSERT INTO odd VALUES ('2026-03-04 05:06:07.891234Z', 'good', '{good}', 'x');
        """
    )

    assert_same(await reading("TABLE odd").read(), Items.of([Item(enqueued_at=AT)]))


WRONG_QUERIES = (
    ("SELECT now()::timestamp AS enqueued_at", "enqueued_at is of type timestamp, not timestamptz; if it is UTC, select enqueued_at AT TIME ZONE 'UTC' AS enqueued_at"),
    ("SELECT '2026-03-04' AS enqueued_at", "enqueued_at is of type text, not timestamptz"),
    ("SELECT 1772600767 AS enqueued_at", "enqueued_at is of type int4, not timestamptz"),
    ("SELECT now() AS enqueued_at, now()::timestamp AS deadline_at", "deadline_at is of type timestamp, not timestamptz; if it is UTC, select deadline_at AT TIME ZONE 'UTC' AS deadline_at"),
    ("SELECT now() AS enqueued_at, current_date AS deadline_at", "deadline_at is of type date, not timestamptz"),
    ("SELECT now() AS enqueued_at, '20m' AS duration", "duration is of type text, not an interval, or a number of minutes"),
    ("SELECT now() AS enqueued, 1 AS id", "the query yields no enqueued_at (it yields enqueued, id)"),
    ("-- nothing", "the query yields no enqueued_at (it yields no columns)"),
    ("SELECT now() AS enqueued_at WHERE $1", "the query has parameters ($1); write the values out"),
    ("SELECT NULL::timestamptz AS enqueued_at", "enqueued_at is null in some rows; every item needs one"),
    ("SELECT timestamptz '-infinity' AS enqueued_at", "enqueued_at is infinite or beyond the calendar in some rows"),
    ("SELECT timestamptz 'infinity' AS enqueued_at", "enqueued_at is infinite or beyond the calendar in some rows"),
    ("SELECT timestamptz '10001-01-01Z' AS enqueued_at", "enqueued_at is infinite or beyond the calendar in some rows"),
    (ONE_ROW + ", timestamptz '-infinity' AS deadline_at", "deadline_at is -infinity in some rows; null means no deadline"),
    (ONE_ROW + ", interval '-1 s' AS duration", "duration is negative or infinite in some rows"),
    (ONE_ROW + ", float8 'infinity' AS duration", "duration is negative or infinite in some rows"),
    (ONE_ROW + ", -1 AS duration", "duration is negative or infinite in some rows"),
    (ONE_ROW + ", numeric 'nan' AS duration", "duration is negative or infinite in some rows"),
    (ONE_ROW + ", float8 'nan' AS duration", "duration is negative or infinite in some rows"),
    ("SELECT * FROM queue, queue AS other", 'query failed: column reference "enqueued_at" is ambiguous'),
    ("SELECT * FROM nowhere", 'query failed: relation "nowhere" does not exist'),
    ("SELEC now()", 'query failed: syntax error at or near "SELEC"'),
    ("SELECT 1; SELECT 2", "query failed: cannot insert multiple commands into a prepared statement"),
)  # fmt: skip


async def test_a_query_that_yields_no_backlog_says_why(
    connection: asyncpg.Connection, refusal: Refusal
):
    for query, says in WRONG_QUERIES:
        assert (query, await refusal(query)) == (query, says)


async def test_a_login_without_rights_is_told_so(
    connection: asyncpg.Connection, refusal: Refusal, empty_database_url: str
):
    role = f"reader_{uuid4().hex}"
    await connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
    url = urlsplit(empty_database_url)
    server = url.netloc.rpartition("@")[2]
    try:
        cause = await refusal(url=url._replace(netloc=f"{role}:{PASSWORD}@{server}").geturl())
    finally:
        await connection.execute(f"DROP ROLE {role}")

    assert cause == "query failed: permission denied for table queue"


async def test_what_rows_hold_is_not_told(connection: asyncpg.Connection, refusal: Refusal):
    await connection.execute(
        "INSERT INTO queue (enqueued_at, payload) VALUES (now(), 'patient 4711')"
    )

    cause = await refusal("SELECT *, payload::int AS number FROM queue WHERE payload::int > 0")

    assert cause == "query failed: invalid text representation (SQLSTATE 22P02)"


async def test_a_query_cannot_write(connection: asyncpg.Connection, refusal: Refusal):
    await connection.execute(
        """
        INSERT INTO queue (enqueued_at) VALUES (now());
        CREATE SEQUENCE numbers;
        CREATE FUNCTION grow() RETURNS SETOF queue VOLATILE LANGUAGE sql AS
          'INSERT INTO queue (enqueued_at) VALUES (now()) RETURNING *';
        """
    )
    insert = "INSERT INTO queue (enqueued_at) VALUES (now())"
    queries = (
        insert,
        f"{insert} RETURNING enqueued_at",
        f"WITH new AS ({insert} RETURNING *) TABLE new",
        "SELECT enqueued_at FROM grow()",
        "SELECT now() AS enqueued_at FROM nextval('numbers')",
        "DELETE FROM queue RETURNING enqueued_at",
        "COMMIT",
        f"SELECT now() AS enqueued_at) AS x; COMMIT; {insert}",
    )
    for query in queries:
        cause = await refusal(query)
        assert cause.startswith(("query failed: ", "the query yields no enqueued_at"))

    assert await connection.fetchval("SELECT count(*) FROM queue") == 1
    assert await connection.fetchval("SELECT NOT is_called FROM numbers")


async def test_a_function_that_writes_is_refused_as_read_only(
    connection: asyncpg.Connection, refusal: Refusal
):
    await connection.execute(
        "CREATE FUNCTION grow() RETURNS SETOF queue VOLATILE LANGUAGE sql AS "
        "'INSERT INTO queue (enqueued_at) VALUES (now()) RETURNING *'"
    )

    assert await refusal("SELECT * FROM grow()") == (
        "query failed: cannot execute INSERT in a read-only transaction"
    )


async def test_an_id_gives_each_item_its_place_the_same_as_everywhere(
    connection: asyncpg.Connection, reading: Reader
):
    await connection.execute(
        "INSERT INTO queue (enqueued_at) SELECT now() FROM generate_series(1, 3)"
    )
    items = await reading().read()
    assert sorted(items.phases) == sorted(phase_of(str(number)) for number in (1, 2, 3))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT enqueued_at FROM queue",
        "SELECT *, null AS id FROM (SELECT enqueued_at FROM queue) AS without",
        "SELECT * FROM queue JOIN (SELECT 7 AS id) AS other ON true",
    ],
    ids=["none", "null", "two"],
)
async def test_without_one_id_the_instant_gives_a_place(
    connection: asyncpg.Connection, reading: Reader, query: str
):
    await connection.execute("INSERT INTO queue (enqueued_at) VALUES ($1), ($1)", AT)
    items = await reading(query).read()
    assert items.phases.tolist() == phases_of_instants(items.enqueued).tolist()
    assert len(set(items.phases.tolist())) == 2


async def test_starts_of_the_last_minute_are_told_where_they_are_counted(
    connection: asyncpg.Connection, reading: Reader
):
    await connection.execute(
        "INSERT INTO queue (enqueued_at, started_at) SELECT now(), now() - ago * interval '1 second'"
        " FROM unnest(ARRAY[10, 3, 70, 4000]) AS starts (ago)"
    )
    limited = await reading(starts_per_minute=5).read()
    assert limited.starts_per_minute == 5
    assert limited.in_progress == 4
    assert np.diff(limited.started).tolist() == pytest.approx([7.0])

    unlimited = await reading().read()
    assert (unlimited.starts_per_minute, len(unlimited.started)) == (None, 0)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SELECT enqueued_at FROM queue", "and is not there"),
        (
            "SELECT enqueued_at, now()::timestamp AS started_at FROM queue",
            "and is of type timestamp",
        ),
    ],
    ids=["missing", "naive"],
)
async def test_starts_can_not_be_counted_without_their_instants(
    connection: asyncpg.Connection, refusal: Refusal, query: str, found: str
):
    assert await refusal(query, starts_per_minute=5) == (
        f"starts_per_minute counts by started_at, which must be of type timestamptz {found}"
    )


async def test_the_row_limit_is_exact(connection: asyncpg.Connection, reading: Reader):
    query = "SELECT now() AS enqueued_at FROM generate_series(1, 1000)"

    assert len((await reading(query, max_rows=1000).read()).enqueued) == 1000
    assert await cause_of(reading(query, max_rows=999)) == (
        "the query yields more than 999 rows; narrow it or raise max_rows"
    )


async def test_a_million_rows_are_refused_without_being_carried_over(
    connection: asyncpg.Connection, refusal: Refusal
):
    cause = await refusal(
        "SELECT now() AS enqueued_at, repeat('x', 1000) AS payload FROM generate_series(1, 1000000)"
    )

    assert cause == "the query yields more than 100,000 rows; narrow it or raise max_rows"


async def test_a_million_rows_are_read_exactly_where_they_are_allowed(
    connection: asyncpg.Connection, reading: Reader
):
    source = reading(
        "SELECT to_timestamp(1772600000 + i) AS enqueued_at, i AS duration, "
        "CASE WHEN i % 4 = 0 THEN now() END AS started_at FROM generate_series(1, 1000000) i",
        max_rows=1_000_000,
    )

    found = await source.read()

    assert found.in_progress == 250_000
    assert len(found.enqueued) == len(found.duration) == len(found.deadline) == 750_000
    assert np.array_equal(found.enqueued - 1772600000, found.duration / 60)


async def test_equal_readings_are_the_same_object_in_whatever_order_the_rows_come(
    connection: asyncpg.Connection, reading: Reader
):
    await connection.execute(
        "INSERT INTO queue (enqueued_at, deadline_at, duration) "
        "SELECT $1::timestamptz + i % 3 * interval '1 s', $1, i * interval '1 s' "
        "FROM generate_series(1, 100) i",
        AT,
    )
    source = reading("SELECT * FROM queue ORDER BY random()")
    first = await source.read()

    assert await source.read() is first
    await connection.execute("UPDATE queue SET payload = 'new'")
    assert await source.read() is first


async def test_a_changed_queue_gives_another_object(
    connection: asyncpg.Connection, reading: Reader
):
    changes = (
        "INSERT INTO queue (enqueued_at) VALUES (now())",
        "DELETE FROM queue WHERE id = 1",
        "UPDATE queue SET deadline_at = now() WHERE id = 2",
        "UPDATE queue SET duration = '1 s' WHERE id = 2",
        "UPDATE queue SET started_at = now() WHERE id = 2",
    )
    await connection.execute("INSERT INTO queue (enqueued_at) VALUES (now()), (now())")
    source = reading()
    before = await source.read()
    for change in changes:
        await connection.execute(change)
        after = await source.read()
        assert after is not before, change
        before = after


async def test_a_column_that_changes_its_type_is_noticed(
    connection: asyncpg.Connection, reading: Reader
):
    source = reading()
    await source.read()
    await connection.execute("ALTER TABLE queue ALTER enqueued_at TYPE timestamp")

    assert "is of type timestamp, not timestamptz" in await cause_of(source)


async def test_the_columns_cannot_be_written(connection: asyncpg.Connection, reading: Reader):
    found = await reading(ONE_ROW).read()

    with pytest.raises(ValueError, match="read-only"):
        found.enqueued[0] = 0


async def test_one_connection_is_kept_and_nothing_stays_open_in_it(
    connection: asyncpg.Connection, reading: Reader
):
    source = reading()
    await source.read()
    first = await backends(connection)
    await source.read()

    assert await backends(connection) == first
    assert len(first) == 1
    assert (
        await connection.fetchval("SELECT state FROM pg_stat_activity WHERE pid = $1", first[0])
        == "idle"
    )


async def test_a_query_that_takes_too_long_is_given_up_and_ended(
    connection: asyncpg.Connection, reading: Reader
):
    source = reading(
        "SELECT now() AS enqueued_at FROM pg_sleep(3600)", timeout=timedelta(seconds=1)
    )

    assert await cause_of(source) == "not answered within 1 s"
    await until(lambda: no_backend(connection))


async def no_backend(connection: asyncpg.Connection) -> bool:
    return await backends(connection) == []


async def test_a_locked_table_is_not_waited_for_without_end(
    connection: asyncpg.Connection, reading: Reader
):
    source = reading(timeout=timedelta(seconds=1))
    async with connection.transaction():
        await connection.execute("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")
        assert await cause_of(source) == "not answered within 1 s"

    assert_same(await source.read(), Items.of([]))


async def test_a_connection_that_was_killed_is_opened_anew(
    connection: asyncpg.Connection, reading: Reader
):
    await connection.execute("INSERT INTO queue (enqueued_at) VALUES (now())")
    source = reading()
    first = await source.read()
    await connection.execute("SELECT pg_terminate_backend($1, 5000)", *await backends(connection))

    async with asyncio.timeout(10):
        while (found := await read_or_none(source)) is None:
            pass

    assert found is first
    assert len(await backends(connection)) == 1


async def read_or_none(source: PostgresBacklog) -> Items | None:
    try:
        return await source.read()
    except BacklogUnavailableError:
        return None


async def test_a_connection_that_is_killed_while_it_works_is_told_and_opened_anew(
    connection: asyncpg.Connection, reading: Reader
):
    await shut_gate(connection)
    source = reading("SELECT now() AS enqueued_at FROM gate")
    under_way = asyncio.ensure_future(cause_of(source))
    await until(lambda: some_wait_for_a_lock(connection))
    await connection.execute("SELECT pg_terminate_backend($1)", *await backends(connection))

    # Which one depends on what the client sees first: the server's last words or the closed socket.
    assert (await under_way).endswith((" lost", "due to administrator command"))
    await connection.execute("COMMIT")
    assert_same(await source.read(), Items.of([]))


async def shut_gate(connection: asyncpg.Connection) -> None:
    """Who reads the table `gate` waits until this connection commits."""
    await connection.execute("CREATE TABLE gate ()")
    await connection.execute("BEGIN; LOCK TABLE gate")


async def test_a_query_that_an_administrator_cancels_is_told_so(
    connection: asyncpg.Connection, reading: Reader
):
    await shut_gate(connection)
    under_way = asyncio.ensure_future(cause_of(reading("SELECT now() AS enqueued_at FROM gate")))
    await until(lambda: some_wait_for_a_lock(connection))
    await connection.execute("SELECT pg_cancel_backend($1)", *await backends(connection))

    assert await under_way == "query failed: canceling statement due to user request"
    await connection.execute("ROLLBACK")


async def some_wait_for_a_lock(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))


async def test_a_failed_query_leaves_no_connection_and_the_next_reading_succeeds(
    connection: asyncpg.Connection, reading: Reader
):
    source = reading("SELECT enqueued_at FROM later")
    await cause_of(source)
    await until(lambda: no_backend(connection))
    await connection.execute("CREATE TABLE later (enqueued_at timestamptz)")

    assert_same(await source.read(), Items.of([]))


async def test_a_reading_that_is_cancelled_leaves_no_connection(
    connection: asyncpg.Connection, reading: Reader
):
    await shut_gate(connection)
    under_way = asyncio.ensure_future(reading("SELECT now() AS enqueued_at FROM gate").read())
    await until(lambda: some_wait_for_a_lock(connection))

    under_way.cancel()
    with pytest.raises(asyncio.CancelledError):
        await under_way
    await connection.execute("COMMIT")

    await until(lambda: no_backend(connection))


async def test_closing_ends_a_reading_and_leaves_no_connection(
    connection: asyncpg.Connection, reading: Reader
):
    idle, busy = reading(), reading("SELECT now() AS enqueued_at FROM gate")
    await idle.read()
    await shut_gate(connection)
    under_way = asyncio.ensure_future(cause_of(busy))
    await until(lambda: some_wait_for_a_lock(connection))

    await idle.close()
    await busy.close()

    assert (await under_way).endswith(" lost")
    await connection.execute("COMMIT")
    await until(lambda: no_backend(connection))


async def test_a_source_that_was_closed_keeps_no_connection(
    connection: asyncpg.Connection, reading: Reader
):
    source = reading()
    await source.close()
    await source.read()

    await until(lambda: no_backend(connection))


async def test_a_database_that_is_not_there_is_named(refusal: Refusal, empty_database_url: str):
    cause = await refusal(url=with_database(empty_database_url, "gone"))

    assert cause.startswith("cannot connect to ")
    assert cause.endswith(': database "gone" does not exist')


async def test_a_port_where_nobody_listens_is_named():
    async with peer(say_nothing) as (url, _):
        pass

    assert await cause_of(backlog(url=url)) == (
        f"cannot connect to {url.rpartition('@')[2].removesuffix('/queue')}: connection refused"
    )


async def test_a_host_that_does_not_exist_is_named():
    url = f"postgresql://carbon:{PASSWORD}@nowhere.invalid/queue"

    assert await cause_of(backlog(url=url)) == (
        "cannot connect to nowhere.invalid:5432: its name is not known"
    )


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://carbon:{PASSWORD}/x@db.example:5432/queue",
        f"postgresql://carbon:x@{PASSWORD}@db.example:none/queue",
        f"postgresql://carbon:x#{PASSWORD}@db.example:5432/queue",
        f"postgresql://carbon:{PASSWORD}@[::1/queue",
        f"postgresql://carbon:{PASSWORD}@db.example:5432:5433/queue",
        f"mysql://carbon:{PASSWORD}@db.example/queue",
        f"postgresql://carbon:{PASSWORD}@db.example/queue?sslmode=often",
    ],
)
async def test_a_url_that_cannot_be_used_is_not_shown(url: str):
    assert await cause_of(backlog(url=url)) == (
        "the URL in QUEUE_URL cannot be used; write "
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, special characters as %XX"
    )


async def test_a_peer_that_accepts_and_says_nothing_is_given_up_and_let_go():
    async with peer(say_nothing) as (url, came):
        source = backlog(url=url, timeout=timedelta(seconds=1))

        assert await cause_of(source) == "not answered within 1 s"
        assert await cause_of(source) == "not answered within 1 s"
        async with asyncio.timeout(5):
            for writer in came:
                await writer.wait_closed()

    assert len(came) == 2


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_a_peer_that_speaks_something_else_is_no_server():
    async with peer(speak_http) as (url, _):
        cause = await cause_of(backlog(url=url))

    assert cause.startswith("cannot connect to 127.0.0.1:")


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await reader.read()
    writer.close()


async def test_a_peer_that_hangs_up_is_no_server():
    async with peer(hang_up) as (url, _):
        assert (await cause_of(backlog(url=url))).startswith("cannot connect to 127.0.0.1:")


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
