"""Objects of the engine with any content that Microsoft's interface definitions allow.

Each struct begins as random bytes, padding and unread fields included; then discriminators get
values, and pointers lead to memory, to NULL or, if no reader may follow them, nowhere: following
one ends the process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from random import Random
from typing import Final
from uuid import UUID

from bindings.well_known import CONDITION_FIELDS, KEYING_MODULES, LAYERS
from tests.bindings.structs import ABI, Struct
from tests.resources import json_names as names
from tests.resources.json_reader import UNIONS, exists, is_shown


_NOWHERE: Final = (1, 0xFFF, 0xDEAD_BEEF_DEAD_BEEF, 2**64 - 1)
_YEAR_9999: Final = 265 * 10**16
"""Roughly the end of the year 9999, as a FILETIME."""

_WELL_KNOWN: Final[Mapping[str, dict[str, str]]] = {
    "layerKey": LAYERS,
    "fieldKey": CONDITION_FIELDS,
    "keyModuleKey": KEYING_MODULES,
}
_TEXTS: Final = (
    "",
    "host/db01.corp.example",
    "Fußgänger 🚶🏽 → 东京",
    "\x01\x1b[31m\t\r\n",
    "a" * 3000,
)
_SUBJECT: Final = bytes.fromhex("3024") + b"".join(
    bytes.fromhex(f"3110300e0603{type_}0c07") + text
    for type_, text in (("55040a", b"Example"), ("550403", b"server1"))
)
"""O=Example, CN=server1 in DER."""


class AnyMemory:
    """An object and all memory that it consists of.

    Attributes:
        struct: the name of its struct.
        address: its place.
    """

    def __init__(self, struct: str, random: Random) -> None:
        self.struct = struct
        self._random = random
        self._blocks: list[ctypes.Array[ctypes.c_char]] = []
        self.address = self._new(struct)

    def _block(self, content: bytes) -> int:
        block = ctypes.create_string_buffer(content, max(len(content), 1))
        self._blocks.append(block)
        return ctypes.addressof(block)

    def _new(self, struct: str, count: int = 1) -> int:
        size = ABI["structs"][struct]["size"]
        address = self._block(self._random.randbytes(size * count))
        for number in range(count):
            self._fill(Struct(struct, address + number * size))
        return address

    def _fill(self, struct: Struct) -> None:
        """Fill in discriminators first: they say which arms exist."""
        for field, type_ in struct.types.items():
            if names.has_words(type_):
                self._write(struct, field, self._member_of(type_, len(struct.raw(field))))
            elif _is_pointer(type_):
                self._write(struct, field, self._random.choice(_NOWHERE))
        for field, type_ in struct.types.items():
            if exists(struct, field):
                self._fill_field(struct, field, type_)

    def _fill_field(self, struct: Struct, field: str, type_: str) -> None:
        if type_ in ABI["structs"]:
            self._fill(struct.embedded(field))
            if not is_shown(struct, field):
                self._hide(struct.embedded(field))
        elif not _is_pointer(type_):
            self._fill_number(struct, field, type_)
        elif is_shown(struct, field):
            self._point(struct, field, type_)

    def _hide(self, struct: Struct) -> None:
        """Make the pointer of a blob that no reader may read invalid."""
        if struct.has("data"):
            self._write(struct, "data", self._random.choice(_NOWHERE))

    # ---- numbers ----

    def _member_of(self, type_: str, size: int) -> int:
        members = [*names.words_of(type_)]
        if type_ == "FWPM_NET_EVENT_TYPE":  # others are not about IPsec
            members = [value for value in members if _is_of_ipsec(type_, value)]
        if type_ == "FWP_DATA_TYPE":  # prefer types that contain values
            members += 10 * [ABI["enums"][type_]["FWP_RANGE_TYPE"]]
            members += 3 * [ABI["enums"][type_]["FWP_TOKEN_INFORMATION_TYPE"]]
        unknown = self._random.choice((77, 200)) if size == 1 else self._random.getrandbits(31)
        return self._random.choice([*members, *members, unknown])

    def _fill_number(self, struct: Struct, field: str, type_: str) -> None:
        size = len(struct.raw(field))
        if field in {"failureErrorCode", "failureStatus"}:
            codes = self._random.choice([names.IPSEC_CODES, names.WIN_ERRORS])
            self._write(struct, field, self._random.choice([*codes]))
        elif field in _WELL_KNOWN and self._random.random() < 0.7:
            guid = UUID(self._random.choice([*_WELL_KNOWN[field]]))
            self._write(struct, field, int.from_bytes(guid.bytes_le, "little"))
        elif type_ == "FILETIME":
            self._write(struct, field, self._random.randrange(_YEAR_9999))
        elif not names.has_words(type_):
            self._write(struct, field, int.from_bytes(self._random.randbytes(size), "little"))
        if field == "mask" and self._random.random() < 0.5:
            ones = self._random.randrange(33)
            self._write(struct, field, (0xFFFF_FFFF << ones) & 0xFFFF_FFFF)
        if not names.has_words(type_) and self._random.random() < 0.05:
            self._write(struct, field, 0)

    def _write(self, struct: Struct, field: str, value: int) -> None:
        size = len(struct.raw(field))
        ctypes.memmove(struct.place(field), value.to_bytes(size, "little"), size)

    # ---- pointers ----

    def _point(self, struct: Struct, field: str, type_: str) -> None:
        count = UNIONS.get(struct.name, {}).get("counts", {}).get(field)
        if self._random.random() < 0.15:
            self._write(struct, field, 0)  # whatever the count says
        elif count is None:
            self._write(struct, field, self._target(type_))
        else:
            number = self._random.randrange(4)
            self._write(struct, count, number)
            if number:
                self._write(struct, field, self._array(type_, number))

    def _array(self, type_: str, count: int) -> int:
        if type_ == "UINT8*":
            return self._block(self._random.randbytes(count))
        if type_ != "PSID_AND_ATTRIBUTES":
            return self._new(type_.removesuffix("*"), count)
        return self._block(
            b"".join(
                self._random.choice([0, self._sid()]).to_bytes(8, "little")
                + self._random.randbytes(8)
                for _ in range(count)
            )
        )

    def _target(self, type_: str) -> int:
        match type_:
            case "wchar_t*" | "LPWSTR":
                text = self._random.choice(_TEXTS) + str(self._random.getrandbits(40))
                return self._block(text.encode("utf-16-le") + b"\0\0")
            case "SID*":
                return self._sid()
            case "UINT64*" | "INT64*" | "double*":
                return self._block(self._random.randbytes(8))
            case "GUID*" | "IPSEC_CRYPTO_MODULE_ID*":
                return self._block(self._random.randbytes(16))
        address = self._new(type_.removesuffix("*"))
        if type_.startswith("IKEEXT_CERTIFICATE_CREDENTIAL") and self._random.random() < 0.7:
            subject = Struct(type_.removesuffix("*"), address).embedded("subjectName")
            self._write(subject, "size", len(_SUBJECT))
            self._write(subject, "data", self._block(_SUBJECT))
        return address

    def _sid(self) -> int:
        count = self._random.randrange(6)
        return self._block(bytes((1, count)) + self._random.randbytes(6 + 4 * count))


def _is_pointer(type_: str) -> bool:
    return type_.endswith("*") or type_ in {"LPWSTR", "PSID_AND_ATTRIBUTES"}


def _is_of_ipsec(type_: str, value: int) -> bool:
    name = next(name for name, each in ABI["enums"][type_].items() if each == value)
    return "_IKEEXT_" in name or "_IPSEC_" in name
