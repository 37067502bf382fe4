"""From JSON to C memory: the inverse of `bindings.capture.walk`.

The JSON is untrusted. No pointer is ever taken from it. Anything that does not fit the struct is
an error: an unknown field, a field whose conditions do not hold, or a count that differs from the
number of elements.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from bindings._fwpuclnt import ffi
from bindings.capture.layout import BYTE, FRACTIONS, MAX_ELEMENTS, SID, TEXT, captured, name_of
from bindings.memory import GUID, GUID_BYTES, code_of
from bindings.values import MAX_SUB_AUTHORITIES


UNBUILDABLE: Final = (struct.error, TypeError, ValueError, OverflowError)
"""The exceptions that building a struct raises if the JSON does not fit it."""

_SID: Final = re.compile(r"S-(\d{1,3})-(\d{1,15}|0x[0-9a-f]{12})((?:-\d{1,10})*)", re.ASCII)


class Tree:
    """A struct in C memory and all that it points to, valid as long as this object exists.

    Fields that the JSON lacks are 0, so JSON of an older generation also fits a newer struct.

    Attributes:
        address: the struct's address.
    """

    def __init__(self, name: str, value: object) -> None:
        """Build a struct.

        Args:
            name: the struct's name.
            value: the struct as JSON, as `walk` returns it.

        Raises:
            UNBUILDABLE: the value does not fit the struct.
        """
        self._parts: list[Any] = []
        self.address = self._array(ffi.typeof(name), [value])

    def _memory(self, size: int) -> tuple[Any, int]:
        """Return new zeroed memory, aligned for every type, and its address."""
        part = ffi.new("uint64_t[]", size // 8 + 1)
        self._parts.append(part)
        return ffi.buffer(part), int(ffi.cast("uintptr_t", part))

    def _array(self, item: Any, values: Sequence[Any]) -> int:
        memory, address = self._memory(ffi.sizeof(item) * len(values))
        self._fill(item, memory, 0, values)
        return address

    def _fill(self, item: Any, memory: Any, offset: int, values: Sequence[Any]) -> None:
        if isinstance(values, bytes):
            memory[offset : offset + len(values)] = values
            return
        size = ffi.sizeof(item)
        for index, value in enumerate(values):
            self._write(item, memory, offset + index * size, value)

    def _write(
        self, ctype: Any, memory: Any, offset: int, value: Any, count: int | None = None
    ) -> None:
        if ctype == GUID:
            memory[offset : offset + GUID_BYTES] = UUID(_string(value)).bytes_le
        elif ctype.kind == "struct":
            self._write_struct(name_of(ctype), memory, offset, value)
        elif ctype.kind == "array":
            self._fill(ctype.item, memory, offset, _elements(ctype.item, value, ctype.length))
        else:
            if ctype.kind == "pointer":
                value = 0 if value is None else self._pointed(ctype.item, value, count)
            elif ctype in FRACTIONS:
                value = float.fromhex(value)
            struct.pack_into("<" + code_of(ctype), memory, offset, value)

    def _write_struct(self, name: str, memory: Any, offset: int, value: Any) -> None:
        if not isinstance(value, dict):
            raise TypeError(f"{name} is an object")
        left = value.copy()
        for field, ctype, place in captured(name):
            if field.name not in left:
                continue
            if not all(when.holds(value.get(when.switch, 0)) for when in field.conditions):
                raise ValueError(f"{name} has no {field.name} here")
            count = None if field.count is None else value.get(field.count, 0)
            self._write(ctype, memory, offset + place, left.pop(field.name), count)
        if left:
            raise ValueError(f"{name} has no field {min(left)!r}")

    def _pointed(self, item: Any, value: Any, count: int | None) -> int:
        if item == TEXT:
            return self._array(BYTE, _string(value).encode("utf-16-le", "surrogatepass") + b"\0\0")
        if item == SID:
            return self._array(BYTE, _sid(value))
        return self._array(item, [value] if count is None else _elements(item, value, count))


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _elements(item: Any, value: Any, count: int) -> Sequence[Any]:
    """Return the elements of an array; raise ValueError if there are not `count` of them."""
    elements: Sequence[Any] = bytes.fromhex(value) if item == BYTE else list(value)
    if len(elements) != count or count > MAX_ELEMENTS:
        raise ValueError(f"{len(elements)} elements where there are {count}")
    return elements


def _sid(text: str) -> bytes:
    """Return the binary form of a SID ([MS-DTYP] 2.4.2.2)."""
    found = _SID.fullmatch(text)
    parts = found[3].split("-")[1:] if found else []
    if found is None or len(parts) > MAX_SUB_AUTHORITIES:
        raise ValueError("not a SID")
    authority = int(found[2], 0 if found[2].startswith("0x") else 10).to_bytes(6, "big")
    header = struct.pack("<BB6s", int(found[1]), len(parts), authority)
    return header + struct.pack(f"<{len(parts)}I", *map(int, parts))
