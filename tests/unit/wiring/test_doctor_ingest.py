"""`doctor` says whether anybody writes, and which feeds fail."""

from datetime import UTC, datetime, timedelta

import pytest

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.application.grid_state import GridState, Leader
from carbon_scaler.wiring.doctor.findings import State, warning
from carbon_scaler.wiring.doctor.ingest import examine_ingest

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def feed(asked_at: datetime | None, failures: int = 0, failure: str | None = None) -> FeedRecord:
    return FeedRecord(
        source="neso",
        zone="GB",
        regions=("eu-west-2",),
        asked_at=asked_at,
        failures=failures,
        failure=failure,
    )


def test_the_process_that_writes_is_named():
    leader = Leader(holder="ingest-0:7", since=NOW - 3 * HOUR, token=4)

    (found,) = examine_ingest(GridState(leader=leader, feeds=(feed(NOW),)), NOW)

    assert (found.state, found.text) == (State.GOOD, "ingest-0:7 writes, for 3h now")


@pytest.mark.parametrize(
    ("pause", "state", "said"),
    [
        (HOUR, State.GOOD, "last asked 1h ago, as between the runs of a CronJob"),
        (3 * HOUR, State.WARNING, "last asked 3h ago: does ingest run, is its CronJob suspended"),
    ],
)
def test_a_pause_is_usual_between_runs_and_suspicious_when_long(
    pause: timedelta, state: State, said: str
):
    feeds = (feed(NOW - pause), feed(NOW - 5 * HOUR), feed(None))

    (found,) = examine_ingest(GridState(feeds=feeds), NOW)

    assert found.state is state
    assert said in found.text


def test_a_database_that_was_never_filled_is_told_of():
    (found,) = examine_ingest(GridState(), NOW)

    assert found.state is State.WARNING
    assert found.text.startswith("nothing was ever ingested here; start carbon-scaler ingest")


def test_each_feed_that_fails_is_told_with_its_cause():
    failing = feed(NOW, failures=3, failure="neso: answered status 503")

    _, found = examine_ingest(GridState(feeds=(failing,)), NOW)

    assert found == warning("feed neso GB", "3 failed cycles in a row: neso: answered status 503")
