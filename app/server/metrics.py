"""The metric of rejected connections."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

from app.server.admission import Rejection
from app.telemetry.logging.rejection_summary import RejectionSummary


class RejectionMetrics:
    """Counts rejected connections, and logs them in summary."""

    def __init__(self, registry: CollectorRegistry, summary: RejectionSummary) -> None:
        rejections = Counter(
            "sa_contexts_connections_rejected",
            "Connections rejected or dropped before their first request, by reason.",
            ["reason"],
            registry=registry,
        )
        self._counts = {reason: rejections.labels(reason) for reason in Rejection}
        self._summary = summary

    def rejected(self, reason: Rejection, address: str) -> None:
        """Count a rejected connection of an address or network."""
        self._counts[reason].inc()
        self._summary.record(reason, address)
