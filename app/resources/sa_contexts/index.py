"""What lists look at: the part of a context that filters compare, packed.

A key has one record for each SA of a context, of a fixed size, so that a
hundred thousand of them cost little memory and are walked through quickly.
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
    """The key of a context, whose weaknesses are judged against a baseline.

    It has a record for each SA; it is empty where there is none (yet, or any more).
    """
    return b"".join(
        [
            _records(details, baseline)
            for details in (context.inbound_sa, context.outbound_sa)
            if details is not None
        ]
    )


unpack_records = _RECORD.iter_unpack
"""The records of a key, one after another, each as a tuple:

the number of its suite in `suites.SUITES`; the length of the local address (4, 16,
or 0 where there is none) and the address itself, packed in network order and filled up with
zeros; the same for the remote address; the main mode SA's id; whether there is a quick mode
filter's id, which an engine of generation 0 does not tell, and this id or 0; how many of the two
SPIs that follow there are.
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
    for one, other in pairwise(spis[1:]):  # no bundle should have more than two
        packed += _RECORD.pack(*fixed, 2, one, other)
    return packed
