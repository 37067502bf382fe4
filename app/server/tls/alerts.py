"""TLS alerts that reach the client when its handshake fails.

asyncio closes the connection as soon as OpenSSL reports the failure, and drops the alert that
OpenSSL has queued (RFC 8446, 6.2). A client without a certificate would only see the connection
end. Here, a failed handshake asks asyncio for more input: asyncio then sends the alert, and further
input is discarded.

The context also feeds what was received before the handshake starts, and reports its cost.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable
from contextvars import ContextVar
from time import perf_counter, thread_time
from typing import Final, NamedTuple, cast


_clock: Final = perf_counter if sys.platform == "win32" else thread_time
"""Windows counts a thread's processor time in ticks of 15.6 ms (GetThreadTimes)."""


class Handshake(NamedTuple):
    """A handshake that starts.

    Attributes:
        received: what the client has sent so far.
        on_failure: called once with the error if it fails.
        on_step: called with the processor seconds of each step.
    """

    received: bytes
    on_failure: Callable[[ssl.SSLError], None]
    on_step: Callable[[float], None]


starting: ContextVar[Handshake] = ContextVar("starting")
"""Set it in the task that starts a handshake."""


class AlertFlushingSslObject(ssl.SSLObject):
    """An SSL object that keeps a failed handshake open until its alert is sent."""

    incoming: ssl.MemoryBIO
    handshake: Handshake
    has_failed = False

    def do_handshake(self) -> None:
        """Continue the handshake; after a failure, report it once and discard all input.

        Raises:
            SSLWantReadError: the handshake needs more input, or has failed.
        """
        if not self.has_failed:
            began = _clock()
            try:
                super().do_handshake()
            except ssl.SSLWantReadError:
                raise
            except ssl.SSLError as error:
                self.has_failed = True
                self.handshake.on_failure(error)
            else:
                return
            finally:
                self.handshake.on_step(_clock() - began)
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
        wrapped.handshake = starting.get()
        incoming.write(wrapped.handshake.received)
        return wrapped
