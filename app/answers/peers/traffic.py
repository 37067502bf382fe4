"""The bytes that peers transfer, sampled from the snapshots of connections."""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping
from typing import Final, NamedTuple

from app.answers.peers.parts import number_of
from app.repository.snapshot.model import Snapshot
from app.resources.connections.kind import MONITORING
from app.resources.wfp.endpoints import remote_of_ends
from app.schemas.names import Monitoring


_BYTES: Final = re.compile(rb'"bytesTransferredIn":"(\d+)","bytesTransferredOut":"(\d+)",')
"""The counts in the JSON of a connection, in which no name can contain a quotation mark."""


class Traffic(NamedTuple):
    """The bytes of the current connections of one peer.

    Attributes:
        inbound: bytes since the connections began.
        outbound: bytes since the connections began.
        inbound_rate: bytes per second between the last two samples; None before the second one.
        outbound_rate: bytes per second between the last two samples; None before the second one.
    """

    inbound: int
    outbound: int
    inbound_rate: int | None
    outbound_rate: int | None

    @property
    def total(self) -> int:
        """The bytes in both directions."""
        return self.inbound + self.outbound


NO_TRAFFIC: Final = Traffic(0, 0, 0, 0)


class Totals(NamedTuple):
    """The traffic of all peers: what snapshots keep of a sample.

    Attributes:
        is_counted: whether the engine counts bytes.
        peers: the traffic by the peer's number; peers without connections are missing.
    """

    is_counted: bool
    peers: Mapping[int, Traffic]

    def of(self, number: int) -> Traffic | None:
        """Return the traffic of a peer; None if the engine does not count bytes."""
        if not self.is_counted:
            return None
        return self.peers.get(number, NO_TRAFFIC)


NOT_COUNTED: Final = Totals(is_counted=False, peers={})


class Sample:
    """The traffic of all peers at the time of one snapshot of connections. Immutable.

    Attributes:
        read_at: the epoch of the connections, and when they were read, on the store's clock; None
            if they could not be read.
        ids: the ids of the connections.
        inbound: the bytes received by each.
        outbound: the bytes sent by each.
        totals: the traffic of all peers.
        positions: the positions of a peer's connections in the snapshot, by the peer's number.
    """

    def __init__(self, snapshot: Snapshot | None = None, before: Sample | None = None) -> None:
        """Take a sample. Runs in a thread, because there may be many thousand connections.

        Args:
            snapshot: the connections; None: they cannot be read.
            before: the sample before; its rates are not used if the epoch has changed.
        """
        self.read_at = None if snapshot is None else (snapshot.epoch, snapshot.started)
        self.ids: array[int] = array("Q")
        self.inbound: array[int] = array("Q")
        self.outbound: array[int] = array("Q")
        self.totals = NOT_COUNTED
        self.positions: dict[int, list[int]] = {}
        if snapshot is not None:
            peers = self._read(snapshot, before)
            monitoring = Monitoring(snapshot.annotations.get(MONITORING, Monitoring.UNKNOWN))
            if peers or monitoring is Monitoring.ON:
                self.totals = Totals(is_counted=True, peers=peers)

    def _read(self, snapshot: Snapshot, before: Sample | None) -> dict[int, Traffic]:
        last: dict[int, tuple[int, int]] = {}
        seconds = 0.0
        if before is not None and before.read_at is not None:
            epoch, started = before.read_at
            if epoch == snapshot.epoch and snapshot.started > started:
                seconds = snapshot.started - started
                counts = zip(before.inbound, before.outbound, strict=True)
                last = dict(zip(before.ids, counts, strict=True))
        totals: dict[bytes, list[int]] = {}
        for position, object_id in enumerate(snapshot.ids):
            found = _BYTES.search(snapshot.blocks[position])
            inbound, outbound = map(int, found.groups()) if found else (0, 0)
            self.ids.append(object_id)
            self.inbound.append(inbound)
            self.outbound.append(outbound)
            old_in, old_out = last.get(object_id, (0, 0))
            if inbound < old_in or outbound < old_out:
                old_in = old_out = 0  # another connection with the same id
            remote = remote_of_ends(snapshot.index_keys[position])
            total = totals.setdefault(remote, [0, 0, 0, 0])
            self.positions.setdefault(number_of(remote), []).append(position)
            total[0] += inbound
            total[1] += outbound
            if object_id in last:
                total[2] += inbound - old_in
                total[3] += outbound - old_out
        return {
            number_of(peer): Traffic(
                inbound,
                outbound,
                round(grown_in / seconds) if seconds else None,
                round(grown_out / seconds) if seconds else None,
            )
            for peer, (inbound, outbound, grown_in, grown_out) in totals.items()
            if peer
        }
