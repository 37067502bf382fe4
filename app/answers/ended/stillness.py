"""For how long the bytes of connections have stood still, found by comparing samples.

A connection counts the bytes between two endpoints in one mode (`app.resources.connections`). SA
contexts have no counts of their own, so their idleness is that of their connection.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from app.repository.snapshot.model import Snapshot
from app.resources.wfp.endpoints import ends_of


_START: Final = b'"bytesTransferredIn":'
_END: Final = b',"startSysTime":'
"""What precedes the byte counts in a connection's JSON, and what follows them.

Quotes inside JSON strings are escaped, so these bytes occur only as member names.
"""

Endpoints = tuple[bytes, bytes, str]
"""The packed local and remote address, and the mode (`TrafficType`)."""


class _Still(NamedTuple):
    """The byte counts of all connections of the same endpoints.

    Attributes:
        digest: a hash of the counts.
        since: when they were first seen, in seconds.
    """

    digest: int
    since: float


class Stillness:
    """The byte counts at the last sample, and since when they are the same.

    Endpoints without a connection are forgotten at the second sample that lacks them, because a
    context may be reported as deleted after its connection.
    """

    def __init__(self, max_gap_seconds: float) -> None:
        """Start without samples.

        Args:
            max_gap_seconds: the maximum time between two samples; after a longer gap, what was
                known before does not count.
        """
        self._max_gap_seconds = max_gap_seconds
        self._sampled = float("-inf")
        self._current: dict[Endpoints, _Still] = {}
        self._gone: dict[Endpoints, _Still] = {}

    def add_sample(self, snapshot: Snapshot, seconds: float) -> None:
        """Compare all connections with those of the last sample. May run in any thread."""
        digests: dict[Endpoints, int] = {}
        for position, key in enumerate(snapshot.index_keys):
            text = snapshot.blocks[position]
            counts = text[text.index(_START) : text.rindex(_END)]
            ends = ends_of(key)
            digests[ends] = hash((digests.get(ends), counts))
        before = self._current if seconds - self._sampled <= self._max_gap_seconds else {}
        current = {}
        for ends, digest in digests.items():
            still = before.get(ends)
            is_same = still is not None and still.digest == digest
            current[ends] = still if still is not None and is_same else _Still(digest, seconds)
        self._gone = {ends: still for ends, still in before.items() if ends not in current}
        self._current, self._sampled = current, seconds

    def idle_seconds(self, ends: Endpoints, seconds: float) -> float | None:
        """Return how long the bytes between two endpoints have certainly stood still.

        Return None if no connection has these endpoints, or if the last sample is too old.

        Args:
            ends: the endpoints.
            seconds: the time of the question.
        """
        sampled = self._sampled
        if seconds - sampled > self._max_gap_seconds:
            return None
        still = self._current.get(ends) or self._gone.get(ends)
        return None if still is None else max(0.0, sampled - still.since)
