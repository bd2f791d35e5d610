"""`doctor` on ingest: who writes, and how the feeds fare, as the database has it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from carbon_scaler.application.grid_state import GridState
from carbon_scaler.domain.durations import format_duration
from carbon_scaler.wiring.doctor.findings import Finding, good, warning

# Between the runs of a CronJob nobody writes; hourly ones may be a little late.
LONGEST_PAUSE = timedelta(hours=2)


def examine_ingest(state: GridState, now: datetime) -> Iterator[Finding]:
    """Whether somebody writes, and what failed when it was last asked."""
    yield _writer(state, now)
    for feed in state.feeds:
        if feed.failures:
            check = f"feed {feed.source} {feed.zone}"
            yield warning(check, f"{feed.failures} failed cycles in a row: {feed.failure}")


def _writer(state: GridState, now: datetime) -> Finding:
    if state.leader is not None:
        since = format_duration(now - state.leader.since)
        return good("ingest", f"{state.leader.holder} writes, for {since} now")
    asked = [feed.asked_at for feed in state.feeds if feed.asked_at is not None]
    if not asked:
        text = "nothing was ever ingested here; start carbon-scaler ingest, or its CronJob"
        return warning("ingest", text)
    pause = now - max(asked)
    text = f"nobody writes now; sources were last asked {format_duration(pause)} ago"
    if pause <= LONGEST_PAUSE:
        return good("ingest", f"{text}, as between the runs of a CronJob")
    return warning(
        "ingest", f"{text}: does ingest run, is its CronJob suspended, does its schedule fit?"
    )
