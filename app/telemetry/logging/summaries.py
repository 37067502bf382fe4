"""What periodic log summaries share: when they are logged, and the addresses that they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import anyio


MAX_ADDRESSES: Final = 1000
"""Maximum number of addresses counted per entry and period: an IPv6 client may use very many."""
MAX_LOGGED_ADDRESSES: Final = 5
"""Number of addresses listed in an entry: the most frequent ones."""


class AddressCounts:
    """How often each address occurred in a period, for a bounded number of addresses."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, address: str) -> None:
        """Count an address, unless it is new and there are `MAX_ADDRESSES` already."""
        if address in self._counts or len(self._counts) < MAX_ADDRESSES:
            self._counts[address] += 1

    def fields(self) -> dict[str, Any]:
        """Return the fields of an entry: the number of addresses, and the most frequent ones."""
        return {
            "addresses": len(self._counts),
            "top_addresses": dict(self._counts.most_common(MAX_LOGGED_ADDRESSES)),
        }


async def flush_periodically(flush: Callable[[], None], seconds: float) -> None:
    """Call `flush` once per period until cancelled, and once more when cancelled."""
    try:
        while True:
            await anyio.sleep(seconds)
            flush()
    finally:
        flush()
