"""Values by their labels as Prometheus' families."""

from collections.abc import Mapping
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

# The values of the labels, in the order of their names.
Labels = TypeVar("Labels", bound=tuple[str, ...])


def gauge(name: str, text: str, labels: tuple[str, ...], values: Mapping[Labels, float]) -> Metric:
    """What goes up and down."""
    return _filled(GaugeMetricFamily(name, text, labels=labels), values)


def counter(
    name: str, text: str, labels: tuple[str, ...], values: Mapping[Labels, float]
) -> Metric:
    """What only goes up; shown as `name` with `_total`."""
    return _filled(CounterMetricFamily(name, text, labels=labels), values)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[Labels, float]
) -> Metric:
    for key, value in values.items():
        family.add_metric(key, value)
    return family
