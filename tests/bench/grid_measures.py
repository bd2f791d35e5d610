"""What is measured of ingest and of what servers see of it, one function a table."""

import asyncio
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import asyncpg
import httpx

from tests.bench import world
from tests.bench.compare import Contestant, Tally, asks_of
from tests.bench.connection import Call, Connection
from tests.bench.load import Ask, value_of
from tests.bench.processes import Served, ended_program, served, served_program
from tests.bench.scale import Scale
from tests.peers.electricity_maps import LATEST, LIVE_TOKEN

Figures = dict[str, Any]

AT_ONCE = 16  # as our client asks one source
SERVERS = 3
POLL_SECONDS = 0.02
ASK_AGAIN_SECONDS = 0.001
SETTLE_SECONDS = 1.5  # PostgreSQL's own counters are late by a second
MILLISECONDS = 1e3
WRITTEN_AGAIN = "rows that the second cycle wrote"
LOAD_RATIO = "transactions, many / one"

NEWEST = "newest values and mix stored after, s"
FORECASTS = "forecasts stored after, s"
MILESTONES = {
    NEWEST: """
        SELECT count(DISTINCT region) FROM co2e_emissions
        WHERE timestamp >= date_trunc('hour', now() - interval '5 s', 'UTC')
    """,
    FORECASTS: "SELECT count(DISTINCT region) FROM carbon_intensity_forecasts",
}
# A row that was written again is a new version, whatever it holds.
PRESENT_TRANSACTION = "SELECT pg_current_xact_id()::text::bigint"
WRITTEN_SINCE = """
SELECT count(*) FROM (
  SELECT xmin FROM co2e_emissions UNION ALL SELECT xmin FROM carbon_intensity_forecasts
) AS versions WHERE xmin::text::bigint > $1
"""
WRITE = """
INSERT INTO co2e_emissions (region, timestamp, gco2_per_kwh, renewable_percent, source)
VALUES ($1, clock_timestamp(), $2, $3, 'manual')
"""
LOAD = """
SELECT xact_commit + xact_rollback AS transactions, tup_fetched AS rows_fetched
FROM pg_stat_database WHERE datname = current_database()
"""


def ingest(scale: Scale) -> Figures:
    """Cycles of `ingest --once` against a slow provider, beside the least that HTTP takes."""
    latency = ("--zones", str(scale.zones), "--latency", str(scale.latency))
    with served("grid", *latency) as provider, empty_database() as url:
        provider_url = str(provider.place["url"])
        settings = {
            "DATABASE_URL": url,
            "CARBON_SCALER_SOURCES": "electricity_maps",
            "CARBON_SCALER_REGIONS": ",".join(map(world.site_name, range(scale.zones))),
            "CARBON_SCALER_ELECTRICITY_MAPS_URL": provider_url,
            "ELECTRICITY_MAPS_API_KEY": LIVE_TOKEN,
        }
        policy = {"region-profiles.yaml": _profiles(scale.zones)}
        bare = asyncio.run(_bare_client(provider_url, scale.zones))
        with _watched(url, scale.zones) as milestones:
            cycles = {"first": _cycle(provider, settings, policy, scale)}
        before = database_row(url, PRESENT_TRANSACTION)[0]
        cycles["again"] = _cycle(provider, settings, policy, scale)
        written = database_row(url, WRITTEN_SINCE, before)[0]
    return {
        "cycles": cycles,
        "bare client, newest values without mix, s": round(bare, 2),
        **dict(zip(MILESTONES, milestones, strict=True)),
        "newest values and mix / bare client": round(milestones[0] / bare, 2),
        WRITTEN_AGAIN: written,
    }


