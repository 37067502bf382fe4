"""Reading and decoding FWP_VALUE0 and FWP_CONDITION_VALUE0, WFP's tagged unions (fwptypes.h).

Numbers of up to 32 bits are in the union itself. For all other types, including
64-bit numbers and doubles, the union contains a pointer.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, TypeVar

from bindings.enums import DataType
from bindings.memory import ADDRESS_SPACE, Layout, RawTree, read_bytes, read_wide_string
from bindings.records import Range, TokenInformation, V4AddressAndMask, V6AddressAndMask, Value


T = TypeVar("T")

BLOB = Layout("FWP_BYTE_BLOB", "size", "data")
V4_ADDR_AND_MASK = Layout("FWP_V4_ADDR_AND_MASK", "addr", "mask")
V6_ADDR_AND_MASK = Layout("FWP_V6_ADDR_AND_MASK", "addr", "prefixLength")
RANGE = Layout(
    "FWP_RANGE0", "valueLow.type", "valueLow.uint64", "valueHigh.type", "valueHigh.uint64"
)
TOKEN_INFORMATION = Layout(
    "FWP_TOKEN_INFORMATION", "sidCount", "sids", "restrictedSidCount", "restrictedSids"
)
SID_AND_ATTRIBUTES = Layout("SID_AND_ATTRIBUTES", "Sid", "Attributes")
SID_HEADER_BYTES: Final = 8
MAX_SUB_AUTHORITIES: Final = 15
"""SID_MAX_SUB_AUTHORITIES (winnt.h)."""
SID = Layout("SID", "Revision", "SubAuthorityCount", "IdentifierAuthority")


def read_value(type_: int, union: int) -> RawTree:
    """Copy the FWP_VALUE0 of type `type_` whose union, read as 8 bytes, is `union`."""
    read = _READERS.get(type_)
    return type_, None if read is None else read(union)


def read_condition_value(type_: int, union: int) -> RawTree:
    """Copy a FWP_CONDITION_VALUE0, whose union has three more members; see `read_value`."""
    read = _CONDITION_READERS.get(type_)
    return type_, None if read is None else read(union)


def decode_value(type_: int, content: Any) -> Value:
    """Decode a copied FWP_VALUE0 or FWP_CONDITION_VALUE0."""
    decode = _DECODERS.get(type_)
    return Value(type_, content if decode is None or content is None else decode(content))


def read_sid(address: int) -> str | None:
    """Read the SID at `address` as `S-1-…`; None for NULL or too many subauthorities (winnt.h)."""
    if not address:
        return None
    revision, count, authority_bytes = SID.read(address)
    if count > MAX_SUB_AUTHORITIES:
        return None
    authority = int.from_bytes(authority_bytes, "big")
    # An authority of 2^32 or more is written in hexadecimal ([MS-DTYP] 2.4.2.1).
    authority_text = str(authority) if authority < 1 << 32 else f"0x{authority:012x}"
    parts = struct.unpack(f"<{count}I", read_bytes(address + SID_HEADER_BYTES, 4 * count))
    return "-".join(("S", str(revision), authority_text, *map(str, parts)))


def _unsigned(bits: int) -> Callable[[int], int]:
    """Return a reader of the unsigned number in the lowest `bits` bits of the union."""
    mask = (1 << bits) - 1
    return lambda union: union & mask


def _signed(bits: int) -> Callable[[int], int]:
    """Return a reader of the two's complement number in the lowest `bits` bits of the union."""
    mask, sign = (1 << bits) - 1, 1 << (bits - 1)
    return lambda union: ((union & mask) ^ sign) - sign


def _float(union: int) -> float:
    value: float = struct.unpack("<f", (union & 0xFFFFFFFF).to_bytes(4, "little"))[0]
    return value


def _pointed(read: Callable[[int], T]) -> Callable[[int], T | None]:
    """Return a reader that applies `read` to a pointer, but returns None for NULL."""
    return lambda address: read(address) if address else None


def _pointed_number(code: str) -> Callable[[int], Any]:
    number = struct.Struct("<" + code)
    return _pointed(lambda address: number.unpack_from(ADDRESS_SPACE, address)[0])


def _pointed_bytes(size: int) -> Callable[[int], Any]:
    return _pointed(lambda address: read_bytes(address, size))


def read_blob(size: int, data: int) -> bytes:
    """Copy the bytes of a FWP_BYTE_BLOB; b"" for a NULL pointer, whatever the size."""
    return read_bytes(data, size) if data else b""


def _blob(address: int) -> bytes:
    return read_blob(*BLOB.read(address))


def _token_information(address: int) -> RawTree:
    count, sids, restricted_count, restricted = TOKEN_INFORMATION.read(address)
    return _sids(sids, count), _sids(restricted, restricted_count)


def _sids(address: int, count: int) -> tuple[tuple[str | None, int], ...]:
    if not address:
        return ()
    return tuple(
        (read_sid(sid), attributes)
        for sid, attributes in SID_AND_ATTRIBUTES.read_array(address, count)
    )


def _range(address: int) -> RawTree:
    low_type, low, high_type, high = RANGE.read(address)
    return read_value(low_type, low), read_value(high_type, high)


_READERS: dict[int, Callable[[int], Any]] = {
    DataType.UINT8: _unsigned(8),
    DataType.UINT16: _unsigned(16),
    DataType.UINT32: _unsigned(32),
    DataType.UINT64: _pointed_number("Q"),
    DataType.INT8: _signed(8),
    DataType.INT16: _signed(16),
    DataType.INT32: _signed(32),
    DataType.INT64: _pointed_number("q"),
    DataType.FLOAT: _float,
    DataType.DOUBLE: _pointed_number("d"),
    DataType.BYTE_ARRAY16: _pointed_bytes(16),
    DataType.BYTE_BLOB: _pointed(_blob),
    DataType.SID: read_sid,
    DataType.SECURITY_DESCRIPTOR: _pointed(_blob),
    DataType.TOKEN_INFORMATION: _pointed(_token_information),
    DataType.UNICODE_STRING: read_wide_string,
    DataType.BYTE_ARRAY6: _pointed_bytes(6),
}
_CONDITION_READERS: dict[int, Callable[[int], Any]] = {
    **_READERS,
    DataType.V4_ADDR_MASK: _pointed(V4_ADDR_AND_MASK.read),
    DataType.V6_ADDR_MASK: _pointed(V6_ADDR_AND_MASK.read),
    DataType.RANGE: _pointed(_range),
}


def _v4_address_and_mask(tree: RawTree) -> V4AddressAndMask:
    host_order, mask = tree
    return V4AddressAndMask(host_order.to_bytes(4, "big"), mask.to_bytes(4, "big"))


def _decode_range(tree: RawTree) -> Range:
    low, high = tree
    return Range(decode_value(*low), decode_value(*high))


_DECODERS: dict[int, Callable[[RawTree], Any]] = {
    DataType.TOKEN_INFORMATION: TokenInformation._make,
    DataType.V4_ADDR_MASK: _v4_address_and_mask,
    DataType.V6_ADDR_MASK: V6AddressAndMask._make,
    DataType.RANGE: _decode_range,
}
"""Decoders of the types whose values are not numbers, text or bytes."""
