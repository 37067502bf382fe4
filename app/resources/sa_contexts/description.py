"""What the index key of a context that has ended still says about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from app.repository.query.filters import Key
from app.resources.sa_contexts.index import reader
from app.resources.sa_contexts.suites import SUITES
from app.resources.wfp.addresses import address_text
from app.resources.wfp.references import main_mode_id


_FIELDS: Final = reader("suite", "local", "remote", "mm_sa_id")
_NAMES: Final = reader("names_start", "names_end")


class Direction(NamedTuple):
    """One direction of a context.

    Attributes:
        local: the packed local address in network order; empty if the engine reported none.
        remote: the packed remote address, in the same form.
        traffic_type: the mode, as a value of `TrafficType`.
        mm_sa_id: the id of the main mode SA; 0 if it is not set.
    """

    local: bytes
    remote: bytes
    traffic_type: str
    mm_sa_id: int


def directions_of(key: Key) -> list[Direction]:
    """Return the directions of a context: inbound, then outbound; those that it has.

    Args:
        key: the index key of the context; empty: it is unknown.
    """
    directions = [
        Direction(local, remote, SUITES[suite].traffic_type[0], mm_sa_id)
        for suite, local, remote, mm_sa_id in (_FIELDS(key) if key else ())
    ]
    return list(dict.fromkeys(directions))  # a bundle with many SPIs has several records


def packed_names_of(key: Key) -> bytes:
    """Return the packed names of all directions (`app.resources.wfp.indexed_names`)."""
    slices = dict.fromkeys(_NAMES(key)) if key else ()
    return b"".join([key[start:end] for start, end in slices])


def description_of(directions: Sequence[Direction]) -> bytes:
    """Return the members of `SaContextDeleted` that describe the context, without braces.

    They are those of the outbound SA or, if there is none, the inbound SA. If there is neither,
    they are null, and the mode is absent, which is no nullable word: Java's generated clients
    reject null.
    """
    local, remote, traffic_type, mm_sa_id = directions[-1] if directions else (b"", b"", None, 0)
    members = {
        "localAddress": address_text(local or None),
        "remoteAddress": address_text(remote or None),
        **({} if traffic_type is None else {"trafficType": traffic_type}),
        "mmSaId": main_mode_id(mm_sa_id),
    }
    return orjson.dumps(members)[1:-1]
