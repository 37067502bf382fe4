"""The process' metrics on Windows have the names of prometheus_client's on Linux.

Windows' own functions are replaced; tests/windows tests the values.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from types import ModuleType

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric


RESIDENT_BYTES = 77 << 20
START = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
HANDLE = -1


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Metric]]:
    """What the collector yields on a substitute for Windows, by name."""
    api, process = ModuleType("win32api"), ModuleType("win32process")
    vars(api)["GetCurrentProcess"] = lambda: HANDLE
    vars(process)["GetProcessTimes"] = {HANDLE: {"CreationTime": START}}.__getitem__
    vars(process)["GetProcessMemoryInfo"] = {
        HANDLE: {"WorkingSetSize": RESIDENT_BYTES, "PeakWorkingSetSize": 2 * RESIDENT_BYTES}
    }.__getitem__
    monkeypatch.setitem(sys.modules, "win32api", api)
    monkeypatch.setitem(sys.modules, "win32process", process)
    name = "app.telemetry.metrics.windows_process"
    registry = CollectorRegistry()
    registry.register(importlib.import_module(name).WindowsProcessCollector())
    yield {metric.name: metric for metric in registry.collect()}
    del sys.modules[name]


def test_names_types_and_units_are_those_of_linux(metrics: dict[str, Metric]) -> None:
    on_linux = {metric.name: metric for metric in ProcessCollector(registry=None).collect()}

    assert set(metrics) == {
        "process_resident_memory_bytes",
        "process_cpu_seconds",
        "process_start_time_seconds",
    }
    for name, metric in metrics.items():
        assert (metric.type, metric.documentation) == (
            on_linux[name].type,
            on_linux[name].documentation,
        )
        assert [sample.name for sample in metric.samples] == [
            sample.name for sample in on_linux[name].samples
        ]


def test_memory_is_the_working_set_and_the_start_is_in_unix_time(
    metrics: dict[str, Metric],
) -> None:
    assert metrics["process_resident_memory_bytes"].samples[0].value == RESIDENT_BYTES
    assert metrics["process_start_time_seconds"].samples[0].value == 1795512600
