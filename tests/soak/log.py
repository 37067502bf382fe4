"""What the server's log may say after a soak."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from tests.soak.canary import shows_key


HARMLESS = {"debug", "info"}
EXPECTED = {
    "simulated_engine",
    "refresh_failed",
    "point_refresh_failed",
    "net_event_subscription_failed",
    "statistics_failed",
    "requests_rejected",
}
"""Warnings that an engine's failures give, and clients that are refused before they are heard."""


def faults(text: str) -> list[str]:
    """What a log tells that was not foreseen: one line of each kind, and how many there are."""
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
    """An entry; what did not come through the log, as a traceback or a warning of Python's, too."""
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
