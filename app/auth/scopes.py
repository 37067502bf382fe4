"""What a caller may ask for."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """A right to read, as keys and tokens carry it (RFC 6749, 3.3)."""

    SA_READ = "sa:read"
    """SA contexts, main mode SAs, connections, and the engine's state."""
    EVENTS_READ = "events:read"
    """The stream of what happens to SA contexts."""
    METRICS_READ = "metrics:read"
    """Metrics, and the engine's own statistics."""
    DIAGNOSTICS_READ = "diagnostics:read"
    """Net events, of the past and live."""
