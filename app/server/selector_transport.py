"""Corrections of asyncio's transports: they read too much at a time, and may end twice."""

from __future__ import annotations

from asyncio.selector_events import _SelectorTransport  # type: ignore[attr-defined]  # not in typeshed
from asyncio.sslproto import SSLProtocol
from functools import cache
from typing import Any, Final


RECEIVE_BYTES: Final = 32 << 10
"""How much to read from a connection at a time: more than the largest request.

asyncio reads 256 KiB. So much would be parsed before the next caller's turn, and each connection
with TLS has a buffer of this size.
"""


def read_little_at_a_time() -> None:
    """Make new connections read `RECEIVE_BYTES` at a time; Windows' Proactor loop reads 64 KiB."""
    _SelectorTransport.max_size = SSLProtocol.max_size = RECEIVE_BYTES


@cache
def end_connections_once() -> None:
    """Make the end of a connection that has ended do nothing; call this before the first one.

    If the client resets a connection while the rest of its response is being sent, asyncio's TLS
    writes from `resume_writing`, the write fails, and the transport ends the connection both at
    once and in the next turn of the loop, where it raises AttributeError
    (https://github.com/python/cpython/issues/156512). Windows' Proactor loop checks this itself.
    """
    end = _SelectorTransport._call_connection_lost  # noqa: SLF001

    def end_once(transport: Any, error: Exception | None) -> None:
        if transport._sock is not None:  # noqa: SLF001
            end(transport, error)

    _SelectorTransport._call_connection_lost = end_once  # noqa: SLF001
