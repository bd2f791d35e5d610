"""What is worth telling people: a pure judgement of how grids and sources fare now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import numpy as np

from carbon_scaler.application.feed_records import FeedRecord
from carbon_scaler.domain.intensity import LONGEST_USABLE_FOR, Kind, Reading
from carbon_scaler.domain.snapshot import Outlook, RegionSeries

FAILURES_IN_A_ROW = 3
NO_VALUE_FOR = timedelta(hours=3)
QUOTA_SHARE = 0.8
SOURCE_IS_NEW_FOR = timedelta(hours=24)
DIRTY_GRAMS_PER_KWH = 500.0
DIRTY_FOR = timedelta(hours=4)
CLEAN_GRAMS_PER_KWH = 200.0
CLEAN_PERCENTILE = 10.0
TRAILING = timedelta(days=7)
# A percentile of less says nothing of what is usual.
LEAST_TRAILING = timedelta(days=2)
MOST_NAMED = 5


class Severity(StrEnum):
    """How much it matters; only what is critical wakes people."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that holds now and is worth telling; the key says what and of whom."""

    key: str
    severity: Severity
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Today's requests of a source, and how many the user allows."""

    calls: int
    quota: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """What the rules look at; `regions` are those that are to have values, None: without any."""

    now: datetime
    # Since when somebody looks: a region that never had a value is missed from then on.
    watched_since: datetime
    regions: Mapping[str, RegionSeries | None] = field(default_factory=dict)
    feeds: Sequence[FeedRecord] = ()
    quotas: Mapping[str, Spent] = field(default_factory=dict)
    # Why, by source, a single run ended without any usable value; empty: it did not.
    run_failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What holds, and the keys of which nothing can be said for want of values."""

    conditions: tuple[Condition, ...]
    undecided: frozenset[str] = frozenset()


def judge(view: AlertView) -> Judgement:
    """All conditions that hold now; low intensity is the opportunity, high is to be avoided."""
    conditions = [*_run_failed(view), *_failing_sources(view), *_quotas(view)]
    undecided: set[str] = set()
    for region, series in view.regions.items():
        conditions += _no_data(view, region, series)
        present = _present(series, view.now)
        if series is None or present is None:
            undecided |= {f"{rule}:{region}" for rule in ("grid_dirty", "source_changed")}
            continue
        conditions += _source_changed(series, present, view.now)
        conditions += _grid_dirty(series, present, view.now)
        conditions += _clean_window(series, present, view.now)
    return Judgement(conditions=tuple(conditions), undecided=frozenset(undecided))


def _run_failed(view: AlertView) -> Iterator[Condition]:
    if view.run_failures:
        yield Condition(
            key="ingest_failed",
            severity=Severity.CRITICAL,
            title="Ingest ended without any usable grid value",
            body=_listed([f"{name}: {why}" for name, why in sorted(view.run_failures.items())]),
        )


def _failing_sources(view: AlertView) -> Iterator[Condition]:
    failing: dict[str, list[FeedRecord]] = {}
    for feed in view.feeds:
        if feed.failures >= FAILURES_IN_A_ROW:
            failing.setdefault(feed.source, []).append(feed)
    for source, feeds in failing.items():
        yield Condition(
            key=f"source_failing:{source}",
            severity=Severity.WARNING,
            title=f"{source} keeps failing",
            body=_listed(
                [
                    f"{feed.zone}: {feed.failures} times in a row, {feed.failure or 'no cause'}"
                    for feed in feeds
                ]
            ),
        )


def _quotas(view: AlertView) -> Iterator[Condition]:
    for source, spent in view.quotas.items():
        if spent.calls >= QUOTA_SHARE * spent.quota:
            yield Condition(
                key=f"quota:{source}",
                severity=Severity.WARNING,
                title=f"{source}: {QUOTA_SHARE:.0%} of the day's quota is used up",
                body=f"{spent.calls} of {spent.quota} requests made today (UTC); at the quota "
                "the source is not asked any more until midnight UTC.",
            )


def _no_data(view: AlertView, region: str, series: RegionSeries | None) -> Iterator[Condition]:
    newest = None if series is None else _newest(series, view.now)
    if newest is not None:
        missed_since, told = newest.observed_at, f"The newest is of {_at(newest.observed_at)}."
    elif series is not None and series.first_at is not None:
        missed_since, told = series.first_at, "The newest is more than a week old."
    else:
        missed_since, told = view.watched_since, "There never was one."
    if view.now - missed_since > NO_VALUE_FOR:
        yield Condition(
            key=f"no_data:{region}",
            severity=Severity.CRITICAL,
            title=f"{region}: no usable grid value for over 3 hours",
            body=f"{told} Triggers there follow whenBlind; deadlines are still met.",
        )


def _source_changed(series: RegionSeries, present: Reading, now: datetime) -> Iterator[Condition]:
    """Against the source of a day ago: so it ends by going back, or after a day."""
    since = (now - SOURCE_IS_NEW_FOR).timestamp()
    first = max(0, int(np.searchsorted(series.starts, since, side="right")) - 1)
    former = series.sources[first]
    if former != present.source:
        yield Condition(
            key=f"source_changed:{series.region}",
            severity=Severity.INFO,
            title=f"{series.region}: values come from {present.source}, no longer from {former}",
            body=f"The basis stays {series.basis.signal}, {series.basis.factors}.",
        )


def _grid_dirty(series: RegionSeries, present: Reading, now: datetime) -> Iterator[Condition]:
    since = _dirty_since(series, now)
    if since is not None and now - since > DIRTY_FOR:
        yield Condition(
            key=f"grid_dirty:{series.region}",
            severity=Severity.WARNING,
            title=f"{series.region}: avoid the grid, over {DIRTY_GRAMS_PER_KWH:.0f} g/kWh "
            "for more than 4 hours",
            body=f"{_grams(present)}, over the limit at least since {_at(since)}; "
            "put off what can wait.",
        )


def _dirty_since(series: RegionSeries, now: datetime) -> datetime | None:
    """The start of the unbroken run of dirty values that lasts until now."""
    index = _index_at(series, now)
    since = None
    while index >= 0 and series.grams_per_kwh[index] > DIRTY_GRAMS_PER_KWH:
        reading = series.reading(index)
        if since is not None and since - reading.observed_at > LONGEST_USABLE_FOR:
            break
        since = reading.observed_at
        index -= 1
    return since


def _clean_window(series: RegionSeries, present: Reading, now: datetime) -> Iterator[Condition]:
    limit = _clean_limit(series, now)
    if limit is not None and present.grams_per_kwh < limit:
        ends = _expected_end(series.outlook, limit, now)
        until = "" if ends is None else f" Expected to last until {_at(ends)}."
        yield Condition(
            key=f"clean_window:{series.region}",
            severity=Severity.INFO,
            title=f"{series.region}: clean window, a good time to run",
            body=f"{_grams(present)} is below {limit:.0f} g/kWh, the lower of the past week's "
            f"10th percentile and {CLEAN_GRAMS_PER_KWH:.0f}.{until}",
        )


def _clean_limit(series: RegionSeries, now: datetime) -> float | None:
    first = int(np.searchsorted(series.starts, (now - TRAILING).timestamp()))
    last = _index_at(series, now)
    if last < first or series.starts[last] - series.starts[first] < LEAST_TRAILING.total_seconds():
        return None
    usual = float(np.percentile(series.grams_per_kwh[first : last + 1], CLEAN_PERCENTILE))
    return min(usual, CLEAN_GRAMS_PER_KWH)


def _expected_end(outlook: Outlook | None, limit: float, now: datetime) -> datetime | None:
    if outlook is None:
        return None
    ends = (outlook.starts > now.timestamp()) & (outlook.grams_per_kwh >= limit)
    index = int(np.argmax(ends)) if ends.any() else None
    return None if index is None else datetime.fromtimestamp(float(outlook.starts[index]), UTC)


def _present(series: RegionSeries | None, now: datetime) -> Reading | None:
    """The value that may decide now."""
    newest = None if series is None else _newest(series, now)
    return newest if newest is not None and now < newest.too_old_at else None


def _newest(series: RegionSeries, now: datetime) -> Reading | None:
    index = _index_at(series, now)
    while index >= 0 and series.kinds[index] is Kind.STATIC:
        index -= 1
    return None if index < 0 else series.reading(index)


def _index_at(series: RegionSeries, now: datetime) -> int:
    return int(np.searchsorted(series.starts, now.timestamp(), side="right")) - 1


def _grams(reading: Reading) -> str:
    return f"{reading.grams_per_kwh:.0f} g/kWh ({reading.kind}, {reading.source})"


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _listed(lines: Sequence[str]) -> str:
    more = len(lines) - MOST_NAMED
    return "\n".join([*lines[:MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])
