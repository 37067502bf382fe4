"""Credentials that were not taken: counted, and told of in the log once in a while.

Who tries many must not be able to fill the log, and what was sent is in neither.
"""

from __future__ import annotations

from collections import Counter as Counts
from typing import Final

import anyio
import prometheus_client
import structlog
from prometheus_client import CollectorRegistry

from app.security.refusals import Reason


log = structlog.get_logger(__name__)

PERIOD_SECONDS: Final = 60.0
"""How long refusals are gathered for one entry in the log."""


class RefusalMetrics:
    """Counts credentials that were not taken, by the reason. Belongs to one event loop."""

    def __init__(self, registry: CollectorRegistry) -> None:
        refused = prometheus_client.Counter(
            "sa_contexts_credentials_refused",
            "Requests refused for want of a credential that is taken, by what was wrong with it.",
            ["reason"],
            registry=registry,
        )
        self._series = {reason: refused.labels(reason.value) for reason in Reason}
        self._untold: Counts[Reason] = Counts()

    def count(self, reason: Reason) -> None:
        """Count one."""
        self._series[reason].inc()
        self._untold[reason] += 1

    async def run(self) -> None:
        """Tell the log, as often as it is to be told, and once more at the end."""
        try:
            while True:
                await anyio.sleep(PERIOD_SECONDS)
                self.tell()
        finally:
            self.tell()

    def tell(self) -> None:
        """Tell the log how many were refused since it was last told, by the reason."""
        if self._untold:
            counts = {reason.value: count for reason, count in sorted(self._untold.items())}
            self._untold.clear()
            log.warning("credentials_refused", **counts)
