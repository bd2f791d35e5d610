"""Metrics of what is expected of the grids: by their providers, and by our own forecaster."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import Metric

from carbon_scaler.domain.expected import OWN_SOURCE
from carbon_scaler.domain.snapshot import RegionSeries, Snapshot
from carbon_scaler.web.metric_families import gauge


def forecast_metrics(snapshot: Snapshot, now: datetime) -> Iterator[Metric]:
    """How old forecasts are, and how our own fare."""
    paths = {
        region: series.expected
        for region, series in snapshot.regions.items()
        if series.expected is not None
    }
    yield gauge(
        "carbon_scaler_forecast_age_seconds",
        "Seconds since the newest forecast was issued.",
        ("region", "source"),
        {
            (region, source): (now - issued_at).total_seconds()
            for region, series in snapshot.regions.items()
            for source, issued_at in _issues(series)
        },
    )
    yield gauge(
        "carbon_scaler_forecast_error_percent",
        "How far own forecasts of up to a day were off over the last 14 days.",
        ("region",),
        {(region,): path.error.percent for region, path in paths.items() if path.error is not None},
    )
    yield gauge(
        "carbon_scaler_forecast_rejected",
        "Own models that are not used because they were clearly worse than none.",
        ("region", "model"),
        {(region, model): 1 for region, path in paths.items() for model in path.rejected},
    )


def _issues(series: RegionSeries) -> Iterator[tuple[str, datetime]]:
    if series.outlook is not None:
        yield series.outlook.source, series.outlook.issued_at
    if series.expected is not None:
        yield OWN_SOURCE, series.expected.issued_at
