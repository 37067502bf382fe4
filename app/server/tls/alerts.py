"""A client whose handshake fails is told why, which asyncio does not do by itself.

It drops the connection the moment that OpenSSL refuses to go on, and with it the alert that OpenSSL
had ready (RFC 8446, 6.2); all that a client without a certificate would see is an end. Here the
failure looks like a handshake that waits for more: asyncio sends what there is, and what comes from
the client is not looked at any more.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextvars import ContextVar
from typing import cast


on_failure: ContextVar[Callable[[ssl.SSLError], None]] = ContextVar("on_failure")
"""What is told of a failure, once; to be set in the task that begins the handshake."""


class AlertFlushingSslObject(ssl.SSLObject):
    """One end of a connection."""

    incoming: ssl.MemoryBIO
    on_failure: Callable[[ssl.SSLError], None]
    has_failed = False

    def do_handshake(self) -> None:
        """Go on with the handshake; after a failure, for ever.

        Raises:
            SSLWantReadError: more must come from the other end.
        """
        if not self.has_failed:
            try:
                super().do_handshake()
            except ssl.SSLWantReadError:
                raise
            except ssl.SSLError as error:
                self.has_failed = True
                self.on_failure(error)
            else:
                return
        self.incoming.read()
        raise ssl.SSLWantReadError


class AlertFlushingSslContext(ssl.SSLContext):
    """A context whose connections tell why they fail."""

    sslobject_class = AlertFlushingSslObject

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """One end of a connection; asyncio calls this when a handshake begins."""
        wrapped = cast(
            AlertFlushingSslObject,
            super().wrap_bio(incoming, outgoing, server_side, server_hostname, session),
        )
        wrapped.incoming = incoming
        wrapped.on_failure = on_failure.get()
        return wrapped
