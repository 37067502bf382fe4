"""Reading C memory by address, at the field offsets of the cdef headers.

A `Layout` names fields of a struct and reads them in one step, as a tuple. Fields
that it does not name, such as key material, are pad bytes (`x`) in its format string,
so they are never copied.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from itertools import starmap
from typing import Any, Final, TypeVar

from bindings._fwpuclnt import ffi
from bindings.limits import LIMITS, MIN_LIMIT


END_OF_MEMORY: Final = 1 << 47
"""The first address beyond the user space of a 64-bit Windows process."""
ADDRESS_SPACE = ffi.buffer(ffi.cast("char *", 0), END_OF_MEMORY)
"""The user half of the address space, as one buffer whose index is the address.

Reading through this buffer takes a quarter to a half of the time of casting each address
to a pointer first (see benchmarks/), and each context has about forty structs. Reading at an
unmapped address in the buffer crashes the process, as in C. Reading beyond the buffer, or more than
`AnswerLimits.max_record_elements`, raises `struct.error` or `OverflowError` (see
`bindings.errors.reading`).
"""

WIDE_STRING = ffi.typeof("char16_t *")
GUID = ffi.typeof("GUID")
GUID_BYTES: Final = ffi.sizeof(GUID)

FEW_ELEMENTS: Final = 8
MAX_ARRAY_BYTES: Final = 16 << 20
"""The most that the elements of an array may take, with all that they lead to; see `collected`."""

T = TypeVar("T")

RawTree = tuple[Any, ...]
"""A copy of a struct and of what it points to, limited to the fields of its record.

Records are the classes of `bindings.records`, `bindings.ike_records` and so on.

