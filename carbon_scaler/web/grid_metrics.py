"""Metrics of the grids that are known, and of the ingest that reads them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import Metric

from carbon_scaler.application.grid_state import GridState
from carbon_scaler.application.snapshots import Snapshots
from carbon_scaler.domain.series_past import missing_hours
from carbon_scaler.domain.snapshot import Snapshot
from carbon_scaler.web.forecast_metrics import forecast_metrics
from carbon_scaler.web.metric_families import counter, gauge


def grid_metrics(snapshots: Snapshots, now: datetime) -> Iterator[Metric]:
    """What is known of the grids, how old it is and what is missing."""
    yield from _newest(snapshots.current, now)
    yield from forecast_metrics(snapshots.current, now)
    yield gauge(
        "carbon_scaler_missing_hours",
        "Hours of the last seven days, since the first value, that have none.",
        ("region",),
        {
            (region,): missing_hours(series, now)
            for region, series in snapshots.current.regions.items()
        },
    )
    yield counter(
        "carbon_scaler_source_changes",
        "How often the value that counts came from another source than the one before.",
        ("region",),
        {(region,): snapshots.source_changes[region] for region in snapshots.current.regions},
    )
    yield gauge(
        "carbon_scaler_snapshot_age_seconds",
        "Seconds since the snapshot was last refreshed.",
        (),
        {(): (now - snapshots.current.loaded_at).total_seconds()},
    )
    healthy = float(snapshots.failure is None)
    yield gauge("carbon_scaler_database_up", "Whether the database answers.", (), {(): healthy})


def ingest_metrics(state: GridState) -> Iterator[Metric]:
    """How each feed fares, as ingest last kept it; the same at every server."""
    results: Counter[tuple[str, str, str]] = Counter()
    for feed in state.feeds:
        for region in feed.regions:
            for result, count in feed.results.items():
                results[feed.source, region, result] += count
    yield counter(
        "carbon_scaler_ingest_results",
        "Cycles of ingest by their result: ok, or why nothing came.",
        ("source", "region", "result"),
        results,
    )
    yield gauge(
        "carbon_scaler_ingest_failures",
        "Failed cycles of a feed since its last good one.",
        ("source", "zone"),
        {(feed.source, feed.zone): feed.failures for feed in state.feeds},
    )
    yield gauge(
        "carbon_scaler_ingest_calls_today",
        "Requests made of a source since midnight UTC.",
        ("source",),
        {(source,): calls for source, calls in state.calls_today.items()},
    )
    ahead = state.database_ahead
    yield gauge(
        "carbon_scaler_database_clock_offset_seconds",
        "How far the database's clock is ahead of this server's.",
        (),
        {} if ahead is None else {(): ahead.total_seconds()},
    )
    yield gauge(
        "carbon_scaler_ingest_leader",
        "The ingest process that writes.",
        ("holder",),
        {} if state.leader is None else {(state.leader.holder,): 1},
    )


def _newest(snapshot: Snapshot, now: datetime) -> Iterator[Metric]:
    ages: dict[tuple[str], float] = {}
    grams: dict[tuple[str, str], float] = {}
    for region, series in snapshot.regions.items():
        reading = series.reading_at(now)
        if reading is not None:
            ages[region,] = (now - reading.observed_at).total_seconds()
            grams[region, reading.source] = reading.grams_per_kwh
    yield gauge(
        "carbon_scaler_data_age_seconds",
        "Seconds since the start of the newest value's interval.",
        ("region",),
        ages,
    )
    yield gauge(
        "carbon_scaler_intensity_grams_per_kwh", "Newest value.", ("region", "source"), grams
    )
