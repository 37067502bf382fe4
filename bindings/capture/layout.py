"""The captured fields of each struct, with their types and places in memory."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.capture.structs import STRUCTS, Field


BYTE: Final = ffi.typeof("UINT8")
NUMBER: Final = ffi.typeof("UINT32")
TEXT: Final = ffi.typeof("char16_t")
SID: Final = ffi.typeof("SID")
FRACTIONS: Final = (ffi.typeof("float"), ffi.typeof("double"))

MAX_ELEMENTS: Final = 1 << 20
"""Maximum length of an array, in elements; no real one comes near it."""


@cache
def captured(struct: str) -> tuple[tuple[Field, Any, int], ...]:
    """Return the captured fields of a struct, each with its type and its offset in bytes."""
    members = dict(ffi.typeof(struct).fields)
    return tuple(
        (field, members[field.name].type, members[field.name].offset) for field in STRUCTS[struct]
    )


@cache
def name_of(ctype: Any) -> str:
    """Return the name that the headers give a struct type."""
    name: str = ctype.cname
    return name.removeprefix("struct ").removesuffix("_")