The parts are in the order of the record's fields. Each part is a number, a string,
bytes, None, or a tuple or list of parts. A GUID is its 16 bytes as in memory. A NULL
pointer is None, or empty if it should point to an array.
"""

_CODES = {
    "uint8_t": "B",
    "int8_t": "b",
    "uint16_t": "H",
    "int16_t": "h",
    "uint32_t": "I",
    "int32_t": "i",
    "uint64_t": "Q",
    "int64_t": "q",
    "float": "f",
    "double": "d",
}


class Layout:
    """Selected fields of one C struct.

    A path is the name of a field. Dots lead into embedded structs, as in
    `saBundle.lifetime.lifetimeSeconds`. The paths must be in the order of the struct.
    Integers and enumerations are read as int (enumerations are unsigned), pointers as
    addresses, and GUIDs and byte arrays as bytes.
    """

    def __init__(self, struct_name: str, *paths: str) -> None:
        ctype = ffi.typeof(struct_name)
        self.size: int = ffi.sizeof(ctype)
        layout, position = "<", 0
        for path in paths:
            offset, code = _locate(ctype, path)
            if offset < position:
                raise ValueError(f"{struct_name}: {path} must be named in the order of the struct")
            layout += f"{offset - position}x{code}"
            position = offset + struct.calcsize("<" + code)
        self.read_from = struct.Struct(layout).unpack_from
        # Reads the fields of the struct at an address, in the order of the paths.
        self.read: Callable[[int], tuple[Any, ...]] = partial(self.read_from, ADDRESS_SPACE)

    def read_array(self, address: int, count: int) -> list[tuple[Any, ...]]:
        """Read the fields of each struct in the array of `count` structs at `address`."""
        if count > MIN_LIMIT:
            check_length(count)
        return [*map(self.read, range(address, address + count * self.size, self.size))]


def check_length(length: int) -> None:
    """Reject the length of an array, a blob or a string that no object can have.

    Raises:
        struct.error: the length exceeds `AnswerLimits.max_record_elements`.
    """
    if length > LIMITS.max_record_elements:
        raise struct.error("an array, blob or string that is too long")


def collected(read: Callable[..., T], elements: Sequence[tuple[Any, ...]]) -> list[T]:
    """Return the elements of an array with all that they lead to, as `read` copies each.

    Many elements may share one long blob, so their sum has a limit of its own. A few cannot
    exceed it by much, and are not weighed.

    Raises:
        struct.error: they take more than `MAX_ARRAY_BYTES`.
    """
    if len(elements) <= FEW_ELEMENTS:
        return [*starmap(read, elements)]
    copied: list[T] = []
    left = MAX_ARRAY_BYTES
    for element in elements:
        part = read(*element)
        left -= weight(part)
        if left < 0:
            raise struct.error("an array whose elements take too much memory")
        copied.append(part)
    return copied


def weight(part: object) -> int:
    """Return roughly how many bytes a copied part takes."""
    if isinstance(part, str | bytes):
        return len(part)
    if isinstance(part, dict):
        return sum(map(weight, part.values()))
    if isinstance(part, tuple | list):
        return 8 * len(part) + sum(map(weight, part))
    return 8


def offset_of(struct_name: str, path: str) -> int:
    """Return the offset of a field of a struct, in bytes."""
    offset: int = ffi.offsetof(struct_name, path)
    return offset


def read_pointers(address: int, count: int, max_count: int) -> tuple[int, ...]:
    """Return the `count` pointers in the array at `address`; none if `address` is NULL.

    Raises:
        struct.error: `count` exceeds `max_count`, or one of the pointers is NULL.
    """
    if not address or not count:
        return ()
    if count > max_count:
        raise struct.error("more entries than were asked for")
    pointers = struct.unpack_from(f"<{count}Q", ADDRESS_SPACE, address)
    if 0 in pointers:
        raise struct.error("an entry that is NULL")
    return pointers


def read_bytes(address: int, size: int) -> bytes:
    """Copy `size` bytes at `address`; ignore the address if `size` is 0."""
    if not size:
        return b""
    if size > MIN_LIMIT:
        check_length(size)
    if address + size > END_OF_MEMORY:  # slicing would silently return fewer bytes
        raise struct.error("an address out of reach")
    copied: bytes = ADDRESS_SPACE[address : address + size]
    return copied


def read_guid(address: int) -> bytes | None:
    """Copy the 16 bytes of the GUID at `address`; None for a NULL pointer."""
    return read_bytes(address, GUID_BYTES) if address else None


def read_wide_string(address: int) -> str | None:
    """Read the NUL-terminated UTF-16 string at `address`; None for a NULL pointer.

    Lone surrogates, which Windows allows in names but UTF-8 cannot encode, become
    U+FFFD.
    """
    if not address:
        return None
    if address >= END_OF_MEMORY:
        raise struct.error("an address out of reach")
    end = LIMITS.max_record_elements + 1
    text: str = ffi.string(ffi.cast(WIDE_STRING, address), end)
    if 2 * len(text) >= end:  # a character has at most two units
        check_length(len(text.encode("utf-16-le", "surrogatepass")) // 2)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def read_raw_wide_string(address: int) -> str:
    """Read the NUL-terminated UTF-16 string at `address`, keeping lone surrogates.

    As in `read_wide_string`, nothing beyond `AnswerLimits.max_record_elements` and its
    terminator is read.
    """
    if address >= END_OF_MEMORY:
        raise struct.error("an address out of reach")
    text: str = ffi.string(ffi.cast(WIDE_STRING, address), LIMITS.max_record_elements + 1)
    check_length(len(text.encode("utf-16-le", "surrogatepass")) // 2)
    return text


def _locate(ctype: Any, path: str) -> tuple[int, str]:
    """Return the offset of a field in the outermost struct, and the field's `struct` code."""
    offset = 0
    for name in path.split("."):
        field = dict(ctype.fields)[name]
        offset += field.offset
        ctype = field.type
    return offset, code_of(ctype)


def code_of(ctype: Any) -> str:
    """Return the `struct` code for a field of this C type; enumerations are unsigned."""
    if ctype.kind == "pointer":
        return "Q"
    if ctype.kind == "enum":
        return "I"
    if ctype.kind == "array" or ctype == GUID:
        return f"{ffi.sizeof(ctype)}s"
    return _CODES[ctype.cname]
