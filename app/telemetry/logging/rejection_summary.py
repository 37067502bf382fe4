"""Periodic log summaries of rejected requests, and of rejected connections.

Clients can cause rejections without a credential, so a flood of rejections must neither fill a disk
nor make logging costly.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Final

import anyio
import structlog


log = structlog.get_logger(__name__)

PERIOD_SECONDS: Final = 60.0
"""Time between summaries."""
MAX_ADDRESSES: Final = 1000
"""Maximum number of addresses counted per entry and period: an IPv6 client may use very many."""
MAX_LOGGED_ADDRESSES: Final = 5
"""Number of addresses listed in a summary: those with the most rejections."""


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
        self.addresses: Counter[str] = Counter()


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
        if address in rejections.addresses or len(rejections.addresses) < MAX_ADDRESSES:
            rejections.addresses[address] += 1

    async def run(self) -> None:
        """Call `flush` once per period until cancelled, and once more when cancelled."""
        try:
            while True:
                await anyio.sleep(PERIOD_SECONDS)
                self.flush()
        finally:
            self.flush()

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
                addresses=len(rejections.addresses),
                top_addresses=dict(rejections.addresses.most_common(MAX_LOGGED_ADDRESSES)),
            )
