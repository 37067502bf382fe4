"""Index keys: the packed fields of a context that filters compare.

A key usually has one record of fixed size for each direction of a context. A hundred thousand
keys need little memory and can be scanned quickly.
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

    If the context has no SA, because it is half-built or expired, the key is empty.
    """
    return b"".join(
        [
            _records(details, baseline)
            for details in (context.inbound_sa, context.outbound_sa)
            if details is not None
        ]
    )


unpack_records = _RECORD.iter_unpack
"""Yield the records of a key. The fields of a record are, in this order:

- the suite's number in `suites.SUITES`
- the length of the local address: 4, 16, or 0 if the address is absent
- the local address, packed in network order and padded with zeros to 16 bytes
- the length of the remote address, and the remote address, in the same form
- the main mode SA's id; 0 if it is not set
- whether the quick mode filter's id is known; structs of generation 0 lack it
- the quick mode filter's id; 0 if it is unknown
- the number of SPIs, at most 2
- two SPIs, with 0 in place of an absent one
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
    for first, second in pairwise(spis[1:]):  # more than two SPIs, which no bundle should have
        packed += _RECORD.pack(*fixed, 2, first, second)
    return packed
