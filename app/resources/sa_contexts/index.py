"""Index keys: the fields of a context that filters compare, packed.

A key has one fixed-size record for each SA of a context, so that a hundred thousand keys
need little memory and are scanned quickly.
"""

from __future__ import annotations

from itertools import pairwise
from struct import Struct
from typing import Final

from app.repository.query.filters import Key
from app.resources.sa_contexts.suites import suite_of
from app.schemas.names import Baseline
from bindings.records import SaContext, SaDetails


_RECORD: Final = Struct("<IB16sB16sQ?QBII")


def index_key(context: SaContext, baseline: Baseline) -> Key:
    """Return the index key of a context, with its weaknesses judged against a baseline.

    The key is empty for a context without an SA (half-built or expired).
    """
    return b"".join(
        [
            _records(details, baseline)
            for details in (context.inbound_sa, context.outbound_sa)
            if details is not None
        ]
    )


unpack_records = _RECORD.iter_unpack
"""Yield the records of a key, each a tuple of:

the suite's number in `suites.SUITES`; the length of the local address (4, 16, or 0 if absent)
and the address, packed in network order and padded with zeros to 16 bytes; the length and the
remote address likewise; the main mode SA's id; whether the quick mode filter's id is known
(structs of generation 0 lack it) and this id or 0; how many of the two SPIs that follow are
present.
"""


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
    for first, second in pairwise(spis[1:]):  # no bundle should have more than two
        packed += _RECORD.pack(*fixed, 2, first, second)
    return packed
