"""The engine's memory by Microsoft's layouts: structs whose fields are found by their names.

It shares nothing with the bindings. Offsets, sizes and types are those that Microsoft's headers
have (tests/data/abi.json). Plain, not fast.
"""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any, Final
from uuid import UUID


_DATA: Final = Path(__file__).parents[1] / "data"

ABI: Final[dict[str, Any]] = json.loads((_DATA / "abi.json").read_text(encoding="utf-8"))

_POINTER_BYTES: Final = 8
_SID_AND_ATTRIBUTES_BYTES: Final = 16  # winnt.h: PSID Sid; DWORD Attributes
_SID_HEADER_BYTES: Final = 8  # winnt.h: Revision, SubAuthorityCount, IdentifierAuthority[6]


class Struct:
    """A struct in memory, whose fields are found by their names."""

    def __init__(self, name: str, address: int) -> None:
        self.name = name
        self.address = address
        self.size: int = ABI["structs"][name]["size"]
        self._fields: dict[str, Any] = ABI["structs"][name]["fields"]

    @property
    def types(self) -> dict[str, str]:
        """The C type of each field, in their order."""
        return {name: field["type"] for name, field in self._fields.items()}

    def has(self, field: str) -> bool:
        return field in self._fields

    def place(self, field: str) -> int:
        """The address of a field."""
        return self.address + int(self._fields[field]["offset"])

    def raw(self, field: str) -> bytes:
        return ctypes.string_at(self.place(field), self._fields[field]["size"])

    def number(self, field: str) -> int:
        """An unsigned number, an enumeration or an address."""
        return int.from_bytes(self.raw(field), "little")

    def signed(self, field: str) -> int:
        return int.from_bytes(self.raw(field), "little", signed=True)

    def number_if_there(self, field: str) -> int | None:
        """A number; None where this generation of the struct lacks it."""
        return self.number(field) if self.has(field) else None

    def guid(self, field: str) -> str:
        return guid_at(self.place(field))

    def guid_behind(self, field: str) -> str | None:
        address = self.number(field)
        return guid_at(address) if address else None

    def text_behind(self, field: str) -> str | None:
        address = self.number(field)
        return text_at(address) if address else None

    def embedded(self, field: str) -> Struct:
        return Struct(self._fields[field]["type"], self.place(field))

    def followed(self, field: str) -> Struct | None:
        """What a pointer points to; None for NULL."""
        address = self.number(field)
        return Struct(self._target(field), address) if address else None

    def array(self, field: str, count: str) -> list[Struct]:
        """The elements behind a pointer; none for NULL, whatever the count says."""
        address, target = self.number(field), self._target(field)
        if not address:
            return []
        size = ABI["structs"][target]["size"]
        return [Struct(target, address + i * size) for i in range(self.number(count))]

    def _target(self, field: str) -> str:
        declared: str = self._fields[field]["type"]
        assert declared.endswith("*"), declared
        return declared.removesuffix("*")


def number_at(address: int, size: int, *, signed: bool = False) -> int:
    return int.from_bytes(ctypes.string_at(address, size), "little", signed=signed)


def guid_at(address: int) -> str:
    return str(UUID(bytes_le=ctypes.string_at(address, 16)))


def text_at(address: int) -> str:
    """UTF-16 up to NUL, unit by unit; a surrogate without its partner becomes U+FFFD."""
    text: list[str] = []
    while unit := number_at(address, 2):
        address += 2
        if not 0xD800 <= unit <= 0xDFFF:
            text.append(chr(unit))
            continue
        following = number_at(address, 2)
        if unit < 0xDC00 and 0xDC00 <= following <= 0xDFFF:
            address += 2
            text.append(chr(0x10000 + ((unit - 0xD800) << 10) + (following - 0xDC00)))
        else:
            text.append("\N{REPLACEMENT CHARACTER}")
    return "".join(text)


def sid_at(address: int) -> str:
    """A SID in its text form, [MS-DTYP] 2.4.2.1: an authority from 2**32 on is in hexadecimal."""
    revision, count = number_at(address, 1), number_at(address + 1, 1)
    authority = int.from_bytes(ctypes.string_at(address + 2, 6), "big")
    parts = [number_at(address + _SID_HEADER_BYTES + 4 * i, 4) for i in range(count)]
    written = f"0x{authority:012x}" if authority >= 2**32 else str(authority)
    return "-".join(["S", str(revision), written, *map(str, parts)])


def sids_at(address: int, count: int) -> tuple[tuple[str | None, int], ...]:
    """An array of SID_AND_ATTRIBUTES; none for NULL, whatever the count says."""
    if not address:
        return ()
    elements = (address + i * _SID_AND_ATTRIBUTES_BYTES for i in range(count))
    return tuple(
        (sid_at(sid) if (sid := number_at(at, _POINTER_BYTES)) else None, number_at(at + 8, 4))
        for at in elements
    )
