"""Which parts of the past are still wanted of a feed."""

from datetime import datetime, timedelta

from carbon_scaler.application.grid_sources import EPOCH, ErrorKind
from carbon_scaler.application.ingest.due import every_due_at, interval_start
from carbon_scaler.application.ingest.feeds import Feed, Window

CORRECTED = timedelta(hours=24)
# A window that a source can't answer is given up after so many tries.
MOST_TRIES = 5
OF_THE_WINDOW = frozenset({ErrorKind.MALFORMED, ErrorKind.UNIT, ErrorKind.SERVER, ErrorKind.ZONE})


def want_gap(feed: Feed, first: datetime | None, last: datetime | None, now: datetime) -> None:
    """After an answer: want what lies between it and what was known before."""
    traits = feed.traits
    oldest = max(EPOCH, now - traits.history_reach)
    since = max(oldest, feed.covered_until or oldest)
    until = first or _start_of_nothing(feed, since, now)
    # One interval that is missing is not worth a request; corrections bring it.
    tolerated = traits.step if traits.calls_per_history else timedelta(0)
    if until is not None and traits.history_reach and until - since > tolerated:
        feed.windows.extendleft(reversed(_windows(since, until, traits.history_window)))
        feed.windows_done = 0
        feed.covered_until = until
    if last is not None:
        feed.covered_until = max(feed.covered_until or last, last + traits.step)
    feed.settle()


def want_corrections(feed: Feed, every: timedelta, now: datetime) -> None:
    """Now and then the last day is asked for again; a source that asks nobody corrects nothing."""
    traits = feed.traits
    wanted = traits.calls_per_history and traits.history_reach and feed.newest_at is not None
    if wanted and not feed.windows and every_due_at(feed.history, every, now) <= now:
        span = min(CORRECTED, traits.history_reach, traits.history_window)
        feed.windows.append((now - span, now))


def window_due_at(feed: Feed, now: datetime) -> datetime | None:
    """When to ask for the next part of the past; None: none is wanted."""
    if not feed.windows:
        return None
    return max(now, feed.history.again_at or now)


def window_done(feed: Feed, window: Window) -> None:
    """This part is fetched, or will never be."""
    if window in feed.windows:
        feed.windows.remove(window)
        feed.windows_done += 1
    feed.settle()


def is_hopeless(feed: Feed, kind: ErrorKind | None) -> bool:
    """Whether a window that failed again should be given up."""
    return kind is ErrorKind.NO_DATA or (
        kind in OF_THE_WINDOW and feed.history.failures >= MOST_TRIES
    )


def _start_of_nothing(feed: Feed, since: datetime, now: datetime) -> datetime | None:
    """Where a gap ends that has no value after it; a day of silence is worth a look."""
    if feed.traits.calls_per_history and now - since < CORRECTED:
        return None
    return interval_start(now, feed.traits)


def _windows(since: datetime, until: datetime, longest: timedelta) -> list[Window]:
    """Newest first."""
    windows = []
    while until > since:
        start = max(since, until - longest)
        windows.append((start, until))
        until = start
    return windows
