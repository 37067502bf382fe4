"""The captured fields of each struct, with their types and offsets."""

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
"""The maximum length of an array, in elements; real arrays are far shorter."""


@cache
def captured(struct: str) -> tuple[tuple[Field, Any, int], ...]:
    """Return the captured fields of a struct, each with its type and its offset in bytes."""
    members = dict(ffi.typeof(struct).fields)
    return tuple(
        (field, members[field.name].type, members[field.name].offset) for field in STRUCTS[struct]
    )


@cache
def name_of(ctype: Any) -> str:
    """Return the name of a struct type in the headers, such as `IPSEC_SA0`."""
    name: str = ctype.cname
    return name.removeprefix("struct ").removesuffix("_")
