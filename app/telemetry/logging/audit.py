"""The audit log: security events in a file of their own.

The main log has an entry for each request, so a caller could replace all of it within seconds. The
audit log has only the events below, which also are in the main log, and keeps its own number of
files. What clients can cause in any number is summarized before it is logged
(`rejection_summary`, `acceptance_summary`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from app.telemetry.logging.sinks import FileSink, SinkName


log = structlog.get_logger(__name__)

AUDIT_EVENTS: Final = frozenset(
    {
        *("listening", "stopped", "startup_failed", "insecure_listener"),
        *("engine_hung", "watchdog_exit", "server_crashed_before"),
        *("credentials_accepted", "requests_rejected", "connections_rejected"),
        *("api_keys_reloaded", "api_keys_unreadable", "api_keys_rejected"),
        *("api_keys_file_too_permissive", "issuer_unavailable"),
        *("certificate", "certificate_reloaded", "certificate_not_reloaded"),
        *("certificate_expires_soon", "certificate_expired"),
        *("log_entries_dropped", "log_entries_withheld"),
    }
)
"""The names of the entries in the audit log."""

PERIOD_SECONDS: Final = 60.0
MAX_PER_PERIOD: Final = 60
"""Entries of one event that a sink writes per period; some events depend on files and peers."""


class RepetitionLimit(logging.Filter):
    """Passes a number of entries of each event per period, and logs how many it withheld."""

    def __init__(self, sink_name: SinkName, clock: Callable[[], float] = monotonic) -> None:
        """Begin a period.

        Args:
            sink_name: the sink that the filter is for.
            clock: returns a monotonic time, in seconds.
        """
        super().__init__()
        self._sink_name = sink_name
        self._clock = clock
        self._ends_at = clock() + PERIOD_SECONDS
        self._counts: Counter[str] = Counter()
        self._first = self._last = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to write an entry."""
        if self._clock() >= self._ends_at:
            self._begin_period()
        event = getattr(record, "event", None) or record.levelname
        self._counts[event] += 1
        if self._counts[event] <= MAX_PER_PERIOD:
            return True
        self._last = datetime.now(UTC).isoformat()
        self._first = self._first or self._last
        return False

    def _begin_period(self) -> None:
        self._ends_at = self._clock() + PERIOD_SECONDS
        counts, self._counts = self._counts, Counter()
        withheld = {e: n - MAX_PER_PERIOD for e, n in counts.items() if n > MAX_PER_PERIOD}
        if withheld:
            log.warning(
                "log_entries_withheld",
                sink=self._sink_name,
                events=withheld,
                first=self._first,
                last=self._last,
            )
            self._first = self._last = ""


class AuditSink(FileSink):
    """A rotating file of the security events."""

    sink_name = "audit"

    def __init__(self, path: Path, max_bytes: int, count: int) -> None:
        super().__init__(path, max_bytes, count)
        self.addFilter(lambda record: getattr(record, "event", None) in AUDIT_EVENTS)
        self.addFilter(RepetitionLimit(self.sink_name))
