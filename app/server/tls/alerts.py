"""TLS alerts that reach the client when its handshake fails.

asyncio closes the connection as soon as OpenSSL reports the failure, and drops the alert that
OpenSSL has queued (RFC 8446, 6.2). A client without a certificate would only see the connection
end. Here, a failed handshake asks asyncio for more input: asyncio then sends the alert, and further
input is discarded.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextvars import ContextVar
from typing import cast


on_failure: ContextVar[Callable[[ssl.SSLError], None]] = ContextVar("on_failure")
"""Called once with the error of a failed handshake; set in the task that starts the handshake."""


class AlertFlushingSslObject(ssl.SSLObject):
    """An SSL object that keeps a failed handshake open until its alert is sent."""

    incoming: ssl.MemoryBIO
    on_failure: Callable[[ssl.SSLError], None]
    has_failed = False

    def do_handshake(self) -> None:
        """Continue the handshake; after a failure, report it once and discard all input.

        Raises:
            SSLWantReadError: the handshake needs more input, or has failed.
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
    """A context that wraps connections in `AlertFlushingSslObject`."""

    sslobject_class = AlertFlushingSslObject

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Create the SSL object of a connection; asyncio calls this when a handshake starts."""
        wrapped = cast(
            AlertFlushingSslObject,
            super().wrap_bio(incoming, outgoing, server_side, server_hostname, session),
        )
        wrapped.incoming = incoming
        wrapped.on_failure = on_failure.get()
        return wrapped
