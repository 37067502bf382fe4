"""From C memory to JSON: a struct and everything that it points to, field by field.

A struct becomes an object whose members have the names of its fields in the headers. Integers
(also 64-bit ones) and enumerations become numbers. GUIDs, SIDs and wide strings become strings.
Bytes become hexadecimal strings. Floating-point numbers become exact hexadecimal strings
(`0x1.8p+1`). A NULL pointer becomes null. A field is omitted if `STRUCTS` does not list it, or if
one of its conditions does not hold.
"""

from __future__ import annotations

import struct
from typing import Any

from bindings._fwpuclnt import ffi
from bindings.capture.layout import BYTE, FRACTIONS, SID, TEXT, captured, name_of
from bindings.guid import guid_text
from bindings.memory import (
    ADDRESS_SPACE,
    GUID,
    GUID_BYTES,
    check_length,
    code_of,
    collected,
    read_bytes,
    read_raw_wide_string,
)
from bindings.values import read_sid


def walk(name: str, address: int, fields: frozenset[str] | None = None) -> dict[str, Any]:
    """Return the struct at `address` as a JSON object.

    Args:
        name: the struct's name.
        address: where it is.
        fields: the fields to read, or None for all that `STRUCTS` lists.

    Raises:
        struct.error, OverflowError: a pointer leads outside the address space, or an array is
            longer than `MAX_ELEMENTS`.
    """
    found: dict[str, Any] = {}
    for field, ctype, offset in captured(name):
        if (fields is None or field.name in fields) and all(
            when.switch in found and when.holds(found[when.switch]) for when in field.conditions
        ):
            count = None if field.count is None else found[field.count]
            found[field.name] = _value(ctype, address + offset, count)
    return found


def _value(ctype: Any, address: int, count: int | None = None) -> Any:
    if ctype == GUID:
        return guid_text(read_bytes(address, GUID_BYTES))
    if ctype.kind == "struct":
        return walk(name_of(ctype), address)
    if ctype.kind == "array":
        return _elements(ctype.item, address, ctype.length)
    (value,) = struct.unpack_from("<" + code_of(ctype), ADDRESS_SPACE, address)
    if ctype.kind == "pointer":
        return _pointed(ctype.item, value, count) if value else None
    return value.hex() if ctype in FRACTIONS else value


def _pointed(item: Any, address: int, count: int | None) -> Any:
    if item == TEXT:
        return read_raw_wide_string(address)
    if item == SID:
        return read_sid(address)
    return _value(item, address) if count is None else _elements(item, address, count)


def _elements(item: Any, address: int, count: int) -> Any:
    check_length(count)
    if item == BYTE:
        return read_bytes(address, count).hex()
    size = ffi.sizeof(item)
    places = [(item, address + index * size) for index in range(count)]
    return collected(_value, places)
