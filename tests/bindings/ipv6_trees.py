"""SA contexts over IPv6, with or without a filter for an address."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi


LOCAL_ADDRESS = UUID("d9ee00de-c1ef-4617-bfe3-ffd8f5a08957")
LOCAL_ADDRESS_V6 = UUID("2381be84-7524-45b3-a05b-1e637d9c7a6a")
REMOTE_ADDRESS = UUID("b235ae9a-1d64-49b8-a44c-5ff3d9095045")
REMOTE_ADDRESS_V6 = UUID("246e1d8c-8bee-4018-9b98-31d4582f3361")
SOURCE_ADDRESS = UUID("ae96897e-2e94-4bc9-b313-b27ee80e574d")
"""FWPM_CONDITION_IP_* (fwpmu.h)."""

BYTE_ARRAY16, V6_ADDR_MASK = 11, 0x101
"""FWP_DATA_TYPE (fwptypes.h)."""


def put_context(
    simulator: Simulator,
    local: bytes,
    remote: bytes = bytes(16),
    *,
    condition: bytes | None = None,
    field: UUID = REMOTE_ADDRESS,
    prefix: int | None = None,
    match_type: int = 0,
    is_tunnel: bool = False,
    others: int = 0,
) -> int:
    """Add a context with an outbound SA, and return its id.

    Args:
        simulator: the engine.
        local: the local address, in the engine's byte order.
        remote: the remote address, in the engine's byte order.
        condition: an address that its filter requires, in network order.
        field: the field that must have that address.
        prefix: the length of the subnet that the filter requires instead.
        match_type: FWP_MATCH_TYPE of the condition.
        is_tunnel: whether the SA is in tunnel mode.
        others: the number of empty conditions before that one.
    """
    details = ffi.new("IPSEC_SA_DETAILS1 *")
    details.ipVersion = details.traffic.ipVersion = details.saBundle.ipVersion = 1
    details.traffic.localV6Address = list(local)
    details.traffic.remoteV6Address = list(remote)
    details.traffic.trafficType = int(is_tunnel)
    kept: list[Any] = [details]
    if condition is not None:
        conditions = ffi.new("FWPM_FILTER_CONDITION0[]", others + 1)
        one = conditions[others]
        one.matchType = match_type
        ffi.memmove(ffi.addressof(one.fieldKey), field.bytes_le, 16)
        if prefix is None:
            value = ffi.new("FWP_BYTE_ARRAY16 *", {"byteArray16": list(condition)})
            one.conditionValue.type, one.conditionValue.byteArray16 = BYTE_ARRAY16, value
        else:
            value = ffi.new("FWP_V6_ADDR_AND_MASK *", {"addr": list(condition)})
            value.prefixLength = prefix
            one.conditionValue.type, one.conditionValue.v6AddrMask = V6_ADDR_MASK, value
        filter_ = ffi.new("FWPM_FILTER0 *")
        filter_.numFilterConditions, filter_.filterCondition = others + 1, conditions
        details.transportFilter = filter_
        kept += [value, conditions, filter_]
    context = ffi.new("IPSEC_SA_CONTEXT1 *")
    context.outboundSa = details
    return simulator.put(int(ffi.cast("uintptr_t", context)))
