"""Move the simulated SA contexts and main mode SAs of this process to a given number of peers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

from sa_contexts_simulator import LIBRARY, Simulator

from bindings._fwpuclnt import ffi
from bindings.library import Library
from bindings.session import Session


V4_NETWORK = 10 << 24
V6_NETWORK = bytes.fromhex("fd0000000000000000000000")
V6 = 1
"""FWP_IP_VERSION_V6."""


def concentrate(peers: int) -> None:
    """Give the contexts the remote addresses of this many peers.

    Each object keeps its IP version, so the peers of a version have the contexts of that version,
    in turn. Main mode SAs get the addresses of the same peers.
    """
    simulator = Simulator(LIBRARY)
    contexts = {False: 0, True: 0}

    def tally(context: Any) -> None:
        for details in _details_of(context)[:1]:
            contexts[_is_v6(details.traffic)] += 1

    with Session(Library(LIBRARY)) as session:
        _visit(session, "IPsecSaContext", "IPsecSaContextEnum1", "IPSEC_SA_CONTEXT1", tally)
        v6_peers = round(peers * contexts[True] / sum(contexts.values()))
        numbers = {False: cycle(range(peers - v6_peers)), True: cycle(range(v6_peers))}

        def move(context: Any) -> None:
            details = _details_of(context)
            if details:
                number = next(numbers[_is_v6(details[0].traffic)])
                for each in details:
                    _set_remote(each.traffic, number)
                simulator.put(int(ffi.cast("uintptr_t", context)))

        def move_ike_sa(sa: Any) -> None:
            _set_remote(sa.ikeTraffic, next(numbers[_is_v6(sa.ikeTraffic)]))
            simulator.put_ike_sa(int(ffi.cast("uintptr_t", sa)))

        _visit(session, "IPsecSaContext", "IPsecSaContextEnum1", "IPSEC_SA_CONTEXT1", move)
        _visit(session, "IkeextSa", "IkeextSaEnum2", "IKEEXT_SA_DETAILS2", move_ike_sa)


def _visit(
    session: Session, prefix: str, enumerate_: str, struct: str, visit: Callable[[Any], None]
) -> None:
    """Call `visit` with all objects of one kind, which are freed afterwards."""
    handle, returned = ffi.new("HANDLE *"), ffi.new("UINT32 *")
    session.call(f"{prefix}CreateEnumHandle0", ffi.NULL, handle)
    with session.result(f"{struct} ***") as entries:
        session.call(enumerate_, handle[0], 0xFFFFFFFF, entries, returned)
        for position in range(returned[0]):
            visit(entries[0][position])
    session.call(f"{prefix}DestroyEnumHandle0", handle[0])


def _details_of(context: Any) -> list[Any]:
    return [each for each in (context.inboundSa, context.outboundSa) if each]


def _is_v6(traffic: Any) -> bool:
    return int(traffic.ipVersion) == V6


def _set_remote(traffic: Any, number: int) -> None:
    if _is_v6(traffic):
        traffic.remoteV6Address = [*V6_NETWORK, *number.to_bytes(4)]
    else:
        traffic.remoteV4Address = V4_NETWORK + number
