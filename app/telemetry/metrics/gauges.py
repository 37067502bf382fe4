"""Gauges whose value may not be known."""

from __future__ import annotations

from prometheus_client.metrics_core import GaugeMetricFamily, Metric


def gauge(name: str, documentation: str, value: float | None) -> Metric:
    """Return a gauge, without a value if it is not known."""
    return GaugeMetricFamily(name, documentation, None if value is None else float(value))
