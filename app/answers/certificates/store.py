r"""The certificates of this host in `LocalMachine\My`, read rarely, in a thread, with a timeout.

A store may be on a smart card or in a service that hangs. A read that does not end in time is
abandoned with its thread, and no other read begins until it has ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Final

import anyio
import structlog

from app.answers.certificates.decoding import Decoded, decode
from app.answers.certificates.names import StoreState
from app.files.daemon_threads import start_daemon
from bindings.call_notes import NOTES
from bindings.certificates import find_certificates
from bindings.errors import EngineError, NotSupported
from bindings.library import Library


log = structlog.get_logger(__name__)

RESOURCE: Final = "certificates"
"""The name in the notes of reads under way (`bindings.call_notes`)."""

LIFETIME_SECONDS: Final = 60.0
"""How long the result of a read is kept, even if it is an error."""
READ_SECONDS: Final = 5.0
"""Maximum duration of a read."""


@dataclass(frozen=True, slots=True)
class StoreContents:
    """The result of a read of the store.

    Attributes:
        state: whether the store could be read.
        certificates: by thumbprint, those that were looked up and found; None for one that cannot
            be decoded.
        reason: why the store is unreadable; empty otherwise.
    """

    state: StoreState
    certificates: Mapping[bytes, Decoded | None] = field(
        default_factory=lambda: MappingProxyType({})
    )
    reason: str = ""


def read_store(library: Library, thumbprints: Collection[bytes]) -> StoreContents:
    """Look up certificates by their thumbprints and decode them. Never raises an `EngineError`."""
    try:
        with NOTES.reading(RESOURCE):
            found = find_certificates(library, thumbprints)
    except NotSupported:
        return StoreContents(StoreState.NONE)
    except EngineError as error:
        return StoreContents(StoreState.UNREADABLE, reason=str(error))
    decoded = {key: None if der is None else decode(der) for key, der in found.items()}
    return StoreContents(StoreState.READABLE, decoded)


class CertificateStore:
    """Reads the store, and keeps the result for a time. Belongs to one event loop."""

    def __init__(self, library: Library, clock: Callable[[], float] = time.monotonic) -> None:
        """Create it; the first look-up reads the store.

        Args:
            library: the engine's library.
            clock: a monotonic clock, in seconds.
        """
        self._read: Final = partial(read_store, library)
        self._clock = clock
        self._contents = StoreContents(StoreState.NONE)
        self._asked: frozenset[bytes] = frozenset()
        self._expires = float("-inf")
        self._reading: Future[StoreContents] | None = None
        self._began = float("-inf")

    async def look_up(self, thumbprints: frozenset[bytes]) -> StoreContents:
        """Return the contents, which are at most `LIFETIME_SECONDS` old.

        Args:
            thumbprints: the certificates to find; those that the last read did not look up
                cause a new read.
        """
        if self._clock() >= self._expires or not thumbprints <= self._asked:
            before, self._contents = self._contents, await self._read_in_time(thumbprints)
            self._asked, self._expires = thumbprints, self._clock() + LIFETIME_SECONDS
            if self._contents.reason and self._contents.reason != before.reason:
                log.warning("certificate_store_unreadable", reason=self._contents.reason)
        return self._contents

    async def _read_in_time(self, thumbprints: frozenset[bytes]) -> StoreContents:
        """Read the store once an earlier read, whose request may be gone, has ended."""
        late = StoreContents(StoreState.UNREADABLE, reason=f"no answer within {READ_SECONDS:g} s")
        if self._reading is not None and not await self._ends_in_time(self._reading):
            return late
        reading = self._reading = start_daemon(self._read, sorted(thumbprints))
        self._began = self._clock()
        try:
            return reading.result() if await self._ends_in_time(reading) else late
        except OSError as error:  # no thread could be started
            return StoreContents(StoreState.UNREADABLE, reason=f"{error.strerror}")

    async def _ends_in_time(self, reading: Future[StoreContents]) -> bool:
        """Wait for a read until it has lasted `READ_SECONDS`; return whether it has ended."""
        left = self._began + READ_SECONDS - self._clock()
        with anyio.move_on_after(max(left, 0)), suppress(Exception):
            await asyncio.wrap_future(reading)
        return reading.done()
