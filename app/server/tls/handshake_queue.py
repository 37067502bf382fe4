"""The queue of TLS handshakes: they share a part of one processor, fairly by network.

How it works: a client's ClientHello waits here, unread by OpenSSL. Handshakes start one after the
other; after each step, which OpenSSL computes at once, the next one waits until all steps so far
are `PROCESSOR_SHARE` of the time. Networks take turns; every second turn goes to one from which a
credential was accepted, if one waits. The signature with the server's key makes up most of a
handshake's cost: some 0.3 ms with P-256, 5 ms with RSA of 4096 bits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final


PROCESSOR_SHARE: Final = 0.25
"""The part of one processor that handshakes may use, over time."""


class HandshakeQueue:
    """Handshakes that wait for their turn. Belongs to one event loop."""

    def __init__(self, is_verified: Callable[[str], bool]) -> None:
        """Create an empty queue.

        Args:
            is_verified: returns whether a credential was accepted from a network.
        """
        self._is_verified = is_verified
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._free_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._prefers_verified = False

    def turn(self, network: str) -> asyncio.Future[None]:
        """Return a future that is done when a handshake may start; cancel it to give it up."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(network, deque()).append(future)
        self._schedule()
        return future

    def spend(self, seconds: float) -> None:
        """Count the time that a step of a handshake took."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + seconds / PROCESSOR_SHARE

    def _schedule(self) -> None:
        if self._timer is None and self._waiting:
            self._timer = asyncio.get_running_loop().call_at(self._free_at, self._start_next)

    def _start_next(self) -> None:
        self._timer = None
        if self._free_at <= asyncio.get_running_loop().time():  # not spent meanwhile
            future = self._next()
            if future is not None:
                future.set_result(None)
        self._schedule()

    def _next(self) -> asyncio.Future[None] | None:
        """Remove and return the next future that is not cancelled."""
        self._prefers_verified = not self._prefers_verified
        while self._waiting:
            network = next(iter(self._waiting))
            if self._prefers_verified:
                network = next(filter(self._is_verified, self._waiting), network)
            futures = self._waiting[network]
            future = futures.popleft()
            if futures:
                self._waiting.move_to_end(network)
            else:
                del self._waiting[network]
            if not future.done():
                return future
        return None
