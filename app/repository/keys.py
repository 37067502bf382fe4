"""What lists look at: the part of a context that filters compare, packed.

A key has one record for each SA of a context, of a fixed size, so that a
hundred thousand of them cost little memory and are walked through quickly.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import Final, NamedTuple

from app.encoding.suites import suite_of
from app.schemas.names import Baseline
from bindings.records import SaContext, SaDetails


_RECORD: Final = Struct("<IB16sB16sQ?QBII")

Key = bytes
"""The records of a context's SAs; empty where it has none (yet, or any more)."""


class SaKey(NamedTuple):
    """What filters compare of one direction.

    Attributes:
        suite: its number in `app.encoding.suites.SUITES`.
        local_length: bytes of the local address: 4, 16, or 0 where there is none.
        local: the local address, packed in network order, filled up with zeros.
        remote_length: the same for the remote address.
        remote: the same.
        mm_sa_id: the main mode SA's id.
        has_qm_filter_id: False where the engine's generation has no such field.
        qm_filter_id: the quick mode filter's id, or 0.
        spi_count: how many of the next two there are.
        first_spi: the SPI of the first SA of the bundle.
        second_spi: of the second.
    """

    suite: int
    local_length: int
    local: bytes
    remote_length: int
    remote: bytes
    mm_sa_id: int
    has_qm_filter_id: bool
    qm_filter_id: int
    spi_count: int
    first_spi: int
    second_spi: int


def key_of(context: SaContext, baseline: Baseline) -> Key:
    """The key of a context, whose weaknesses are judged against a baseline."""
    return b"".join(
        [
            _records(details, baseline)
            for details in (context.inbound_sa, context.outbound_sa)
            if details is not None
        ]
    )


def sa_keys(key: Key) -> list[SaKey]:
    """The records of a key."""
    return [SaKey(*fields) for fields in _RECORD.iter_unpack(key)]


unpack_records = _RECORD.iter_unpack
"""The same as plain tuples, one after another."""


def _records(details: SaDetails, baseline: Baseline) -> bytes:
    traffic, bundle = details.traffic, details.sa_bundle
    local, remote = traffic.local_address or b"", traffic.remote_address or b""
    qm_filter_id = bundle.qm_filter_id
    fixed = (
        suite_of(details, baseline),
        len(local),
        local,
        len(remote),
        remote,
        bundle.mm_sa_id,
        qm_filter_id is not None,
        qm_filter_id or 0,
    )
    spis = [sa.spi for sa in bundle.sa_list]
    first, second = (*spis[:2], 0, 0)[:2]
    packed = _RECORD.pack(*fixed, min(len(spis), 2), first, second)
    for one, other in pairwise(spis[1:]):  # no bundle should have more than two
        packed += _RECORD.pack(*fixed, 2, one, other)
    return packed
