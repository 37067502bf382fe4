"""Recent failures by peer: what failed in the last hour, in bounded memory.

Anyone who can send a packet can make IKE fail, from any source address. So addresses that are known
by failures alone have a maximum, and at the maximum, only one of them is evicted, never the
failures of a peer with SAs.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import orjson

from app.answers.peers.parts import PeerKey
from app.resources.net_events.buffer import BufferedEvent
from app.resources.net_events.names import FailureFlag, NetEventType


RECENT: Final = timedelta(hours=1)
"""How long a failure counts as recent."""
EXPIRY_SECONDS: Final = 5
"""How often failures are searched for old ones, which takes a millisecond for a thousand peers."""
MAX_UNKNOWN: Final = 1000
"""Maximum number of addresses that are known by failures alone."""
MAX_CODES: Final = 16
"""Maximum number of different codes per peer; the one that is longest ago is evicted."""


_NEGOTIATIONS: Final = {
    NetEventType.IKE_MAIN_MODE_FAILURE: "ikeMmFailure",
    NetEventType.IKE_QUICK_MODE_FAILURE: "ikeQmFailure",
    NetEventType.IKE_EXTENDED_MODE_FAILURE: "ikeEmFailure",
}
"""By type of failed negotiation: the member of an event that describes it."""


class Failure(NamedTuple):
    """A failure of a negotiation, or a dropped packet.

    Attributes:
        code: the Win32 code or NTSTATUS, as an unsigned number.
        name: its name; None if it has none.
        at: the time of the failure.
        is_fatal: whether a negotiation failed, and not as IKE expected.
    """

    code: int
    name: str | None
    at: datetime
    is_fatal: bool


def reported_failure(event: BufferedEvent, now: datetime) -> Failure | None:
    """Return the failure that a net event reports; None if it reports none."""
    shown = orjson.loads(event.json)
    error = shown["error"]
    if error is None:
        return None
    details = shown.get(_NEGOTIATIONS.get(event.type, ""), {})
    is_benign = FailureFlag.BENIGN in details.get("flags", {}).get("names", ())
    is_fatal = event.type in _NEGOTIATIONS and not is_benign
    return Failure(error["code"], error["name"], min(event.time, now), is_fatal)


class FailureCount(NamedTuple):
    """The failures of one peer with one code, none more than an hour after the one before.

    Attributes:
        name: the code's name; None if it has none.
        times: the number of failures.
        oldest: the time of the first one.
        newest: the time of the last one.
    """

    name: str | None
    times: int
    oldest: datetime
    newest: datetime


class PeerFailures(NamedTuple):
    """The failures of one peer since the last `expire`; immutable, so snapshots can share them.

    Attributes:
        codes: the counts by code; the code that failed last is last.
        newest: the time of the last failure.
        failed_at: when a negotiation last failed; None: never.
    """

    codes: Mapping[int, FailureCount]
    newest: datetime
    failed_at: datetime | None

    def with_failure(self, failure: Failure) -> PeerFailures:
        """Return these failures and one more."""
        code, name, at, is_fatal = failure
        codes = dict(self.codes)
        old = codes.pop(code, None)
        if old is None or at - old.newest > RECENT:
            codes[code] = FailureCount(name, 1, at, at)
            if len(codes) > MAX_CODES:
                del codes[next(iter(codes))]
        else:
            codes[code] = FailureCount(name, old.times + 1, old.oldest, max(old.newest, at))
        failed_at = max(self.failed_at or at, at) if is_fatal else self.failed_at
        return PeerFailures(codes, max(self.newest, at), failed_at)

    def without_old(self, now: datetime) -> PeerFailures | None:
        """Return the recent failures, this object if it has no others; None if none is recent."""
        earliest = now - RECENT
        if self.newest < earliest:
            return None
        codes = {code: each for code, each in self.codes.items() if each.newest >= earliest}
        is_failing = self.failed_at is not None and self.failed_at >= earliest
        failed_at = self.failed_at if is_failing else None
        if len(codes) == len(self.codes) and failed_at is self.failed_at:
            return self
        return PeerFailures(codes, self.newest, failed_at)

    def recent(self) -> list[tuple[int, FailureCount]]:
        """Return the counts by code, the code that failed last first."""
        return sorted(self.codes.items(), key=lambda item: (item[1].newest, item[0]), reverse=True)

    @property
    def is_failing(self) -> bool:
        """Whether a negotiation failed recently."""
        return self.failed_at is not None


class RecentFailures:
    """The recent failures of all peers. Belongs to one event loop.

    Attributes:
        known: the failures of peers that have SAs or are expected.
        unknown: the failures of other addresses, at most `MAX_UNKNOWN`; the one that failed
            longest ago is first.
    """

    def __init__(self) -> None:
        self.known: dict[PeerKey, PeerFailures] = {}
        self.unknown: OrderedDict[PeerKey, PeerFailures] = OrderedDict()
        self._expired_at: datetime | None = None

    def get(self, peer: PeerKey) -> PeerFailures | None:
        """Return the failures of a peer; None if there are none."""
        return self.known.get(peer) or self.unknown.get(peer)

    def all(self) -> dict[PeerKey, PeerFailures]:
        """Return a copy: the failures by peer."""
        return {**self.unknown, **self.known}

    def add(self, peer: PeerKey, failure: Failure, *, is_known: bool) -> list[PeerKey]:
        """Count a failure; return the peers whose failures changed, evicted ones included.

        Args:
            peer: the peer.
            failure: the failure.
            is_known: whether the peer has SAs or is expected.
        """
        if not is_known and not failure.is_fatal and peer not in self.unknown:
            return []  # alone, it makes no peer known
        kept = self.known if is_known else self.unknown
        before = kept.get(peer) or PeerFailures({}, failure.at, None)
        kept[peer] = before.with_failure(failure)
        if is_known:
            return [peer]
        self.unknown.move_to_end(peer)
        return [peer, *self._evicted()]

    def set_known(self, peer: PeerKey, *, is_known: bool) -> list[PeerKey]:
        """Follow a peer that got its first SA or lost its last one; return evicted peers."""
        if is_known:
            if peer in self.unknown:
                self.known[peer] = self.unknown.pop(peer)
        elif peer in self.known:
            self.unknown[peer] = self.known.pop(peer)
        return self._evicted()

    def expire(self, now: datetime) -> list[PeerKey]:
        """Drop what is no longer recent; return the peers that are affected.

        Return nothing if the last call was less than `EXPIRY_SECONDS` ago.
        """
        affected: list[PeerKey] = []
        if self._expired_at is not None:
            seconds = (now - self._expired_at).total_seconds()
            if 0 <= seconds < EXPIRY_SECONDS:  # the clock may have been set back
                return affected
        self._expired_at = now
        for kept in (self.known, self.unknown):
            for peer, failures in [*kept.items()]:
                recent = failures.without_old(now)
                if recent is None:
                    del kept[peer]
                elif recent is not failures:
                    kept[peer] = recent
                if recent is not failures:
                    affected.append(peer)
        return affected

    def clear(self) -> list[PeerKey]:
        """Forget everything; return the peers that had failures."""
        affected = [*self.all()]
        self.known.clear()
        self.unknown.clear()
        return affected

    def _evicted(self) -> list[PeerKey]:
        evicted = []
        while len(self.unknown) > MAX_UNKNOWN:
            evicted.append(self.unknown.popitem(last=False)[0])
        return evicted
