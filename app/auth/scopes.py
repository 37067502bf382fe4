"""Scopes: the rights that credentials grant."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """A right to read, granted by a key or token (RFC 6749, 3.3)."""

    SA_READ = "sa:read"
    """Read SA contexts, main mode SAs, connections, filters, peers, history and engine state."""
    EVENTS_READ = "events:read"
    """Read the streams of changes to SA contexts and peers."""
    METRICS_READ = "metrics:read"
    """Read the metrics and the engine's statistics."""
    DIAGNOSTICS_READ = "diagnostics:read"
    """Read net events, past and live, and what they say about peers, failures and the history."""
