"""The cost of a TLS handshake: what an unauthenticated client can have the server compute."""

from __future__ import annotations

import ssl
from statistics import median
from typing import Final

from app.server.tls import alerts


HANDSHAKES: Final = 5


def handshake_seconds(context: ssl.SSLContext) -> float:
    """Return the median time of the server's first step, which includes its signature.

    Args:
        context: the server's context.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    return median(_first_step(context, client) for _ in range(HANDSHAKES))


def _first_step(context: ssl.SSLContext, client: ssl.SSLContext) -> float:
    unread, hello = ssl.MemoryBIO(), ssl.MemoryBIO()
    _step(client.wrap_bio(unread, hello))
    seconds: list[float] = []
    alerts.starting.set(alerts.Handshake(hello.read(), lambda _error: None, seconds.append))
    _step(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_side=True))
    return seconds[0]


def _step(side: ssl.SSLObject) -> None:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return
