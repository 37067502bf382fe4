"""A transport filter, the naive way: attribute by attribute into dicts of the public shape."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Any
from uuid import UUID

from app.schemas import names as public
from bindings import enums as wfp
from bindings._fwpuclnt import ffi
from bindings.enums import DataType
from bindings.well_known import CONDITION_FIELDS, LAYERS


def named(
    field: str, numbers: type[IntEnum], names: type[StrEnum], number: int
) -> dict[str, str | int]:
    """Return a field with the public name of an enumeration's number.

    For a number without a name, return UNKNOWN and the raw number.
    """
    try:
        return {field: names[numbers(number).name]}
    except ValueError:
        return {field: names["UNKNOWN"], f"{field}Raw": number}


def guid(struct: Any) -> str:
    """Return the text of an embedded GUID."""
    return str(UUID(bytes_le=bytes(ffi.buffer(ffi.addressof(struct)))))


def optional_guid(pointer: Any) -> str | None:
    """Return the text of the GUID that a pointer points to; None for NULL."""
    return str(UUID(bytes_le=bytes(ffi.buffer(pointer)))) if pointer else None


def text(pointer: Any) -> str | None:
    """Return the text of a wide string; None for NULL."""
    return ffi.string(pointer) if pointer else None


def filter_of(struct: Any) -> dict[str, Any]:
    """Return the public shape of an FWPM_FILTER0."""
    layer_key = guid(struct.layerKey)
    rendered: dict[str, Any] = {
        "filterKey": guid(struct.filterKey),
        "name": text(struct.displayData.name),
        "description": text(struct.displayData.description),
        "flags": _flags(struct.flags),
        "providerKey": optional_guid(struct.providerKey),
        "layerKey": layer_key,
        "subLayerKey": guid(struct.subLayerKey),
        "weight": value_of(struct.weight),
        "filterCondition": [
            _condition(struct.filterCondition[index]) for index in range(struct.numFilterConditions)
        ],
        "action": {
            **named("type", wfp.ActionType, public.ActionType, struct.action.type),
            "filterType": guid(struct.action.filterType),
        },
        "filterId": str(struct.filterId),
        "effectiveWeight": value_of(struct.effectiveWeight),
    }
    if layer_key in LAYERS:
        rendered["layer"] = LAYERS[layer_key]
    return rendered


def value_of(struct: Any) -> dict[str, Any]:
    """Return the public shape of an FWP_VALUE0 or FWP_CONDITION_VALUE0."""
    shape: dict[str, Any] = dict(named("type", wfp.DataType, public.DataType, struct.type))
    type_ = struct.type
    if "typeRaw" in shape or type_ in (DataType.EMPTY, DataType.TOKEN_ACCESS_INFORMATION):
        return shape
    if type_ == DataType.RANGE:
        range_ = struct.rangeValue
        shape["low"] = value_of(range_.valueLow) if range_ else None
        shape["high"] = value_of(range_.valueHigh) if range_ else None
    elif type_ == DataType.TOKEN_INFORMATION:
        token = struct.tokenInformation
        shape["sids"] = _sids(token.sids, token.sidCount) if token else []
        shape["restrictedSids"] = (
            _sids(token.restrictedSids, token.restrictedSidCount) if token else []
        )
    else:
        shape["value"] = _single(type_, struct)
    return shape


_IN_THE_UNION = {
    DataType.UINT8: "uint8",
    DataType.UINT16: "uint16",
    DataType.UINT32: "uint32",
    DataType.INT8: "int8",
    DataType.INT16: "int16",
    DataType.INT32: "int32",
    DataType.FLOAT: "float32",
}


def _single(type_: int, struct: Any) -> Any:  # noqa: C901  # one branch for each type
    if type_ in _IN_THE_UNION:
        return getattr(struct, _IN_THE_UNION[DataType(type_)])
    if not struct.uint64:
        return None
    if type_ == DataType.UINT64:
        return str(struct.uint64[0])
    if type_ == DataType.INT64:
        return str(struct.int64[0])
    if type_ == DataType.DOUBLE:
        return struct.double64[0]
    if type_ == DataType.BYTE_ARRAY16:
        return bytes(struct.byteArray16.byteArray16).hex()
    if type_ == DataType.BYTE_ARRAY6:
        return bytes(struct.byteArray6.byteArray6).hex()
    if type_ in (DataType.BYTE_BLOB, DataType.SECURITY_DESCRIPTOR):
        blob = struct.byteBlob
        return bytes(ffi.buffer(blob.data, blob.size)).hex() if blob.data else ""
    if type_ == DataType.SID:
        return _sid(struct.sid)
    if type_ == DataType.V4_ADDR_MASK:
        return _v4_subnet(struct.v4AddrMask)
    if type_ == DataType.V6_ADDR_MASK:
        return _v6_subnet(struct.v6AddrMask)
    return text(struct.unicodeString)


def _condition(struct: Any) -> dict[str, Any]:
    field_key = guid(struct.fieldKey)
    value = struct.conditionValue
    rendered: dict[str, Any] = {
        "fieldKey": field_key,
        **named("matchType", wfp.MatchType, public.MatchType, struct.matchType),
        "conditionValue": value_of(value),
    }
    if field_key in CONDITION_FIELDS:
        rendered["field"] = CONDITION_FIELDS[field_key]
        if rendered["field"].endswith("_address"):
            address = _address(value)
            if address is not None:
                rendered["address"] = address
    return rendered


def _address(value: Any) -> str | None:
    if value.type == DataType.UINT32:
        return str(IPv4Address(value.uint32))
    if not value.uint64:
        return None
    if value.type == DataType.BYTE_ARRAY16:
        return str(IPv6Address(bytes(value.byteArray16.byteArray16)))
    if value.type == DataType.V4_ADDR_MASK:
        return _v4_subnet(value.v4AddrMask)
    if value.type == DataType.V6_ADDR_MASK:
        return _v6_subnet(value.v6AddrMask)
    if value.type == DataType.RANGE:
        low, high = _address(value.rangeValue.valueLow), _address(value.rangeValue.valueHigh)
        return f"{low}-{high}" if low and high else None
    return None


def _v4_subnet(struct: Any) -> str:
    address, mask = IPv4Address(struct.addr), IPv4Address(struct.mask)
    try:
        return f"{address}/{IPv4Network((0, str(mask))).prefixlen}"
    except ValueError:
        return f"{address}/{mask}"


def _v6_subnet(struct: Any) -> str:
    return f"{IPv6Address(bytes(struct.addr))}/{struct.prefixLength}"


def _sids(array: Any, count: int) -> list[dict[str, Any]]:
    if not array:
        return []
    return [
        {"sid": _sid(array[index].Sid), "attributes": array[index].Attributes}
        for index in range(count)
    ]


def _sid(pointer: Any) -> str | None:
    if not pointer:
        return None
    authority = int.from_bytes(bytes(pointer.IdentifierAuthority), "big")
    first = ffi.cast("UINT32 *", ffi.addressof(pointer.SubAuthority))
    parts = [first[index] for index in range(pointer.SubAuthorityCount)]
    return "-".join(map(str, ("S", pointer.Revision, authority, *parts)))


def _flags(value: int) -> dict[str, Any]:
    known = [flag for flag in wfp.FilterFlag if value & flag]
    return {
        "value": value,
        "names": [public.FilterFlag[str(flag.name)] for flag in known],
        "unknown": value & ~sum(known),
    }
