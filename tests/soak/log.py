"""The entries that the server's log may have after a soak."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.soak.canary import shows_key


HARMLESS = {"debug", "info"}
EXPECTED = {
    "simulated_engine",
    "engine_call_hangs",
    "refresh_failed",
    "point_refresh_failed",
    "net_event_subscription_failed",
    "statistics_failed",
    "tunnels_not_read",
    "certificate_store_unreadable",
    "requests_rejected",
}
"""Warnings about engine failures, and about clients rejected before they sent a request."""


def faults(text: str) -> list[str]:
    """Return the unexpected entries: one line for each kind, and its count."""
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for line in text.splitlines():
        entry = _entry(line)
        if not _is_expected(entry) or shows_key(line.encode()):
            kind = f"{entry['event']} {entry.get('error', '')}"
            counts[kind] += 1
            first.setdefault(kind, line)
    return [f"in the log, {counts[kind]} times: {line}" for kind, line in first.items()]


def _entry(line: str) -> dict[str, Any]:
    """Parse an entry; a line outside the log format, such as a traceback, becomes one, too."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except json.JSONDecodeError:
        return {"event": line, "level": "none"}
    return entry


def _is_expected(entry: dict[str, Any]) -> bool:
    if "exception" in entry:
        return False
    if entry["level"] in HARMLESS or entry["event"] in EXPECTED:
        return True
    return (entry["event"], entry.get("code")) == ("request_failed", "engine_error")
