"""Periodic log summaries of rejected requests, and of rejected connections.

Clients can cause rejections without a credential, so a flood of rejections must neither fill a disk
nor make logging costly.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Final

import structlog

from app.telemetry.logging.summaries import AddressCounts, flush_periodically


log = structlog.get_logger(__name__)

PERIOD_SECONDS: Final = 60.0
"""Time between summaries."""


class _Rejections:
    """The counts of one problem in a period.

    Attributes:
        first: the time of the first one.
        last: the time of the last one.
    """

    def __init__(self) -> None:
        self.first = self.last = datetime.now(UTC)
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self.addresses = AddressCounts()


class RejectionSummary:
    """Counts rejections and logs one entry per problem and period. Belongs to one event loop."""

    def __init__(self, event: str = "requests_rejected", label: str = "code") -> None:
        """Create an empty summary.

        Args:
            event: the name of the entries.
            label: the field that has what they count.
        """
        self._event = event
        self._label = label
        self._by_code: defaultdict[str, _Rejections] = defaultdict(_Rejections)

    def record(self, code: str, address: str, reason: str | None = None) -> None:
        """Count a rejection.

        Args:
            code: the problem's code, or the reason to reject a connection.
            address: the client's address.
            reason: a more specific reason, from a small fixed set.
        """
        rejections = self._by_code[code]
        rejections.last = datetime.now(UTC)
        rejections.count += 1
        if reason is not None:
            rejections.reasons[reason] += 1
        rejections.addresses.add(address)

    async def run(self) -> None:
        """Call `flush` once per period until cancelled, and once more when cancelled."""
        await flush_periodically(self.flush, PERIOD_SECONDS)

    def flush(self) -> None:
        """Log the rejections since the last call, with one entry per code."""
        by_code, self._by_code = self._by_code, defaultdict(_Rejections)
        for code, rejections in sorted(by_code.items()):
            reasons = {"reasons": dict(sorted(rejections.reasons.items()))}
            log.warning(
                self._event,
                **{self._label: code},
                count=rejections.count,
                first=rejections.first.isoformat(),
                last=rejections.last.isoformat(),
                **(reasons if rejections.reasons else {}),
                **rejections.addresses.fields(),
            )
