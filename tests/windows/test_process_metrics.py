"""The process' metrics on Windows; run by Windows' CPython only."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from prometheus_client import CollectorRegistry

from app.telemetry.metrics.windows_process import WindowsProcessCollector


MEGABYTES = 64
SECONDS = 0.5
MAX_SECONDS = 60
OF_A_NEW_PROCESS = """
import json, sys
from app.telemetry.metrics.windows_process import WindowsProcessCollector
json.dump([sample.value for metric in WindowsProcessCollector().collect()
           for sample in metric.samples if metric.name == "process_start_time_seconds"], sys.stdout)
"""


def registered() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(WindowsProcessCollector())
    return registry


def value(registry: CollectorRegistry, name: str) -> float:
    found = registry.get_sample_value(name)
    assert found is not None
    return found


def test_memory_rises_by_what_is_allocated_and_falls_again() -> None:
    registry = registered()
    before = value(registry, "process_resident_memory_bytes")

    block = bytearray(b"x") * (MEGABYTES << 20)
    meanwhile = value(registry, "process_resident_memory_bytes")
    del block

    assert meanwhile - before > 0.9 * (MEGABYTES << 20)
    assert value(registry, "process_resident_memory_bytes") - before < 0.5 * (MEGABYTES << 20)


def test_processor_time_rises_with_work() -> None:
    registry = registered()
    before, began = value(registry, "process_cpu_seconds_total"), time.perf_counter()
    worked = elapsed = 0.0
    while worked < SECONDS:
        worked = value(registry, "process_cpu_seconds_total") - before
        elapsed = time.perf_counter() - began
        assert elapsed < MAX_SECONDS

    assert worked < elapsed + 0.1  # one thread works; the clock of processes is coarse


def test_the_start_is_the_time_at_which_the_process_was_started() -> None:
    earliest = time.time()
    done = subprocess.run(
        [sys.executable, "-c", OF_A_NEW_PROCESS],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    latest = time.time()

    (start,) = json.loads(done.stdout)
    assert earliest - 1 < start < latest  # the clock of processes is coarser
