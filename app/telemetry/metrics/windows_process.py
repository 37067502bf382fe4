"""Metrics of the process on Windows, where prometheus_client provides none.

They have the names and units of `prometheus_client.ProcessCollector`, so that queries and
dashboards work on Windows and Linux.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import win32api
import win32process
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class WindowsProcessCollector(Collector):
    """Collects this process' memory, processor time and start."""

    def __init__(self) -> None:
        # A pseudo handle, which need not be closed (GetCurrentProcess, processthreadsapi.h).
        self._process = win32api.GetCurrentProcess()
        created = win32process.GetProcessTimes(self._process)["CreationTime"]
        self._start: float = created.timestamp()

    def collect(self) -> Iterator[Metric]:
        """Yield the process' metrics."""
        memory = win32process.GetProcessMemoryInfo(self._process)
        yield GaugeMetricFamily(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            memory["WorkingSetSize"],  # PROCESS_MEMORY_COUNTERS (psapi.h)
        )
        yield CounterMetricFamily(
            "process_cpu_seconds_total",
            "Total user and system CPU time spent in seconds.",
            time.process_time(),
        )
        yield GaugeMetricFamily(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            self._start,
        )
