"""Metrics of rejected credentials, which never include the credential."""

from __future__ import annotations

import prometheus_client
from prometheus_client import CollectorRegistry

from app.auth.rejections import RejectionReason


class RejectionMetrics:
    """Counts rejected credentials by reason. Belongs to one event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        rejections = prometheus_client.Counter(
            "sa_contexts_credential_rejections",
            "Requests rejected for a missing or invalid credential, by reason.",
            ["reason"],
            registry=registry,
        )
        self._series = {reason: rejections.labels(reason.value) for reason in RejectionReason}

    def count(self, reason: RejectionReason) -> None:
        """Count a rejection."""
        self._series[reason].inc()
