"""`carbon-scaler ingest` when it is killed, when its database goes, when its provider fails."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.ingesting import (
    CALLS,
    DATABASE,
    DONE,
    NO_DATA,
    REGION,
    ROWS,
    TERM,
    electricity_maps,
    is_whole,
    one_cycle,
    provider,
    settings_of,
)
from tests.e2e.postgres import Postgres, running_postgres
from tests.e2e.program import Program, started
from tests.e2e.serving import wait_until
from tests.peers.electricity_maps import LATEST
from tests.peers.server import Peer, Reply, Request

# A killed cycle may have stored nothing, and the next makes all of it good.
CONTENTS = """
SELECT md5(coalesce(string_agg(concat_ws('|', region, timestamp, source, kind, gco2_per_kwh,
  renewable_percent, flagged), ',' ORDER BY region, timestamp), ''))
FROM co2e_emissions
"""
# Who asks after the end of the hour is told of one hour less.
TOLD_AN_HOUR_LATER_TOO = "SELECT min(timestamp) + interval '1 hour' FROM co2e_emissions"
FEEDS = "SELECT count(*)::int FROM ingest_feeds"
LEAD_ASKED_AT = """
SELECT max(query_start) FROM pg_stat_activity
WHERE application_name = 'carbon-scaler-lead' AND datname = current_database()
"""
END_TERM = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'carbon-scaler-lead' AND datname = current_database()
"""
# As if nothing had been asked meanwhile.
SILENT_FOR_SIX_HOURS = (
    "DELETE FROM co2e_emissions WHERE timestamp > now() - interval '6 hours'",
    "UPDATE ingest_feeds SET asked_at = asked_at - interval '6 hours', "
    "answered_at = answered_at - interval '6 hours', newest_at = newest_at - interval '6 hours', "
    "history_until = history_until - interval '6 hours', "
    "history_asked_at = history_asked_at - interval '6 hours', "
    "forecast_asked_at = forecast_asked_at - interval '6 hours'",
)
GAPS = """
SELECT count(*) FROM (
  SELECT timestamp - lag(timestamp) OVER (ORDER BY timestamp) AS apart FROM co2e_emissions
) AS steps WHERE apart <> interval '1 hour'
"""


class Gate:
    """Holds back the answer to the nth request; what came before is answered."""

    def __init__(self, held: int, at: datetime | None = None) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()
        self._faithful = electricity_maps(at)
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


def test_the_ingest_leader_is_gone_and_another_leads_within_seconds_and_no_slot_is_doubled(
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


def test_a_leader_that_is_frozen_is_followed_and_leads_no_more_when_it_thaws(
    postgres: Postgres, url: str
):
    with provider() as peer:
        settings = settings_of(url, peer)
        with started("ingest", settings=settings) as first:
            first.wait_event("ingest.history_loaded")
            with started("ingest", settings=settings) as second:
                second.wait_event("ingest.waits_to_lead")
                first.process.send_signal(signal.SIGSTOP)
                try:
                    second.wait_event("ingest.term_began", seconds=45)
                finally:
                    first.process.send_signal(signal.SIGCONT)
                first.wait_event("ingest.term_lost")
                waits = first.wait_event("ingest.waits_to_lead")
                assert f":{second.process.pid}" in waits["cause"]
                assert postgres.value(url, TERM) == 2
                assert is_whole(postgres, url)


def test_one_cycle_that_lost_its_turn_writes_nothing_more_and_says_who_leads(
    postgres: Postgres, url: str
):
    gate = Gate(held=1)
    with (
        provider(gate) as peer,
        started("ingest", "--once", settings=settings_of(url, peer)) as once,
    ):
        assert gate.reached.wait(60)
        # It asks whether it still leads, however long a provider takes.
        asked_at = postgres.value(url, LEAD_ASKED_AT)
        wait_until(lambda: postgres.value(url, LEAD_ASKED_AT) > asked_at)
        once.process.send_signal(signal.SIGSTOP)
        try:
            postgres.execute(url, END_TERM)
            with started("ingest", settings=settings_of(url, peer)) as loop:
                loop.wait_event("ingest.history_loaded")
                gate.opened.set()
                once.process.send_signal(signal.SIGCONT)
                assert once.process.wait(60) == DONE, once.other_lines
                wait_until(lambda: f":{loop.process.pid}" in "".join(once.output))
        finally:
            once.process.send_signal(signal.SIGCONT)
        assert is_whole(postgres, url)


def test_one_cycle_whose_database_goes_is_exit_3(postgres: Postgres, url: str):
    gate = Gate(held=1)
    with (
        provider(gate) as peer,
        started("ingest", "--once", settings=settings_of(url, peer)) as once,
    ):
        assert gate.reached.wait(60)
        postgres.stop()
        gate.opened.set()
        assert once.process.wait(60) == DATABASE, once.other_lines
        wait_until(lambda: "does not answer" in "".join(once.other_lines))


# kill -9


def test_a_cycle_killed_at_any_request_leaves_nothing_half_done_and_no_request_uncounted(
    postgres: Postgres,
):
    reference, at = postgres.database(), datetime.now(UTC)
    with provider(electricity_maps(at)) as peer:
        assert one_cycle(settings_of(reference, peer))[0] == DONE
        requests = len(peer.requests)
    assert requests >= 4
    since = postgres.value(reference, TOLD_AN_HOUR_LATER_TOO)
    contents = f"{CONTENTS} WHERE timestamp >= '{since.isoformat()}'"

    for held in range(1, requests + 1):
        url, gate = postgres.database(), Gate(held, at)
        with provider(gate) as peer:
            with started("ingest", "--once", settings=settings_of(url, peer)) as program:
                assert gate.reached.wait(60), program.log
                kill(program)
            seen = len(peer.requests)
            gate.opened.set()

            assert is_whole(postgres, url), f"killed at request {held}"
            assert postgres.value(url, CALLS) >= seen, f"killed at request {held}"
        with provider(electricity_maps(at)) as peer:
            assert one_cycle(settings_of(url, peer))[0] == DONE
        assert is_whole(postgres, url)
        assert postgres.value(url, contents) == postgres.value(reference, contents)


@pytest.mark.parametrize("something", [ROWS, FEEDS], ids=["values", "feeds"])
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
        assert "does not answer" in loop.wait_event("ingest.waits_to_lead")["cause"]
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


def test_hours_of_a_regions_past_are_gone_and_are_fetched_when_the_provider_is_back(
    postgres: Postgres, url: str
):
    handler = electricity_maps()
    with Peer(handler) as peer:
        settings = settings_of(url, peer)
        assert one_cycle(settings)[0] == DONE
        stored = postgres.value(url, CONTENTS)
        postgres.execute(url, *SILENT_FOR_SIX_HOURS)

        handler.overrides[LATEST] = Reply(status=500)
        code, failed, _ = one_cycle(settings)
        assert code == NO_DATA
        assert failed["sources"][0]["failure_kind"] == "server"

        handler.overrides.clear()
        code, document, log = one_cycle(settings)
        assert code == DONE, log
        assert document["usable_regions"] == [REGION]
        assert postgres.value(url, GAPS) == 0
        assert postgres.value(url, CONTENTS) == stored
        assert is_whole(postgres, url)