def propagation(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """From a commit until each of three servers answers by the new value."""
    trigger = next(each for each in world.triggers(4, regions=2) if "backlog" in each.metadata)
    call = Call(trigger.request(0))
    region = trigger.metadata["region"]
    dirty = (world.DIRTY_GRAMS, world.DIRTY_SHARE, 0.0)
    clean = (world.CLEAN_GRAMS, world.CLEAN_SHARE, trigger.value)
    firsts, lasts = [], []
    with ExitStack() as stack:
        servers = [stack.enter_context(served_program(database_url)) for _ in range(SERVERS)]
        connections = [Connection(server.port) for server in servers]
        for connection in connections:
            stack.callback(connection.close)
        for number in range(scale.writes):
            grams, share, value = (dirty, clean)[number % 2]
            ask = Ask(call, value)
            seen = _seen_after(database_url, (region, grams, share), connections, ask)
            firsts.append(min(seen))
            lasts.append(max(seen))
    tally.answers += SERVERS * scale.writes
    return {"first of three": _milliseconds(firsts), "last of three": _milliseconds(lasts)}


def database_load(scale: Scale, database_url: str, tally: Tally) -> Figures:
    """What one server asks of the database in the same time, knowing few or many triggers."""
    found: Figures = {}
    for count in (1, scale.many):
        triggers = world.triggers(count, regions=scale.regions)
        before = database_row(database_url, LOAD)
        with served_program(database_url) as server:
            until = time.perf_counter() + scale.load_seconds
            asks = asks_of(triggers, [0])
            contestant = Contestant(name=str(count), served=server, asks=asks, tally=tally)
            while time.perf_counter() < until:
                contestant.flat_out(len(asks))
                time.sleep(POLL_SECONDS)
            lived = time.perf_counter() - until + scale.load_seconds
            contestant.close()
        time.sleep(SETTLE_SECONDS)
        after = database_row(database_url, LOAD)
        found["1 trigger" if count == 1 else f"{count} triggers"] = {
            "transactions_per_minute": round((after[0] - before[0]) / lived * 60, 1),
            "rows_fetched_per_minute": round((after[1] - before[1]) / lived * 60),
        }
    few, many = found.values()
    ratio = many["transactions_per_minute"] / few["transactions_per_minute"]
    return {**found, LOAD_RATIO: round(ratio, 3)}


def grid_goals(result: Mapping[str, Any]) -> dict[str, tuple[float, str]]:
    """What was found beside what is wanted."""
    cycles = result["ingest"]["cycles"]
    return {
        "newest values and mix of all zones, s": (result["ingest"][NEWEST], "under 10"),
        "forecasts of all zones after them, s": (result["ingest"][FORECASTS], "under 10"),
        "cycle of newest values, s": (cycles["again"]["seconds"], "under 10"),
        "second cycle, rows written": (result["ingest"][WRITTEN_AGAIN], "0"),
        "commit to the last of three servers, worst, ms": (
            result["propagation"]["last of three"]["worst_ms"],
            "under 1000",
        ),
        "database load, many / one trigger": (
            result["database_load"][LOAD_RATIO],
            "at most 1.1",
        ),
        "snapshot load from Postgres, ms": (
            result["swaps"]["read from Postgres"]["load_ms"],
            "under 1000",
        ),
    }


@contextmanager
def empty_database() -> Iterator[str]:
    """A migrated Postgres without values."""
    with served("database", "--regions", "0", "--values", "0") as database:
        yield str(database.place["url"])


def _cycle(
    provider: Served, settings: Mapping[str, str], policy: Mapping[str, str], scale: Scale
) -> Mapping[str, float]:
    before, began_at = provider.tell("requests")["requests"], time.perf_counter()
    document = ended_program("ingest", "--once", "--json", settings=settings, policy=policy)
    seconds = time.perf_counter() - began_at
    (source,) = document["sources"]
    if source["failure"] or len(document["usable_regions"]) != scale.zones:
        raise AssertionError(f"ingest failed: {source['failure']}")
    return {
        "seconds": round(seconds, 2),
        "requests": provider.tell("requests")["requests"] - before,
        "rows": source["rows"],
        "changed": source["changed"],
    }


@contextmanager
def _watched(url: str, zones: int) -> Iterator[list[float]]:
    """Once left, the seconds until each of MILESTONES was there for all zones."""
    seconds: list[float] = []
    began_at, ended = time.perf_counter(), threading.Event()

    async def watch() -> None:
        for query in MILESTONES.values():
            await _until(url, query, zones, ended)
            seconds.append(round(time.perf_counter() - began_at, 2))

    watching = threading.Thread(target=lambda: asyncio.run(watch()))
    watching.start()
    try:
        yield seconds
    finally:
        ended.set()
        watching.join()


async def _until(url: str, query: str, zones: int, ended: threading.Event) -> None:
    connection = await asyncpg.connect(url)
    try:
        # Another process fills it, so there is no event to wait for.
        while not ended.is_set() and await connection.fetchval(query) < zones:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)
    finally:
        await connection.close()


async def _bare_client(address: str, zones: int) -> float:
    """Seconds for the same newest values, fetched and dropped."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with httpx.AsyncClient(headers={"auth-token": LIVE_TOKEN}) as client:

        async def fetch(zone: str) -> None:
            async with turns:
                answer = await client.get(f"{address}/v4/{LATEST}", params={"zone": zone})
                answer.raise_for_status()
                answer.json()

        began_at = time.perf_counter()
        await asyncio.gather(*map(fetch, world.zones(zones)))
        return time.perf_counter() - began_at


def _profiles(zones: int) -> str:
    sites = [
        # In quotes: one of the zones is called NO.
        f'  {world.site_name(number)}: {{zone: "{zone}"}}'
        for number, zone in enumerate(world.zones(zones))
    ]
    return "\n".join(["regions:", *sites, ""])


def _seen_after(
    url: str,
    row: tuple[str, float, float],
    connections: Sequence[Connection],
    asked: Ask,
) -> list[float]:
    """Seconds from just before the commit until each server's answer is this value."""
    seen = [0.0] * len(connections)
    go = threading.Event()

    def ask(number: int) -> None:
        go.wait()
        while answer_of(connections[number], asked.call) != asked.value:
            time.sleep(ASK_AGAIN_SECONDS)
        seen[number] = time.perf_counter()

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(len(connections))]
    for asker in askers:
        asker.start()
    committed_at = asyncio.run(_commit(url, row, go))
    for asker in askers:
        asker.join()
    return [at - committed_at for at in seen]


async def _commit(url: str, row: tuple[str, float, float], go: threading.Event) -> float:
    connection = await asyncpg.connect(url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(WRITE, *row)
        at = time.perf_counter()
        await transaction.commit()
        go.set()
        return at
    finally:
        await connection.close()


def answer_of(connection: Connection, call: Call) -> float | None:
    """The value of one call."""
    out: list[bytes] = []
    stream = connection.begin(call, out)
    connection.send(out)
    while True:
        for reply in connection.receive():
            if reply.stream == stream:
                return value_of(reply.message)


def _milliseconds(seconds: Sequence[float]) -> Mapping[str, float]:
    return {
        "median_ms": round(median(seconds) * MILLISECONDS, 1),
        "worst_ms": round(max(seconds) * MILLISECONDS, 1),
    }


def database_row(url: str, query: str, *arguments: object) -> Any:
    """The one row of a query."""

    async def read() -> Any:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchrow(query, *arguments)
        finally:
            await connection.close()

    return asyncio.run(read())
