"""Failures are counted by their names, as long as there are not too many."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from app.telemetry.failures import MOST_SERIES, FailureMetrics


def test_that_there_are_not_more_series_than_there_may_be() -> None:
    registry = CollectorRegistry()
    failures = FailureMetrics(registry)

    for number in range(MOST_SERIES + 50):
        failures.count("main_mode", f"ERROR_{number}")
        failures.count("main_mode", "ERROR_0")

    told = {
        sample.labels["error"]: sample.value
        for family in registry.collect()
        for sample in family.samples
    }
    assert len(told) == MOST_SERIES + 1
    assert told["ERROR_0"] == MOST_SERIES + 51
    assert told["other"] == 50
    assert sum(told.values()) == 2 * (MOST_SERIES + 50)
