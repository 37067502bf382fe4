"""Credentials that were not taken, counted. What was sent is nowhere."""

from __future__ import annotations

import prometheus_client
from prometheus_client import CollectorRegistry

from app.auth.rejections import RejectionReason


class RejectionMetrics:
    """Counts credentials that were not taken, by the reason. Belongs to one event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        refused = prometheus_client.Counter(
            "sa_contexts_credentials_refused",
            "Requests refused for want of a credential that is taken, by what was wrong with it.",
            ["reason"],
            registry=registry,
        )
        self._series = {reason: refused.labels(reason.value) for reason in RejectionReason}

    def count(self, reason: RejectionReason) -> None:
        """Count one."""
        self._series[reason].inc()
