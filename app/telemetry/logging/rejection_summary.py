"""Requests of strangers that were refused, told to the log together, once in a while.

Nobody had to prove anything to be refused: who sends many such requests must be able neither to
fill a disk nor to make the log costly.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import anyio
import structlog


log = structlog.get_logger(__name__)

PERIOD_SECONDS: Final = 60.0
"""How long refusals are gathered for one entry of each kind."""
MAX_ADDRESSES: Final = 1000
"""How many addresses are told apart in a period; an IPv6 client has any number of them."""
MAX_LOGGED_ADDRESSES: Final = 5
"""How many of them are named, those that were refused most."""


class _Rejections:
    """What was refused in one way."""

    def __init__(self) -> None:
        self.count = 0
        self.reasons: Counter[str] = Counter()
        self.addresses: Counter[str] = Counter()


class RejectionSummary:
    """Gathers refusals. Belongs to one event loop."""

    def __init__(self) -> None:
        self._by_code: dict[str, _Rejections] = {}

    def record(self, code: str, address: str, reason: str | None = None) -> None:
        """Gather one.

        Args:
            code: of the problem that was answered.
            address: of the client.
            reason: what tells more than the code, one of a few words.
        """
        refused = self._by_code.get(code)
        if refused is None:
            refused = self._by_code[code] = _Rejections()
        refused.count += 1
        if reason is not None:
            refused.reasons[reason] += 1
        if address in refused.addresses or len(refused.addresses) < MAX_ADDRESSES:
            refused.addresses[address] += 1

    async def run(self) -> None:
        """Tell the log, as often as it is to be told, and once more at the end."""
        try:
            while True:
                await anyio.sleep(PERIOD_SECONDS)
                self.flush()
        finally:
            self.flush()

    def flush(self) -> None:
        """Tell the log what was refused since it was last told, one entry for each code."""
        told, self._by_code = self._by_code, {}
        for code, refused in sorted(told.items()):
            log.warning(
                "requests_refused",
                code=code,
                count=refused.count,
                **({"reasons": dict(sorted(refused.reasons.items()))} if refused.reasons else {}),
                addresses=len(refused.addresses),
                most=dict(refused.addresses.most_common(MAX_LOGGED_ADDRESSES)),
            )
