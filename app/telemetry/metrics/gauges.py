"""Gauges whose value may be unknown."""

from __future__ import annotations

from prometheus_client.metrics_core import GaugeMetricFamily, Metric


def gauge(name: str, documentation: str, value: float | None) -> Metric:
    """Return a gauge; None gives a gauge without a value."""
    return GaugeMetricFamily(name, documentation, None if value is None else float(value))
