"""`carbon-scaler ingest` when it is killed, when its database goes, when its provider fails."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.ingesting import (
    CALLS,
    DONE,
    NO_DATA,
    REGION,
    ROWS,
    TERM,
    is_whole,
    one_cycle,
    provider,
    settings_of,
)
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import Program, started
from tests.e2e.serving import wait_until
from tests.peers.electricity_maps import LATEST, ElectricityMapsPeer
from tests.peers.server import Peer, Reply, Request

# A killed cycle may have stored nothing, and the next makes all of it good.
CONTENTS = """
SELECT md5(coalesce(string_agg(concat_ws('|', region, timestamp, source, kind, gco2_per_kwh,
  renewable_percent, flagged), ',' ORDER BY region, timestamp), ''))
FROM co2e_emissions
"""
FORECASTS = "SELECT count(*)::int FROM carbon_intensity_forecasts"
FEEDS = "SELECT count(*)::int FROM ingest_feeds"
GAPS = """
SELECT count(*) FROM (
  SELECT timestamp - lag(timestamp) OVER (ORDER BY timestamp) AS apart FROM co2e_emissions
) AS steps WHERE apart <> interval '1 hour'
"""


class Gate:
    """Holds back the answer to the nth request; what came before is answered."""

    def __init__(self, held: int) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._faithful = ElectricityMapsPeer()
        self._left = held
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Reply:
        with self._lock:
            self._left -= 1
            is_held = self._left == 0
        if is_held:
            self.reached.set()
            self.opened.wait(60)
        return self._faithful(request)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres() as running:
        yield running


@pytest.fixture
def postgres(server: Postgres) -> Postgres:
    server.start()
    return server


@pytest.fixture
def url(postgres: Postgres) -> str:
    return postgres.database()


def kill(program: Program) -> None:
    program.process.send_signal(signal.SIGKILL)
    program.process.wait(30)


def resident_kilobytes(program: Program) -> int:
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def repeated(requests: list[Request]) -> list[tuple[object, ...]]:
    """What was asked more than once."""
    asked = Counter((request.path, *sorted(request.query.items())) for request in requests)
    return [request for request, times in asked.items() if times > 1]


# Leaders


def test_when_the_leader_is_killed_another_leads_within_seconds_and_no_slot_is_doubled(
    postgres: Postgres, url: str
):
    with provider() as peer:
        settings = settings_of(url, peer)
        with started("ingest", settings=settings) as first:
            first.wait_event("ingest.history_loaded", seconds=60)
            with started("ingest", settings=settings) as second:
                waiting = second.wait_event("ingest.waits_to_lead")
                assert f":{first.process.pid}" in waiting["cause"]
                asked, rows = len(peer.requests), postgres.value(url, ROWS)

                kill(first)
                killed_at = time.monotonic()
                second.wait_event("ingest.term_began", seconds=30)
                print(f"another leads after {time.monotonic() - killed_at:.2f} s")

                assert postgres.value(url, TERM) == 2
                assert is_whole(postgres, url)
                assert postgres.value(url, ROWS) >= rows
                # What is known is recalled: only what a cycle has anew may be asked for.
                assert len(peer.requests) - asked <= 2
                assert second.stop() == 0


# kill -9


def test_a_cycle_killed_at_any_request_leaves_nothing_half_done_and_no_request_uncounted(
    postgres: Postgres,
):
    reference = postgres.database()
    with provider() as peer:
        assert one_cycle(settings_of(reference, peer))[0] == DONE
        requests = len(peer.requests)
    assert requests >= 4

    for held in range(1, requests + 1):
        url, gate = postgres.database(), Gate(held)
        with provider(gate) as peer:
            with started("ingest", "--once", settings=settings_of(url, peer)) as program:
                assert gate.reached.wait(60), program.log
                kill(program)
            seen = len(peer.requests)
            gate.opened.set()

            assert is_whole(postgres, url), f"killed at request {held}"
            assert postgres.value(url, CALLS) >= seen, f"killed at request {held}"
        with provider() as peer:
            assert one_cycle(settings_of(url, peer))[0] == DONE
        assert is_whole(postgres, url)
        assert postgres.value(url, CONTENTS) == postgres.value(reference, CONTENTS)


@pytest.mark.parametrize(
    "something", [ROWS, FORECASTS, FEEDS], ids=["values", "forecasts", "feeds"]
)
def test_a_loop_killed_right_after_it_stored_something_is_made_good_by_the_next(
    postgres: Postgres, url: str, something: str
):
    with provider() as peer:
        settings = settings_of(url, peer)
        with started("ingest", settings=settings) as program:
            wait_until(lambda: postgres.value(url, something) > 0, seconds=60)
            kill(program)
        assert is_whole(postgres, url)
        assert postgres.value(url, CALLS) >= len(peer.requests)

        assert one_cycle(settings)[0] == DONE
        assert is_whole(postgres, url)
        assert postgres.value(url, GAPS) == 0
        assert one_cycle(settings)[1]["sources"][0]["changed"] == 0


# The database goes


def test_what_cannot_be_written_is_held_and_written_later_and_never_asked_twice(
    postgres: Postgres, url: str
):
    gate = Gate(held=1)
    with provider(gate) as peer, started("ingest", settings=settings_of(url, peer)) as loop:
        assert gate.reached.wait(60)
        # It answers, the leader leads, and no value can be stored.
        postgres.execute(url, "ALTER TABLE co2e_emissions RENAME TO mislaid")
        gate.opened.set()
        loop.wait_event("ingest.store_failed", seconds=60)
        asked_meanwhile = len(peer.requests)
        postgres.execute(url, "ALTER TABLE mislaid RENAME TO co2e_emissions")
        loop.wait_event("ingest.store_recovered", seconds=60)
        loop.wait_event("ingest.history_loaded", seconds=60)

        assert asked_meanwhile == 2, "the present, with its mix, and nothing else"
        assert repeated(peer.requests) == []
        assert is_whole(postgres, url)
        assert postgres.value(url, GAPS) == 0


def test_while_the_database_is_away_nothing_is_asked_and_afterwards_all_is_written(
    postgres: Postgres, url: str
):
    gate = Gate(held=1)
    with provider(gate) as peer, started("ingest", settings=settings_of(url, peer)) as loop:
        assert gate.reached.wait(60)
        before = resident_kilobytes(loop)
        postgres.stop()
        loop.wait_event("ingest.term_lost", seconds=60)
        gate.opened.set()
        # It has tried to lead again since.
        wait_until(lambda: "does not answer" in str(loop.wait_event("ingest.waits_to_lead")))
        asked_meanwhile, during = len(peer.requests), resident_kilobytes(loop)
        postgres.start()
        loop.wait_event("ingest.history_loaded", seconds=60)

        assert asked_meanwhile == 1
        # Its answer never came; every other request was made once.
        assert repeated(peer.requests[1:]) == []
        assert postgres.value(url, TERM) == 2
        assert is_whole(postgres, url)
        assert postgres.value(url, GAPS) == 0
        assert postgres.value(url, CALLS) >= len(peer.requests)
        assert max(during, resident_kilobytes(loop)) < 2 * before


# A provider fails for a while


def test_after_a_providers_failure_the_past_is_caught_up_without_a_gap(
    postgres: Postgres, url: str
):
    handler = ElectricityMapsPeer()
    with Peer(handler) as peer:
        settings = settings_of(url, peer)
        handler.overrides[LATEST] = Reply(status=500)
        code, failed, _ = one_cycle(settings)
        assert code == NO_DATA
        assert failed["sources"][0]["failure_kind"] == "server"

        handler.overrides.clear()
        code, document, log = one_cycle(settings)
        assert code == DONE, log
        assert document["usable_regions"] == [REGION]
        assert postgres.value(url, GAPS) == 0
        assert postgres.value(url, ROWS) > 24
        assert is_whole(postgres, url)
